// SPDX-License-Identifier: Apache-2.0
// Counts the allocations of this program: every malloc, calloc, realloc and aligned allocation of any thread, of the
// program and its libraries, operator new included, because glibc lets a program bring its own malloc.
#pragma once

#include <cstdint>

namespace bench {

// Sanitizers bring their own malloc, and other C libraries have no second name for theirs: nothing is counted there.
enum class AllocationCount { works, not_in_this_build };
AllocationCount allocation_count_state();

// Allocations since the start of the process. Order between threads is the caller's business: read it between two
// barriers.
std::uint64_t allocations();

}  // namespace bench
