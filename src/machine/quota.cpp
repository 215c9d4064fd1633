// SPDX-License-Identifier: Apache-2.0
//
// cgroup CPU quotas. Source: Linux Documentation/admin-guide/cgroup-v2.rst ("cpu.max") and
// Documentation/scheduler/sched-bwc.rst (v1: cpu.cfs_quota_us, cpu.cfs_period_us).
#include <sys/stat.h>

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

std::uint64_t identity_of(const fs::path& group) {
  struct stat status {};
  if (stat(group.c_str(), &status) != 0) return 0;
  return (static_cast<std::uint64_t>(status.st_dev) << 48U) ^ static_cast<std::uint64_t>(status.st_ino);
}

/// The limits of the group and its ancestors.
template <class Quota>
std::vector<CpuLimit> limits_up_from(const fs::path& mount, fs::path group, Quota quota_of) {
  std::vector<CpuLimit> limits;
  while (true) {
    const fs::path folder = group.empty() ? mount : mount / group;
    if (const auto quota = quota_of(folder)) limits.push_back({identity_of(folder), *quota});
    if (group.empty()) return limits;
    group = group.parent_path();
  }
}

bool has_cpu_controller(const std::string& controllers) {
  return ("," + controllers + ",").find(",cpu,") != std::string::npos;
}

}  // namespace

std::vector<CpuLimit> cpu_limits(const std::string& proc_cgroup, const std::string& mount) {
  std::vector<CpuLimit> result;
  std::ifstream file(proc_cgroup);
  for (std::string line; std::getline(file, line);) {  // "hierarchy:controllers:/path"
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = fs::path(line.substr(second + 1)).relative_path();
    std::vector<CpuLimit> limits;
    if (controllers.empty()) {
      limits = limits_up_from(mount, group, quota_v2);
    } else if (has_cpu_controller(controllers)) {
      for (const char* folder : {"cpu,cpuacct", "cpu"}) {
        if (limits.empty()) limits = limits_up_from(fs::path(mount) / folder, group, quota_v1);
      }
    }
    result.insert(result.end(), limits.begin(), limits.end());
  }
  return result;
}

std::optional<double> cpu_quota(const std::string& proc_cgroup, const std::string& mount) {
  std::optional<double> least;
  for (const CpuLimit& limit : cpu_limits(proc_cgroup, mount)) least = std::min(least.value_or(limit.cpus), limit.cpus);
  return least;
}

}  // namespace skein
