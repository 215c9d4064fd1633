// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sched.h>

#include <atomic>
#include <utility>
#include <vector>

#include "check.hpp"
#include "common_words.hpp"
#include "stagger.hpp"
#include "values.hpp"

namespace skein_test {
namespace {

/// One rank's view of a team whose members mark how many split-phase barriers they have started.
class SplitPhase {
 public:
  SplitPhase(skein::Team& team, CommonWords& marks, std::uint64_t seed) : team_(team), marks_(marks), seed_(seed) {}

  // Which action, is the same on all ranks; how it is done, is not.
  void step(std::uint64_t round) {
    stagger(team_.rank(), mix(seed_, round));
    const std::uint64_t own = mix(seed_ + static_cast<std::uint64_t>(team_.rank()) + 1, round);
    switch (mix(seed_, round) % 5) {
      case 0:
      case 1:
      case 2:
        start();
        break;
      case 3:
        if (!pending_.empty()) complete(own % pending_.size(), own);
        break;
      default:
        other_collective(round);
    }
  }

  void finish() {
    while (!pending_.empty()) complete(pending_.size() - 1, 0);
  }

  const std::string& wrong() const { return wrong_; }

 private:
  struct Pending {
    skein::Request request;
    std::uint64_t mark;
  };

  void start() {
    if (pending_.size() == static_cast<std::size_t>(skein::kMaxOutstanding)) complete(0, 0);
    mark(++started_);
    pending_.push_back({team_.ibarrier(), started_});
  }

  // They follow each other: completing one completes those before it.
  void complete(std::size_t which, std::uint64_t how) {
    const std::uint64_t reached = pending_[which].mark;
    if (how % 2 == 0) {
      pending_[which].request.wait();
    } else {
      while (!pending_[which].request.test()) sched_yield();
    }
    require_all(reached, "a request was complete");
    require(pending_[which].request.test(), "a complete request became incomplete");
    if (which > 0) require(pending_.front().request.test(), "a request is complete and an earlier one is not");
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(which));
  }

  void other_collective(std::uint64_t round) {
    const auto size = static_cast<std::uint64_t>(team_.size());
    const std::uint64_t sum = team_.allreduce(round + static_cast<std::uint64_t>(team_.rank()), skein::sum);
    require(sum == size * round + size * (size - 1) / 2, "an allreduce among requests got a wrong sum");
    require_all(started_, "an allreduce came back");
  }

  // Relaxed: only the library may order what the ranks see.
  std::atomic_ref<std::uint64_t> mark_of(int rank) {
    return std::atomic_ref(marks_[static_cast<std::size_t>(rank) * 16]);
  }
  void mark(std::uint64_t value) { mark_of(team_.rank()).store(value, std::memory_order_relaxed); }

  void require_all(std::uint64_t least, const char* when) {
    for (int rank = 0; rank < team_.size(); ++rank) {
      const std::uint64_t seen = mark_of(rank).load(std::memory_order_relaxed);
      require(seen >= least, fmt::format("{} before rank {} had started {}: it was at {}", when, rank, least, seen));
    }
  }
  void require(bool holds, const std::string& what) {
    if (!holds && wrong_.empty())
      wrong_ = fmt::format("split phase, rank {} of {}: {}", team_.rank(), team_.size(), what);
  }

  skein::Team& team_;
  CommonWords& marks_;
  std::uint64_t seed_;
  std::uint64_t started_ = 0;
  std::vector<Pending> pending_;
  std::string wrong_;
};

}  // namespace

std::string check_split_phase(skein::Team& team, int rounds, std::uint64_t seed) {
  CommonWords marks(team, static_cast<std::size_t>(team.size()) * 16, 0);
  SplitPhase test(team, marks, seed);
  for (int round = 0; round < rounds; ++round) test.step(static_cast<std::uint64_t>(round));
  test.finish();
  return test.wrong();
}

}  // namespace skein_test
