// SPDX-License-Identifier: Apache-2.0
//
// cgroup CPU quotas. Source: Linux Documentation/admin-guide/cgroup-v2.rst ("cpu.max") and
// Documentation/scheduler/sched-bwc.rst (v1: cpu.cfs_quota_us, cpu.cfs_period_us).
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "skein/machine/machine.hpp"

namespace skein {
namespace {

namespace fs = std::filesystem;

/// "max 100000" or "150000 100000".
std::optional<double> quota_v2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  double quota = 0;
  double period = 0;
  if (file >> quota >> period && quota > 0 && period > 0) return quota / period;
  return std::nullopt;
}

std::optional<double> quota_v1(const fs::path& group) {
  std::ifstream quota_file(group / "cpu.cfs_quota_us");
  std::ifstream period_file(group / "cpu.cfs_period_us");
  double quota = 0;
  double period = 0;
  if (quota_file >> quota && period_file >> period && quota > 0 && period > 0) return quota / period;
  return std::nullopt;
}

/// The least over the group and its ancestors.
template <class Quota>
std::optional<double> least(const fs::path& mount, fs::path group, Quota quota_of) {
  std::optional<double> result;
  while (true) {
    const auto quota = quota_of(group.empty() ? mount : mount / group);
    if (quota) result = result ? std::min(*result, *quota) : quota;
    if (group.empty()) return result;
    group = group.parent_path();
  }
}

bool has_cpu_controller(const std::string& controllers) {
  return ("," + controllers + ",").find(",cpu,") != std::string::npos;
}

}  // namespace

std::optional<double> cpu_quota(const std::string& proc_cgroup, const std::string& mount) {
  std::optional<double> result;
  std::ifstream file(proc_cgroup);
  for (std::string line; std::getline(file, line);) {  // "hierarchy:controllers:/path"
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = fs::path(line.substr(second + 1)).relative_path();
    std::optional<double> quota;
    if (controllers.empty()) {
      quota = least(mount, group, quota_v2);
    } else if (has_cpu_controller(controllers)) {
      for (const char* folder : {"cpu,cpuacct", "cpu"}) {
        if (!quota) quota = least(fs::path(mount) / folder, group, quota_v1);
      }
    }
    if (quota) result = result ? std::min(*result, *quota) : quota;
  }
  return result;
}

}  // namespace skein
