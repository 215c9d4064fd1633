// SPDX-License-Identifier: Apache-2.0
//
// mixed_settings_program: processes whose environments differ, as with mpirun's -x for one of them or a login script of
// one machine only. Every second process waits in another way and asks for another pattern.
//
// Fails on  processes that follow different patterns (it hangs), or results that differ for it.
#include <cstdlib>
#include <string>

#include "skein/skein.hpp"

int main(int argc, char** argv) {
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  if (rank == nullptr) rank = std::getenv("PMI_RANK");  // MPICH's launcher
  const bool is_odd = rank != nullptr && std::atoi(rank) % 2 == 1;
  setenv("SKEIN_PATTERN", is_odd ? "gather-release" : "all-to-all", 1);
  setenv("SKEIN_WAIT", is_odd ? "park" : "yield", 1);
  skein::Runtime runtime(argc, argv);
  return runtime.run([](skein::Team& team) {
    for (int round = 0; round < 500; ++round) {
      const int ranks = team.allreduce(1, skein::sum);
      team.barrier();
      if (ranks != team.size()) throw skein::Error(skein::ExitCode::parallel, "wrong sum");
    }
  });
}
