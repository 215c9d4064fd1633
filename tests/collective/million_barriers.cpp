// SPDX-License-Identifier: Apache-2.0
//
// million_barriers [BARRIERS]: the smallest SPMD program: a team that meets a million times. Prints what one meeting cost
// and what it allocated, which must be nothing.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "allocation_counter.hpp"
#include "skein/skein.hpp"

int main(int argc, char** argv) {
  const long barriers = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 1'000'000;
  skein::Runtime runtime(argc, argv);
  if (!skein_test::allocations_are_counted()) return 1;
  return runtime.run([barriers](skein::Team& team) {
    using Clock = std::chrono::steady_clock;
    team.barrier();
    const std::uint64_t before = skein_test::allocations();
    const Clock::time_point start = Clock::now();
    for (long i = 0; i < barriers; ++i) team.barrier();
    const std::chrono::duration<double, std::nano> elapsed = Clock::now() - start;
    const std::uint64_t all = team.allreduce(skein_test::allocations() - before, skein::sum);
    team.log("{} barriers of {} ranks: {:.1f} ns each, allocations: {}", barriers, team.size(),
             elapsed.count() / static_cast<double>(barriers), all);
    if (all != 0) throw skein::Error(skein::ExitCode::parallel, "a barrier allocated");
  });
}
