// SPDX-License-Identifier: Apache-2.0
//
// teams_program STEPS SEED [DEVIATION RANK]: random programs of teams within teams and their collectives, checked against
// serial oracles, in whatever layout it is started. With a DEVIATION, that rank does otherwise once: makes another call (1),
// one less (2), one more (3), or makes no team where the others do (4).
//
// Fails on  a team with other ranks or another order than the oracle says; any output that is not the oracle's, bit for bit.
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "check.hpp"

int main(int argc, char** argv) {
  if (argc != 3 && argc != 5) {
    std::fputs("usage: teams_program STEPS SEED [DEVIATION RANK]\n", stderr);
    return 2;
  }
  skein_test::TeamProgram program{
      .steps = std::atoi(argv[1]), .seed = std::strtoull(argv[2], nullptr, 10), .most_bytes = std::size_t{256} * 1024};
  bool has_deviated = false;
  if (argc == 5) {
    program.deviation = static_cast<skein_test::TeamProgram::Deviation>(std::atoi(argv[3]));
    program.rank = std::atoi(argv[4]);
    program.from_step = program.steps / 4;
    program.has_deviated = &has_deviated;
  }
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
