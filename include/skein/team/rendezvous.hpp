// SPDX-License-Identifier: Apache-2.0
//
// Where the processes of a host meet after a failure: all that come back read the same outcome, though any may be late, be
// about to exit in disorder, or never come.
//
// Edges
//   [arrive]   acq_rel increment: the last to come knows that all have, and has seen what they did before
//   [decide]   acq_rel compare-and-swap from `open`: the first decision holds
//   [outcome]  acquire load, after an own decision: the same for all who read it
#pragma once

#include <cstdint>

#include "skein/base/cache_line.hpp"
#include "skein/sync/bounded_wait.hpp"

namespace skein {

/// Its outcome is one word, so all read the same.
template <class Policy>
class alignas(kStride) Rendezvous {
 public:
  /// Meets the others; true when all `processes` have come, and never differs among those who meet. Does not wait longer
  /// than `patience`.
  bool meet(int processes, std::chrono::nanoseconds patience) {
    if (arrive() == processes) decide(met);
    wait_bounded<Policy>([&] { return outcome_.load(std::memory_order_acquire) != open; }, patience);
    decide(missed);                                          // unless it is decided
    return outcome_.load(std::memory_order_acquire) == met;  // [outcome]
  }

  /// Somebody does not come, or not as it should: the others need not wait.
  void miss() { decide(missed); }

  /// Comes, but not to meet: waits until all have come, and no longer than `patience`.
  void pass_by(int processes, std::chrono::nanoseconds patience) {
    decide(missed);
    arrive();
    wait_bounded<Policy>([&] { return arrived_.load(std::memory_order_acquire) >= processes; }, patience);
  }

 private:
  enum Outcome : std::uint32_t { open, met, missed };

  /// How many have come.
  int arrive() { return arrived_.fetch_add(1, std::memory_order_acq_rel) + 1; }  // [arrive]

  void decide(Outcome outcome) {  // [decide]
    std::uint32_t undecided = open;
    outcome_.compare_exchange_strong(undecided, outcome, std::memory_order_acq_rel);
  }

  typename Policy::template Atomic<std::int32_t> arrived_{0};
  typename Policy::template Atomic<std::uint32_t> outcome_{open};
};

}  // namespace skein
