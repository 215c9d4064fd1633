// SPDX-License-Identifier: Apache-2.0
//
// no_allocation_program ROUNDS: mixed collectives, all there are a round, and the allocations of each rank among them.
//
// Fails on  any allocation by a collective, on any rank; on a counter that does not count.
#include <fmt/format.h>
#include <malloc.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <tuple>
#include <vector>

#include "allocation_counter.hpp"
#include "skein/skein.hpp"

namespace {

struct Wide200 {
  std::array<double, 25> values;
};

/// Everything that a team offers on every step of a simulation.
class Step {
 public:
  explicit Step(skein::Team& team)
      : team_(team),
        many_(kMany),
        all_(kMany * static_cast<std::size_t>(team.size())),
        dealt_(all_.size()),
        everyone_(static_cast<std::size_t>(team.size())),
        counts_(everyone_.size(), 1) {
    nonblocking(0);
    large(0);  // which warms scratch memory up
  }

  void run(std::uint64_t round) {
    const int root = static_cast<int>(round % static_cast<std::uint64_t>(team_.size()));
    const auto x = static_cast<double>(round);
    team_.barrier();
    sum_ += team_.allreduce(x, skein::sum);
    sum_ += team_.reduce(x, skein::max, root);
    sum_ += team_.scan(x, [](double left, double right) { return left - right; });
    sum_ += team_.exscan(x, skein::max, 0.0);
    sum_ += std::get<0>(team_.allreduce(skein::sum(x), skein::minloc(skein::Located{x, team_.rank()})));
    sum_ += team_.bcast(x, root);
    team_.allgather(x, std::span(everyone_));
    team_.gather(x, std::span(everyone_), root);
    sum_ += team_.scatter(std::span(everyone_), root);
    parts();
    nonblocking(root);
    if (round % kRoundsPerLargeOne == 0) large(root);
  }

  double sum() const { return sum_; }

 private:
  static constexpr std::size_t kMany =
      3 * skein::kPieceBytes / sizeof(double) + 1;  // pieces between processes, of which areas are used again
  static constexpr std::uint64_t kRoundsPerLargeOne = 1000;

  void parts() {
    const int root = 0;
    const std::span<double> one(everyone_.data(), 1);
    team_.scan(std::span(everyone_), skein::max);
    team_.exscan(std::span(everyone_), skein::max, 0.0);
    team_.alltoall(std::span(everyone_));
    team_.allgather(std::span(everyone_));
    team_.reduce_scatter_block(std::span(everyone_), skein::max);
    team_.reduce_scatter(everyone_, std::span(dealt_).first(1), counts_, skein::max);
    team_.gatherv(one, everyone_, counts_, root);
    team_.allgatherv(std::span<const double>(dealt_.data(), 1), everyone_, counts_);
    team_.scatterv(everyone_, counts_, std::span(dealt_).first(1), root);
    team_.alltoallv(everyone_, counts_, std::span(dealt_).first(everyone_.size()), counts_);
    sum_ += team_.once([] { return 1.0; });
  }

  void nonblocking(int root) {
    const std::span<const double> some(many_.data(), 500);
    std::array<skein::Request, 6> requests = {
        team_.ibarrier(),
        team_.iallreduce(some, std::span(all_).first(500), skein::sum),
        team_.ibcast(std::span(many_).last(500), root),
        team_.iallgather(1.0, everyone_),
        team_.iscan(some, std::span(all_).subspan(500, 500), skein::max),
        team_.ireduce_scatter(everyone_, std::span(dealt_).first(1), counts_, skein::max)};
    skein::Pending<double> value = team_.iallreduce(1.0, skein::sum);
    while (!requests[2].test()) team_.yield();
    while (skein::wait_any(requests)) {
    }
    sum_ += value.wait();
  }

  void large(int root) {
    parts();
    const std::span<double> many(many_);
    const std::span<double> all(all_);
    team_.allreduce(many, skein::sum);
    team_.allreduce(std::span<const double>(many), all.first(kMany), skein::min);
    team_.reduce(many, all.first(kMany), skein::sum, root);
    team_.scan(many, all.first(kMany), skein::sum);
    team_.bcast(many, root);
    team_.allgather(many, all);
    team_.gather(many, all, root);
    team_.scatter(all, many, root);
    team_.alltoall(all, std::span(dealt_));
    team_.reduce_scatter_block(all, many, skein::max);
    sum_ += team_.allreduce(Wide200{}, [](const Wide200& left, const Wide200&) { return left; }).values[0];
  }

  skein::Team& team_;
  std::vector<double> many_;
  std::vector<double> all_;
  std::vector<double> dealt_;
  std::vector<double> everyone_;
  std::vector<int> counts_;
  double sum_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: no_allocation_program ROUNDS\n", stderr);
    return 2;
  }
  const std::uint64_t rounds = std::strtoull(argv[1], nullptr, 10);
  skein::Runtime runtime(argc, argv);
  std::atomic<bool> is_wrong{!skein_test::allocations_are_counted()};
  const int code = runtime.run([&](skein::Team& team) {
    Step step(team);
    if (!skein_test::allocations_are_counted()) is_wrong = true;  // on lanes that Skein started as well
    team.barrier();
    const std::size_t heap_before = mallinfo2().uordblks;
    team.barrier();
    const std::uint64_t before = skein_test::allocations();
    for (std::uint64_t round = 0; round < rounds; ++round) step.run(round);
    const std::uint64_t made = skein_test::allocations() - before;
    team.barrier();
    // What a thread might allocate without this rank knowing; an MPI library does so, hence one process.
    const std::size_t heap_after = mallinfo2().uordblks;
    team.barrier();
    if (made != 0 || (team.processes() == 1 && heap_after > heap_before)) {
      is_wrong = true;
      std::fprintf(stderr, "rank %d: %llu allocations in %llu rounds; heap %zu, then %zu bytes\n", team.rank(),
                   static_cast<unsigned long long>(made), static_cast<unsigned long long>(rounds), heap_before,
                   heap_after);
    }
    team.log("{} rounds of all collectives, {} ranks, allocations: {} ({})", rounds, team.size(), made, step.sum());
  });
  if (code != 0) return code;
  return is_wrong ? 1 : 0;
}
