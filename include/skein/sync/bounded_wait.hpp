// SPDX-License-Identifier: Apache-2.0
//
// Waiting for others that may never come, on the way out of a run that failed: nobody rings there.
#pragma once

#include <chrono>
#include <cstdint>

namespace skein {

/// Yields until `ready()` holds; false when that takes longer.
template <class Policy, class Ready>
bool wait_bounded(Ready ready, std::chrono::nanoseconds longest) {
  const std::int64_t end_ns = Policy::now_ns() + longest.count();
  while (!ready()) {
    if (Policy::now_ns() > end_ns) return false;
    Policy::yield();
  }
  return true;
}

}  // namespace skein
