// SPDX-License-Identifier: Apache-2.0
//
// The program of the README's first page: a wave on a ring, one block of it per rank. What stands between the two marks is
// compared with the README by a test.

// [sample]
#include <skein/skein.hpp>

int main(int argc, char** argv) {
  skein::Runtime runtime(argc, argv);         // finds cores, joins MPI when launched by it
  return runtime.run([](skein::Team& team) {  // once per rank
    const std::size_t n = 4096;
    auto height = team.shared<double>(n);  // one array for all ranks of the host, each owns a block
    auto speed = team.shared<double>(n);
    if (height.range().contains(n / 2)) height[n / 2] = 1.0;
    team.barrier();

    for (int step = 0; step <= 1000; ++step) {
      const auto [begin, end] = height.range();
      for (std::size_t i = begin; i < end; ++i) {
        const double curvature = height[(i + n - 1) % n] - 2 * height[i] + height[(i + 1) % n];
        speed[i] += 0.1 * curvature;
      }
      team.barrier();  // was MPI_Barrier(comm): neighbours have read my heights
      double my_energy = 0;
      for (std::size_t i = begin; i < end; ++i) {
        height[i] += speed[i];
        my_energy += 0.5 * speed[i] * speed[i];
      }
      const double energy = team.allreduce(my_energy, skein::sum);  // was MPI_Allreduce(...): the new heights are there
      if (step % 250 == 0) team.log("step {:4} kinetic energy {:.6f}", step, energy);  // once per team
    }
  });
}
// [sample]
