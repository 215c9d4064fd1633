// SPDX-License-Identifier: Apache-2.0
//
// mixed_settings_program: processes whose environments differ, as with mpirun's -x for one of them or a login script of
// one machine only. Every second process waits in another way and asks for another pattern and other pieces.
//
// Fails on  processes that follow different patterns or cut payloads differently (it hangs), or results that differ for it.
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "skein/skein.hpp"

int main(int argc, char** argv) {
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  if (rank == nullptr) rank = std::getenv("PMI_RANK");  // MPICH's launcher
  const bool is_odd = rank != nullptr && std::atoi(rank) % 2 == 1;
  setenv("SKEIN_PATTERN", is_odd ? "gather-release" : "all-to-all", 1);
  setenv("SKEIN_PIECE", is_odd ? "8K" : "3000", 1);
  setenv("SKEIN_WAIT", is_odd ? "park" : "yield", 1);
  skein::Runtime runtime(argc, argv);
  return runtime.run([](skein::Team& team) {
    std::vector<int> many(20'000);
    for (int round = 0; round < 500; ++round) {
      const int ranks = team.allreduce(1, skein::sum);
      team.barrier();
      if (ranks != team.size()) throw skein::Error(skein::ExitCode::parallel, "wrong sum");
      if (round % 50 != 0) continue;
      std::iota(many.begin(), many.end(), round);
      team.allreduce(many, skein::sum);
      for (int i = 0; i < static_cast<int>(many.size()); ++i) {
        if (many[static_cast<std::size_t>(i)] != team.size() * (round + i)) {
          throw skein::Error(skein::ExitCode::parallel, "wrong sum of many");
        }
      }
    }
  });
}
