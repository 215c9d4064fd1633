// SPDX-License-Identifier: Apache-2.0
//
// A wait that takes long says so: since when, and for which words. Written by the rank that waits, read by whoever looks
// after it, in any process: a word is named by its distance, because processes map it at different places.
//
// Edges
//   [notice]   release stores of the words and their values, then of the time, which is 0 again after the wait
//   [noticed]  acquire loads in that order, and of the time again by the reader: if it is the same, so is the wait
//   [lack]     relaxed load of an awaited word: the notices of those who may have written it are read before
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "skein/sync/atomics.hpp"

namespace skein {

/// A word that a wait is for, and the value that ends the wait; null for waits that depend on something else.
template <class Policy>
struct Awaited {
  const typename Policy::template Atomic<std::uint64_t>* word = nullptr;
  std::uint64_t value = 0;
};

template <class Policy>
class WaitNotice {
 public:
  /// Of the rank and what it has begun: any of them ends the wait.
  static constexpr std::size_t kMostWords = 3;
  using Words = std::array<Awaited<Policy>, kMostWords>;

  void begin(std::int64_t now_ns, Awaited<Policy> awaited) { begin_for_any(now_ns, Words{awaited}); }

  /// Null words are none; the first is null when not all are known.
  void begin_for_any(std::int64_t now_ns, const Words& words) {  // [notice]
    for (std::size_t i = 0; i < kMostWords; ++i) {
      const std::int64_t distance = words[i].word == nullptr ? 0
                                                             : reinterpret_cast<const std::byte*>(words[i].word) -
                                                                   reinterpret_cast<const std::byte*>(this);
      words_[i].distance.store(distance, std::memory_order_release);
      if (distance != 0) words_[i].value.store(words[i].value, std::memory_order_release);
    }
    since_ns_.store(now_ns, std::memory_order_release);
  }
  void end() { since_ns_.store(0, std::memory_order_release); }

  /// 0 while nothing is waited for. It names the wait: two waits of a rank do not begin at the same time.
  std::int64_t since_ns() const { return since_ns_.load(std::memory_order_acquire); }  // [noticed]

  /// Whether all awaited words still lack the values that would end the wait; false where they are not known. Means something if
  /// since_ns() is the same before and after.
  bool is_short() const {
    for (const Word& named : words_) {
      const std::int64_t distance = named.distance.load(std::memory_order_acquire);
      if (distance == 0) return &named != words_;
      const auto* word = reinterpret_cast<const typename Policy::template Atomic<std::uint64_t>*>(
          reinterpret_cast<const std::byte*>(this) + distance);
      if (word->load(std::memory_order_relaxed) == named.value.load(std::memory_order_acquire)) {  // [lack]
        return false;
      }
    }
    return true;
  }

 private:
  struct Word {
    typename Policy::template Atomic<std::int64_t> distance{0};  ///< from the notice; 0 for none
    typename Policy::template Atomic<std::uint64_t> value{0};
  };

  typename Policy::template Atomic<std::int64_t> since_ns_{0};
  Word words_[kMostWords];
};

}  // namespace skein
