// SPDX-License-Identifier: Apache-2.0
//
// teams_program STEPS SEED: random programs of teams within teams and their collectives, checked against serial oracles, in
// whatever layout it is started.
//
// Fails on  a team with other ranks or another order than the oracle says; any output that is not the oracle's, bit for bit.
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "check.hpp"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: teams_program STEPS SEED\n", stderr);
    return 2;
  }
  const skein_test::TeamProgram program{
      .steps = std::atoi(argv[1]), .seed = std::strtoull(argv[2], nullptr, 10), .most_bytes = std::size_t{400} << 10U};
  skein::Runtime runtime(argc, argv);
  std::atomic<int> failed{0};
  const int code = runtime.run([&](skein::Team& team) {
    const std::string wrong = check_teams(team, program);
    if (wrong.empty()) return;
    failed = 1;
    std::fputs((wrong + '\n').c_str(), stderr);
  });
  return code != 0 ? code : failed.load();
}
