// SPDX-License-Identifier: Apache-2.0
//
// A policy (see skein/sync/atomics.hpp) that is std::atomic with delays: around every atomic operation and every futex
// call a seeded generator decides whether the thread goes on, yields, or sleeps for a moment. It widens the windows that
// real schedules rarely hit, between an announcement and its re-check, or between a post and the look at the watchers.
#pragma once

#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "skein/sync/atomics.hpp"

namespace skein_test {

class Jitter {
 public:
  /// At the start of each thread.
  static void seed(std::uint64_t value) { state() = value * 0x9e3779b97f4a7c15U + 1; }

  /// One place where a thread may be delayed.
  static void point() {
    constexpr std::uint64_t kChances = 1024;
    constexpr std::uint64_t kSleeping = 4;
    constexpr std::uint64_t kYielding = 64;
    std::uint64_t& x = state();
    x ^= x << 13U;
    x ^= x >> 7U;
    x ^= x << 17U;
    ++points();
    const std::uint64_t chance = (x >> 20U) % kChances;
    if (chance < kSleeping) {
      usleep(static_cast<useconds_t>((x >> 40U) % 50));
    } else if (chance < kYielding) {
      sched_yield();
    }
  }

  /// Places that this thread has passed.
  static std::uint64_t& points() {
    static thread_local std::uint64_t count = 0;
    return count;
  }

 private:
  static std::uint64_t& state() {
    static thread_local std::uint64_t value = 1;
    return value;
  }
};

struct JitterAtomics {
  template <class T>
  class Atomic {
   public:
    Atomic(T value = {}) : inner_(value) {}  // NOLINT: as std::atomic

    T load(std::memory_order order) const {
      return around([&] { return inner_.load(order); });
    }
    void store(T value, std::memory_order order) {
      around([&] { inner_.store(value, order); });
    }
    T exchange(T value, std::memory_order order) {
      return around([&] { return inner_.exchange(value, order); });
    }
    T fetch_add(T value, std::memory_order order) {
      return around([&] { return inner_.fetch_add(value, order); });
    }
    T fetch_or(T value, std::memory_order order) {
      return around([&] { return inner_.fetch_or(value, order); });
    }
    T fetch_and(T value, std::memory_order order) {
      return around([&] { return inner_.fetch_and(value, order); });
    }
    bool compare_exchange_strong(T& expected, T wanted, std::memory_order order) {
      return around([&] { return inner_.compare_exchange_strong(expected, wanted, order); });
    }

    const std::atomic<T>& inner() const { return inner_; }

   private:
    template <class Operation>
    static auto around(Operation operation) {
      const Delays delays;
      return operation();
    }

    struct Delays {
      Delays() { Jitter::point(); }
      ~Delays() { Jitter::point(); }
      Delays(const Delays&) = delete;
      Delays& operator=(const Delays&) = delete;
    };

    std::atomic<T> inner_;
  };

  static void futex_wait(const Atomic<std::uint32_t>& word, std::uint32_t expected, skein::FutexScope scope,
                         std::chrono::nanoseconds longest) {
    Jitter::point();
    skein::StdAtomics::futex_wait(word.inner(), expected, scope, longest);
    Jitter::point();
  }
  static void futex_wake(const Atomic<std::uint32_t>& word, skein::FutexScope scope) {
    Jitter::point();
    skein::StdAtomics::futex_wake(word.inner(), scope);
    Jitter::point();
  }
  static void yield() { skein::StdAtomics::yield(); }
  static std::int64_t now_ns() { return skein::StdAtomics::now_ns(); }
  static void pause() { skein::StdAtomics::pause(); }
};

}  // namespace skein_test
