// SPDX-License-Identifier: Apache-2.0
//
// What the machine is made of and how much of it this process may use, as plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace skein {

/// One hardware thread. All numbers but `os_index` are logical: equal numbers mean the same core, cache or domain.
struct Pu {
  int os_index = 0;
  int core = 0;
  int thread_of_core = 0;  ///< 0 for the first hardware thread of its core
  int l3 = 0;
  int numa = 0;
  int package = 0;
};

struct Machine {
  std::vector<Pu> pus;  ///< by os_index
};

/// Asks hwloc. Throws Error(environment) when it cannot tell.
Machine detect_machine();

/// CPUs that the affinity mask of the calling thread allows, ascending.
std::vector<int> allowed_cpus();

/// CPUs' worth of time that the cgroups of this process grant (v1 and v2, the least over all ancestors); nothing when
/// there is no limit. `proc_cgroup` and `mount` are the files of the running kernel, or copies for tests.
std::optional<double> cpu_quota(const std::string& proc_cgroup = "/proc/self/cgroup",
                                const std::string& mount = "/sys/fs/cgroup");

}  // namespace skein
