// SPDX-License-Identifier: Apache-2.0
//
// What the machine is made of and how much of it this process may use, as plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace skein {

/// One hardware thread. All numbers but `os_index` are logical: equal numbers mean the same core, cache or domain, in
/// every process of a host, whatever cpuset it is in.
struct Pu {
  int os_index = 0;
  int core = 0;
  int thread_of_core = 0;  ///< 0 for the first hardware thread of its core
  int l3 = 0;
  int numa = 0;
  int package = 0;
};

struct Machine {
  std::vector<Pu> pus;  ///< by logical order: neighbours are near each other
  int offered = 0;  ///< how many of them the cpuset of this process's cgroup holds: what its mask could be widened to
};

/// Asks hwloc. Throws Error(environment) when it cannot tell.
Machine detect_machine();

/// A machine that hwloc is told about: by a synthetic description such as "pack:2 l3:2 core:4 pu:2", or by the XML file
/// of this name, which must end in .xml. Throws Error(environment) when hwloc does not understand it.
Machine detect_machine(const std::string& source);

/// CPUs that the affinity mask of the calling thread allows, ascending.
std::vector<int> allowed_cpus();

/// Whether `cpu` is the only CPU of the calling thread's mask: no longer, when somebody moved it (taskset -p). One
/// system call.
bool runs_only_on(int cpu);

/// A cgroup's limit on CPU time. Processes of one group share it.
struct CpuLimit {
  std::uint64_t group = 0;  ///< from device and inode of its folder: the same group under whatever path it is seen
  double cpus = 0;          ///< seconds of CPU time per second
};

/// The limits of this process's cgroups and all their ancestors (v1 and v2), as far as they are visible from here.
/// `proc_cgroup` and `mount` are the files of the running kernel, or copies for tests.
std::vector<CpuLimit> cpu_limits(const std::string& proc_cgroup = "/proc/self/cgroup",
                                 const std::string& mount = "/sys/fs/cgroup");

/// The least of these limits; nothing when there is none.
std::optional<double> cpu_quota(const std::string& proc_cgroup = "/proc/self/cgroup",
                                const std::string& mount = "/sys/fs/cgroup");

}  // namespace skein
