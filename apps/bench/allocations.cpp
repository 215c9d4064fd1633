// SPDX-License-Identifier: Apache-2.0
//
// Edges: none. [count] is a relaxed counter, whose readers stand between barriers that order it.
#include "allocations.hpp"

#include <atomic>
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SKEIN_BENCH_COUNTS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SKEIN_BENCH_COUNTS 0
#endif
#endif
#if !defined(SKEIN_BENCH_COUNTS) && defined(__GLIBC__)
#define SKEIN_BENCH_COUNTS 1
#elif !defined(SKEIN_BENCH_COUNTS)
#define SKEIN_BENCH_COUNTS 0
#endif

namespace {
std::atomic<std::uint64_t> counter{
    0};  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables): malloc has no object
}

#if SKEIN_BENCH_COUNTS

// glibc's own names for the functions replaced here.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* old);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

void* malloc(std::size_t size) {
  counter.fetch_add(1, std::memory_order_relaxed);  // [count]
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
  counter.fetch_add(1, std::memory_order_relaxed);  // [count]
  return __libc_calloc(count, size);
}

void* realloc(void* old, std::size_t size) {
  counter.fetch_add(1, std::memory_order_relaxed);  // [count]
  return __libc_realloc(old, size);
}

void* memalign(std::size_t alignment, std::size_t size) {
  counter.fetch_add(1, std::memory_order_relaxed);  // [count]
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  counter.fetch_add(1, std::memory_order_relaxed);  // [count]
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** result, std::size_t alignment, std::size_t size) {
  constexpr int kNoMemory = 12;                     // ENOMEM
  counter.fetch_add(1, std::memory_order_relaxed);  // [count]
  *result = __libc_memalign(alignment, size);
  return *result == nullptr ? kNoMemory : 0;
}

void free(void* old) { __libc_free(old); }
}

#endif

namespace bench {

AllocationCount allocation_count_state() {
  return SKEIN_BENCH_COUNTS != 0 ? AllocationCount::works : AllocationCount::not_in_this_build;
}

std::uint64_t allocations() { return counter.load(std::memory_order_relaxed); }  // [count]

}  // namespace bench
