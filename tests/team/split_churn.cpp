// SPDX-License-Identifier: Apache-2.0
//
// split_churn TEAMS: makes and lets go so many teams of each rank, in turn of all ranks, of those of every second process and
// of one rank, and uses two in three, the others not even once; a tenth of that before, to warm up.
//
// Fails on  memory of the process that has grown by more than what two pages a team would make in a hundred teams; a value that
//           was written to an array that all ranks share, and is another later: its memory was given to a team.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "skein/skein.hpp"

namespace {

long resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    long kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib;
  }
  return -1;
}

void churn(skein::Team& team, int teams) {
  for (int i = 0; i < teams; ++i) {
    auto part = i % 3 == 0 ? team.dup() : team.split(i % 3 == 1 ? team.process() % 2 : team.rank());
    if (i % 9 < 3) {
      part.reset();
      // Before those of its lane have theirs.
      if (i % 90 < 3) std::this_thread::sleep_for(std::chrono::microseconds(200));
      continue;
    }
    if (part->allreduce(1, skein::sum) != part->size()) std::abort();
    if (i % 100 != 50) continue;
    const auto array = team.shared<int>(static_cast<std::size_t>(team.size()));
    for (int& value : array.block()) value = i;
    const auto others = team.split(team.process() % 2);
    others->barrier();
    for (const int value : array.block()) {
      if (value != i) std::abort();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: split_churn TEAMS\n", stderr);
    return 2;
  }
  const int teams = std::atoi(argv[1]);
  constexpr long kMostGrowthKib = 800;
  skein::Runtime runtime(argc, argv);
  return runtime.run([&](skein::Team& team) {
    churn(team, teams / 10);
    team.barrier();
    const long before = resident_kib();
    churn(team, teams);
    team.barrier();
    const long growth = resident_kib() - before;
    team.log("{} teams of {} ranks: resident memory grew by {} KiB", teams, team.size(), growth);
    if (growth > kMostGrowthKib)
      throw skein::Error(skein::ExitCode::parallel, fmt::format("it grew by {} KiB", growth));
  });
}
