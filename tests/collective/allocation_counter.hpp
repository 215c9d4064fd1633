// SPDX-License-Identifier: Apache-2.0
//
// Counts the allocations of the calling thread, by standing in front of the C library's malloc family, which operator new
// uses as well. Link allocation_counter.cpp into the program; not together with a sanitizer, which stands there itself.
#pragma once

#include <cstdint>

namespace skein_test {

/// Allocations of this thread so far, of any kind.
std::uint64_t allocations();

/// Whether every way to allocate is counted; prints the first that is not.
bool allocations_are_counted();

}  // namespace skein_test
