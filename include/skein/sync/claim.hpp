// SPDX-License-Identifier: Apache-2.0
//
// What only one of several does, such as to print a report: the one that asks first.
#pragma once

#include <atomic>
#include <cstdint>

namespace skein {

/// Relaxed: nothing is passed on by it.
template <class Policy>
class Claim {
 public:
  /// True for one caller.
  bool take() { return is_taken_.exchange(1, std::memory_order_relaxed) == 0; }

  bool is_taken() const { return is_taken_.load(std::memory_order_relaxed) != 0; }

 private:
  typename Policy::template Atomic<std::uint32_t> is_taken_{0};
};

}  // namespace skein
