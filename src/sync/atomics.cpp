// SPDX-License-Identifier: Apache-2.0
#include "skein/sync/atomics.hpp"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

namespace skein {
namespace {

long futex(const std::atomic<std::uint32_t>& word, int operation, FutexScope scope, std::uint32_t value,
           const timespec* timeout = nullptr) {
  const int private_flag = scope == FutexScope::process_private ? FUTEX_PRIVATE_FLAG : 0;
  return syscall(SYS_futex, &word, operation | private_flag, value, timeout, nullptr, 0);
}

}  // namespace

// Errors need no handling: EAGAIN, EINTR and ETIMEDOUT are wake-ups without cause, and the word is always mapped and
// aligned.
void StdAtomics::futex_wait(const Atomic<std::uint32_t>& word, std::uint32_t expected, FutexScope scope,
                            std::chrono::nanoseconds longest) {
  constexpr std::int64_t kSecond_ns = 1'000'000'000;
  const timespec timeout{longest.count() / kSecond_ns, static_cast<long>(longest.count() % kSecond_ns)};
  futex(word, FUTEX_WAIT, scope, expected, longest == kForever ? nullptr : &timeout);
}

void StdAtomics::futex_wake(const Atomic<std::uint32_t>& word, FutexScope scope) {
  futex(word, FUTEX_WAKE, scope, INT_MAX);
}

void StdAtomics::yield() { sched_yield(); }

std::int64_t StdAtomics::now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace skein
