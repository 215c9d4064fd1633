// SPDX-License-Identifier: Apache-2.0
//
// A wait that takes long says so: since when, and for which word. Written by the rank that waits, read by whoever looks
// after it, in any process: the word is named by its distance, because processes map it at different places.
//
// Edges
//   [notice]   release stores of the word and its value, then of the time, which is 0 again after the wait
//   [noticed]  acquire loads in that order, and of the time again by the reader: if it is the same, so is the wait
#pragma once

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
  void begin(std::int64_t now_ns, Awaited<Policy> awaited) {  // [notice]
    const std::int64_t distance = awaited.word == nullptr ? 0
                                                          : reinterpret_cast<const std::byte*>(awaited.word) -
                                                                reinterpret_cast<const std::byte*>(this);
    distance_.store(distance, std::memory_order_release);
    value_.store(awaited.value, std::memory_order_release);
    since_ns_.store(now_ns, std::memory_order_release);
  }
  void end() { since_ns_.store(0, std::memory_order_release); }

  /// 0 while nothing is waited for. It names the wait: two waits of a rank do not begin at the same time.
  std::int64_t since_ns() const { return since_ns_.load(std::memory_order_acquire); }  // [noticed]

  /// Whether the awaited word still lacks the value that would end the wait; false where none is known. Means something if
  /// since_ns() is the same before and after.
  bool is_short() const {
    const std::int64_t distance = distance_.load(std::memory_order_acquire);
    const std::uint64_t value = value_.load(std::memory_order_acquire);
    if (distance == 0) return false;
    const auto* word = reinterpret_cast<const typename Policy::template Atomic<std::uint64_t>*>(
        reinterpret_cast<const std::byte*>(this) + distance);
    return word->load(std::memory_order_seq_cst) != value;
  }

 private:
  typename Policy::template Atomic<std::int64_t> since_ns_{0};
  typename Policy::template Atomic<std::int64_t> distance_{0};
  typename Policy::template Atomic<std::uint64_t> value_{0};
};

}  // namespace skein
