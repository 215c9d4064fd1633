// SPDX-License-Identifier: Apache-2.0
//
// debugger_program: rank 2 stops the program while the others are in a barrier, each below a function of its own depth.
#include <csignal>

#include "skein/skein.hpp"

namespace {

[[gnu::noinline]] int wait_at_depth(skein::Team& team, int depth) {
  if (depth > 0) return wait_at_depth(team, depth - 1) + 1;
  if (team.rank() == 2) {
    team.yield();
    std::raise(SIGTRAP);
  }
  team.barrier();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  skein::Runtime runtime(argc, argv);
  return runtime.run([](skein::Team& team) {
    if (wait_at_depth(team, team.rank()) != team.rank()) throw 1;
  });
}
