// SPDX-License-Identifier: Apache-2.0
// Somebody moves all ranks to one CPU while they run, as `taskset -apc 0 PID` does. Needs two CPUs.
//
// Fails on  a wrong sum or a collapse afterwards; its test looks for exactly one warning.
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "skein/skein.hpp"

namespace {

constexpr int kRounds = 3000;

void move_to_one_cpu(const std::vector<int>& threads) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(sched_getcpu()), &one);
  for (const int thread : threads) sched_setaffinity(thread, sizeof(one), &one);
}

}  // namespace

int main(int argc, char** argv) {
  skein::Runtime runtime(argc, argv);
  return runtime.run([](skein::Team& team) {
    std::vector<int> threads(static_cast<std::size_t>(team.size()));
    team.allgather(static_cast<int>(syscall(SYS_gettid)), std::span(threads));
    for (int round = 0; round < kRounds; ++round) {
      if (round == kRounds / 3 && team.rank() == 0) move_to_one_cpu(threads);
      const int sum = team.allreduce(round + team.rank(), skein::sum);
      if (sum != team.size() * round + team.size() * (team.size() - 1) / 2) throw std::runtime_error("a wrong sum");
    }
    team.log("{} ranks passed {} rounds", team.size(), kRounds);
  });
}
