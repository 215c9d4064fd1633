// SPDX-License-Identifier: Apache-2.0
// What a reader of the figures must know about the machine, and the steal time that spoils a round.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct MachineFacts {
  std::string cpu;  // model name
  std::string kernel;
  std::string host;
  std::string compiler;      // that built this program
  std::string date;          // ISO 8601, local time with zone
  std::vector<int> allowed;  // CPUs this process may use (affinity and cpuset)
  std::string affinity;      // the same as a list such as 0-3,8
  int online = 0;            // CPUs of the machine
  std::string quota;         // cgroup CPU quota: "none", or "1.50 CPUs"
  double load = 0;           // mean number of running processes over the last minute, before the start
};
MachineFacts machine_facts();

// Steal time of the given CPUs since boot, in the kernel's ticks of 10 ms: time the hypervisor ran somebody else.
std::uint64_t steal_ticks(const std::vector<int>& cpus);

}  // namespace bench
