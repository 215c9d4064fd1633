// SPDX-License-Identifier: Apache-2.0
#include "million.hpp"

#include <skein/skein.hpp>

#include <atomic>
#include <cstdlib>
#include <string>

#include "allocations.hpp"
#include "block.hpp"

namespace bench {

int run_million(int argc, char** argv, const MillionOptions& options) {
  // No thread has been started yet.
  if (options.ranks)
    ::setenv("SKEIN_RANKS", std::to_string(*options.ranks).c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  skein::Runtime runtime(argc, argv);
  std::atomic_flag counted = ATOMIC_FLAG_INIT;  // per process: its allocations enter the sum once
  return runtime.run([&](skein::Team& team) {
    constexpr int kWarm = 1000;
    for (int i = 0; i < kWarm; ++i) team.barrier();
    const std::uint64_t allocations_before = allocations();
    team.barrier();  // nobody goes on before all have read
    const std::int64_t start_ns = now_ns();
    for (std::uint64_t i = 0; i < options.barriers; ++i) team.barrier();
    const std::int64_t end_ns = now_ns();
    const std::uint64_t made = allocations() - allocations_before;
    team.barrier();                                                       // likewise
    const bool first = !counted.test_and_set(std::memory_order_relaxed);  // counts itself only, orders nothing
    const std::uint64_t total = team.allreduce(first ? made : std::uint64_t{0}, skein::sum);
    const double per_barrier_ns = static_cast<double>(end_ns - start_ns) / static_cast<double>(options.barriers);
    team.log("ranks        {} in {} process{}", team.size(), team.processes(), team.processes() == 1 ? "" : "es");
    team.log("barriers     {}", options.barriers);
    team.log("ns each      {:.1f}", per_barrier_ns);
    if (allocation_count_state() == AllocationCount::works)
      team.log("allocations  {}", total);
    else
      team.log("allocations  not counted: this build uses a sanitizer or another C library than glibc");
  });
}

}  // namespace bench
