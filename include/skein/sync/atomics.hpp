// SPDX-License-Identifier: Apache-2.0
//
// The seam between the protocols and the machine: atomics, futex calls, pausing, yielding and the clock come from a
// policy type. Everything in sync and team is written against it, so that tests can plug in a policy that explores
// interleavings. Production is std::atomic and costs nothing.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace skein {

/// Whether a futex word lies in memory that several processes map. Private futexes are cheaper.
enum class FutexScope { process_private, process_shared };

inline constexpr std::chrono::nanoseconds kForever = std::chrono::nanoseconds::max();

struct StdAtomics {
  template <class T>
  using Atomic = std::atomic<T>;

  /// Sleeps while `word` holds `expected`, until woken, and no longer than `longest`. May return without cause: callers
  /// re-check.
  static void futex_wait(const Atomic<std::uint32_t>& word, std::uint32_t expected, FutexScope scope,
                         std::chrono::nanoseconds longest);

  /// Wakes all sleepers on `word`.
  static void futex_wake(const Atomic<std::uint32_t>& word, FutexScope scope);

  /// Gives the CPU to another runnable thread, if there is one.
  static void yield();

  /// Monotonic time. 10 to 25 ns: not for the way of a wait that is short.
  static std::int64_t now_ns();

  /// Tells the core that this is a polling loop.
  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb" ::: "memory");
#endif
  }
};

static_assert(std::atomic<std::uint32_t>::is_always_lock_free && std::atomic<std::uint64_t>::is_always_lock_free,
              "words in a segment are shared between processes");

}  // namespace skein
