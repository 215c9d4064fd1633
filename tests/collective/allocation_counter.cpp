// SPDX-License-Identifier: Apache-2.0
#include "allocation_counter.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>

// The C library's own entries, which ours stand in front of.
extern "C" {
void* __libc_malloc(std::size_t bytes);                           // NOLINT
void* __libc_calloc(std::size_t count, std::size_t bytes);        // NOLINT
void* __libc_realloc(void* old, std::size_t bytes);               // NOLINT
void* __libc_memalign(std::size_t alignment, std::size_t bytes);  // NOLINT
}

namespace {

// In the program itself, so reaching it allocates nothing.
constinit thread_local std::uint64_t count = 0;

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) {
  ++count;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t n, std::size_t bytes) {
  ++count;
  return __libc_calloc(n, bytes);
}
void* realloc(void* old, std::size_t bytes) {
  ++count;
  return __libc_realloc(old, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  ++count;
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  ++count;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** result, std::size_t alignment, std::size_t bytes) {
  ++count;
  *result = __libc_memalign(alignment, bytes);
  return *result == nullptr ? ENOMEM : 0;
}
}

namespace skein_test {
namespace {

struct alignas(256) Wide {
  char bytes[256];
};

/// Keeps the compiler from removing an allocation that nobody uses.
void use(void* memory) { asm volatile("" : : "r"(memory) : "memory"); }

}  // namespace

std::uint64_t allocations() { return count; }

bool allocations_are_counted() {
  const auto counts = [](const char* what, auto allocate) {
    const std::uint64_t before = count;
    allocate();
    if (count > before) return true;
    std::fprintf(stderr, "an allocation by %s is not counted\n", what);
    return false;
  };
  void* memory = nullptr;
  bool all = counts("malloc", [&] { use(memory = std::malloc(10)); });
  all = counts("realloc", [&] { use(memory = std::realloc(memory, 1000)); }) && all;
  std::free(memory);
  all = counts("calloc", [&] { use(memory = std::calloc(10, 10)); }) && all;
  std::free(memory);
  all = counts("aligned_alloc", [&] { use(memory = std::aligned_alloc(64, 128)); }) && all;
  std::free(memory);
  all = counts("posix_memalign", [&] { all = posix_memalign(&memory, 64, 128) == 0 && all; }) && all;
  std::free(memory);
  all = counts("operator new", [&] { use(std::make_unique<int>(1).get()); }) && all;
  all = counts("operator new[]", [&] { use(std::make_unique<int[]>(7).get()); }) && all;
  return counts("aligned operator new", [&] { use(std::make_unique<Wide>().get()); }) && all;
}

}  // namespace skein_test
