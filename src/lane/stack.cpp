// SPDX-License-Identifier: Apache-2.0
#include "stack.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "skein/base/cache_line.hpp"

namespace skein {
namespace {

// A function's frame may be large, and may be touched at its far end first. A guard as large as the stack stops frames of
// up to that size; beyond the second limit they would not fit most stacks either. The first is the kernel's own gap.
constexpr std::size_t kLeastGuard = std::size_t{1} << 20U;
constexpr std::size_t kLargestGuard = std::size_t{64} << 20U;

// What the program's own frames, arguments and environment have taken already is not worth a word.
constexpr std::size_t kTakenShare = 8;

std::size_t page_bytes() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

std::size_t guard_bytes(std::size_t stack) {
  return std::clamp(round_up(stack, page_bytes()), kLeastGuard, kLargestGuard);
}

struct Range {
  std::uintptr_t low = 0;
  std::uintptr_t high = 0;
  std::size_t guard = 0;  ///< that may lie within, at the low end
};

/// Of the calling thread's stack; empty when the system does not tell. Reads /proc/self/maps in the main thread.
Range own_range() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return {};
  void* low = nullptr;
  std::size_t size = 0;
  std::size_t guard = 0;
  const bool is_known =
      pthread_attr_getstack(&attributes, &low, &size) == 0 && pthread_attr_getguardsize(&attributes, &guard) == 0;
  pthread_attr_destroy(&attributes);
  if (!is_known) return {};
  const auto first = reinterpret_cast<std::uintptr_t>(low);
  return {first, first + size, guard};
}

bool is_main_thread() { return gettid() == getpid(); }

}  // namespace

ThreadStack::~ThreadStack() {
  if (mapping_ != nullptr) munmap(mapping_, guard_ + size_);
}

int ThreadStack::map(std::size_t bytes) {
  guard_ = guard_bytes(bytes);
  size_ = round_up(bytes, page_bytes());
  void* mapping =
      mmap(nullptr, guard_ + size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (mapping == MAP_FAILED) return errno;
  mapping_ = mapping;
  return mprotect(low(), size_, PROT_READ | PROT_WRITE) == 0 ? 0 : errno;
}

void* ThreadStack::low() const { return static_cast<char*>(mapping_) + guard_; }

OverflowZone ThreadStack::zone() const {
  const auto first = reinterpret_cast<std::uintptr_t>(mapping_);
  return {.first = first, .last = first + guard_, .fault_code = SEGV_ACCERR, .stack_bytes = size_};
}

FiberStacks::~FiberStacks() {
  if (mapping_ != nullptr) munmap(mapping_, static_cast<std::size_t>(count_) * stride());
}

int FiberStacks::map(int count, std::size_t bytes) {
  guard_ = guard_bytes(bytes);
  size_ = round_up(bytes, page_bytes());
  const std::size_t all = static_cast<std::size_t>(count) * stride();
  void* mapping = mmap(nullptr, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (mapping == MAP_FAILED) return errno;
  mapping_ = mapping;
  count_ = count;
  madvise(mapping, all, MADV_NOHUGEPAGE);  // else the first touch may use 2 MiB; older kernels do not know it
  for (int fiber = 0; fiber < count; ++fiber) {
    if (mprotect(low(fiber), size_, PROT_READ | PROT_WRITE) != 0) return errno;
  }
  return 0;
}

void* FiberStacks::low(int fiber) const {
  return static_cast<char*>(mapping_) + static_cast<std::size_t>(fiber) * stride() + guard_;
}

// Stacks that begin at equal distances would all have their first frames, which are used most, in the same few sets of a
// cache. Beyond a page of 4 KiB the placement of pages spreads them.
void* FiberStacks::top(int fiber) const {
  constexpr std::size_t kSpread = 4096;
  constexpr std::size_t kPlaces = kSpread / kStride;
  return static_cast<char*>(low(fiber)) + size_ - static_cast<std::size_t>(fiber) % kPlaces * kStride;
}

OverflowZone FiberStacks::zone() const {
  const auto first = reinterpret_cast<std::uintptr_t>(mapping_);
  return {.first = first,
          .last = first + guard_,
          .fault_code = SEGV_ACCERR,
          .stack_bytes = size_,
          .stride = stride(),
          .stacks = count_};
}

OwnStack::OwnStack(std::size_t wanted) {
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const auto left_in = [&](const Range& range) { return here > range.low ? here - range.low : 0; };
  Range range = own_range();
  if (range.high == 0) return;
  rlimit limit{};
  const bool can_grow = is_main_thread() && getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  if (can_grow && left_in(range) < wanted) {
    original_ = limit.rlim_cur;
    const std::size_t missing = round_up(wanted - left_in(range), page_bytes());
    limit.rlim_cur = limit.rlim_max - original_ > missing ? original_ + missing : limit.rlim_max;
    if (limit.rlim_cur > original_ && setrlimit(RLIMIT_STACK, &limit) == 0) {
      raised_to_ = limit.rlim_cur;
      range = own_range();
    }
  }
  const std::size_t left = left_in(range);
  // The stack of a main thread is mapped as it grows, so an overflow touches what is not mapped; others have a guard.
  zone_ = {.first = range.low - std::min(range.low, guard_bytes(wanted)),
           .last = is_main_thread() ? range.high : range.low + range.guard,
           .fault_code = is_main_thread() ? SEGV_MAPERR : SEGV_ACCERR,
           .stack_bytes = left};
  if (left < wanted - wanted / kTakenShare) {
    shortage_ = fmt::format(
        "runs on the main thread's stack of {} bytes, less than SKEIN_STACK ({} bytes); {}", left, wanted,
        is_main_thread() ? "start the program under a higher ulimit -s, whose hard limit does not allow more"
                         : "make the thread that calls run with a larger stack");
  }
}

OwnStack::~OwnStack() {
  rlimit limit{};
  if (raised_to_ == 0 || getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur != raised_to_) return;
  limit.rlim_cur = original_;
  setrlimit(RLIMIT_STACK, &limit);
}

}  // namespace skein
