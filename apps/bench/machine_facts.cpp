// SPDX-License-Identifier: Apache-2.0
#include "machine_facts.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <sstream>

namespace bench {

namespace {

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line))
    if (line.rfind("model name", 0) == 0) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown";
}

std::vector<int> allowed_cpus_of_process() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof set, &set);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

// The tightest quota of this process's cgroup and its parents. Version 2 has "MAX PERIOD" in cpu.max; version 1 has
// two files, where a quota of -1 is none.
double cgroup_cpus() {
  double tightest = 0;
  const auto consider = [&](double quota, double period) {
    if (quota > 0 && period > 0 && (tightest == 0 || quota / period < tightest)) tightest = quota / period;
  };
  std::ifstream groups("/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {
    const auto controllers = line.find(':');
    const auto path_at = line.find(':', controllers + 1);
    if (controllers == std::string::npos || path_at == std::string::npos) continue;
    const std::string names = line.substr(controllers + 1, path_at - controllers - 1);
    const bool version2 = names.empty();
    if (!version2 && names.find("cpu") == std::string::npos) continue;
    for (std::string path = line.substr(path_at + 1);; path.erase(path.rfind('/'))) {
      double quota = 0;
      double period = 0;
      if (version2) {
        std::ifstream("/sys/fs/cgroup" + path + "/cpu.max") >> quota >> period;
      } else {
        std::ifstream("/sys/fs/cgroup/cpu" + path + "/cpu.cfs_quota_us") >> quota;
        std::ifstream("/sys/fs/cgroup/cpu" + path + "/cpu.cfs_period_us") >> period;
      }
      consider(quota, period);
      if (path.rfind('/') == std::string::npos) break;
    }
  }
  return tightest;
}

std::string now_as_text() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S%z", &local);
  return text.data();
}

std::string compiler_name() {
#if defined(__clang__)
  return fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("g++ {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

}  // namespace

MachineFacts machine_facts() {
  MachineFacts facts;
  facts.cpu = cpu_model();
  utsname system{};
  ::uname(&system);
  facts.kernel = fmt::format("{} {}", system.sysname, system.release);
  facts.host = system.nodename;
  facts.compiler = compiler_name();
  facts.date = now_as_text();
  facts.allowed = allowed_cpus_of_process();
  facts.affinity = cpu_list(facts.allowed);
  facts.online = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  const double cpus = cgroup_cpus();
  facts.quota = cpus > 0 ? fmt::format("{:.2f} CPUs", cpus) : "none";
  std::ifstream("/proc/loadavg") >> facts.load;
  return facts;
}

std::uint64_t steal_ticks(const std::vector<int>& cpus) {
  // "cpu0 user nice system idle iowait irq softirq steal ...", see proc(5).
  std::ifstream file("/proc/stat");
  std::uint64_t sum = 0;
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("cpu", 0) != 0 || line.size() < 4 || line[3] == ' ') continue;
    std::istringstream fields(line.substr(3));
    int cpu = -1;
    fields >> cpu;
    constexpr int kBeforeSteal = 7;
    std::uint64_t value = 0;
    for (int i = 0; i <= kBeforeSteal; ++i) fields >> value;
    if (fields && std::find(cpus.begin(), cpus.end(), cpu) != cpus.end()) sum += value;
  }
  return sum;
}

std::string cpu_list(const std::vector<int>& cpus) {
  std::string text;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += last == i ? fmt::format("{}", cpus[i]) : fmt::format("{}-{}", cpus[i], cpus[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace bench
