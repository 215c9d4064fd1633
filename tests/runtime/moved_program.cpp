// SPDX-License-Identifier: Apache-2.0
// Somebody moves all ranks to one CPU while they run, as `taskset -apc 0 PID` does, or one rank to the CPU of its neighbour, as
// `taskset -pc 1 TID` does. Needs two CPUs.
//
//   moved_program [RANK]
//
// Fails on  a wrong sum or a collapse afterwards; its test looks for exactly one warning.
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <span>
#include <stdexcept>
#include <vector>

#include "skein/skein.hpp"

namespace {

constexpr int kRounds = 3000;

void move_to(int cpu, std::span<const int> threads) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(cpu), &one);
  for (const int thread : threads) sched_setaffinity(thread, sizeof(one), &one);
}

}  // namespace

int main(int argc, char** argv) {
  skein::Runtime runtime(argc, argv);
  return runtime.run([&](skein::Team& team) {
    const auto size = static_cast<std::size_t>(team.size());
    std::vector<int> threads(size);
    std::vector<int> cpus(size);
    team.allgather(static_cast<int>(syscall(SYS_gettid)), std::span(threads));
    team.allgather(sched_getcpu(), std::span(cpus));
    const std::size_t odd = argc > 1 ? std::strtoul(argv[1], nullptr, 10) % size : 0;
    const std::span<const int> moved = argc > 1 ? std::span(threads).subspan(odd, 1) : std::span(threads);
    const int to = cpus[argc > 1 ? (odd + 1) % size : 0];
    for (int round = 0; round < kRounds; ++round) {
      if (round == kRounds / 3 && team.rank() == 0) move_to(to, moved);
      const int sum = team.allreduce(round + team.rank(), skein::sum);
      if (sum != team.size() * round + team.size() * (team.size() - 1) / 2) throw std::runtime_error("a wrong sum");
    }
    team.log("{} ranks passed {} rounds", team.size(), kRounds);
  });
}
