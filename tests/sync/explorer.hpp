// SPDX-License-Identifier: Apache-2.0
//
// Explores the schedules of a few fibers that run production code: a policy (see skein/sync/atomics.hpp) in which every
// atomic operation, futex call and pause is a point where another fiber may go on, before it and, if it writes, behind it. What is explored are the interleavings
// of a sequentially consistent memory; weaker orders are the business of ThreadSanitizer and of the models.
//
// Waiting   is blocked, not looping: a fiber that pauses goes on when another has written since it last looked, one in a
//           futex when it is woken. Time-outs do not happen, so a lost wake-up is a deadlock.
// Ways      every schedule with a bounded number of preemptions, by depth-first search; schedules drawn at random; and PCT,
//           in which the fiber of highest priority runs and priorities change at a few random points.
// Source    preemption bounds: Musuvathi and Qadeer, PLDI 2007, doi:10.1145/1250734.1250785; PCT: Burckhardt et al.,
//           ASPLOS 2010, doi:10.1145/1736020.1736040, section 2.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "skein/sync/atomics.hpp"

namespace skein_test {

class Explorer {
 public:
  /// One schedule: what each fiber does, and what is wrong when all have ended, if anything is.
  struct Trial {
    int fibers = 0;
    std::function<void(int)> body;
    std::function<std::string()> check = [] { return std::string(); };
  };
  /// Builds everything anew that a schedule works on. Bodies do not let others go on inside a catch block.
  using MakeTrial = std::function<Trial()>;

  struct Result {
    std::uint64_t schedules = 0;
    std::uint64_t points = 0;
    bool is_complete = false;  ///< every schedule within the bound was tried
    std::string failure;       ///< of the first schedule that failed, and how to see it again; empty when none did

    bool is_good() const { return failure.empty(); }
  };

  /// All schedules with at most so many preemptions, but no more than `most`.
  static Result all(const MakeTrial& make, int preemptions, std::uint64_t most);

  /// Schedules drawn at random.
  static Result random(const MakeTrial& make, std::uint64_t seed, std::uint64_t schedules);

  /// PCT schedules: bugs that `depth` ordered points make are found with probability 1 / (n k^(depth - 1)) at least, for
  /// n fibers and k points in all.
  static Result pct(const MakeTrial& make, std::uint64_t seed, std::uint64_t schedules, int depth);

  /// The one that a failure names: its choices, "0 1 0 2".
  static Result replay(const MakeTrial& make, const std::string& choices);

  /// Ends the schedule that runs unless `holds`.
  static void require(bool holds, const std::string& what);

  // The policy's side.
  static void before(bool writes);
  static void after_write();
  static void futex_wait(const void* word, const std::function<bool()>& is_expected);
  static void futex_wake(const void* word);
  static void pause();
  static std::int64_t now_ns();
};

struct ExplorerAtomics {
  template <class T>
  class Atomic {
   public:
    Atomic(T value = {}) : value_(value) {}  // NOLINT: as std::atomic

    T load(std::memory_order) const {
      Explorer::before(false);
      return value_;
    }
    void store(T value, std::memory_order) {
      write([&] { return std::exchange(value_, value); });
    }
    T exchange(T value, std::memory_order) {
      return write([&] { return std::exchange(value_, value); });
    }
    T fetch_add(T value, std::memory_order) {
      return write([&] { return std::exchange(value_, static_cast<T>(value_ + value)); });
    }
    T fetch_or(T value, std::memory_order) {
      return write([&] { return std::exchange(value_, value_ | value); });
    }
    T fetch_and(T value, std::memory_order) {
      return write([&] { return std::exchange(value_, value_ & value); });
    }
    bool compare_exchange_strong(T& expected, T wanted, std::memory_order) {
      return write([&] {
        const bool is_equal = value_ == expected;
        if (is_equal) {
          value_ = wanted;
        } else {
          expected = value_;
        }
        return is_equal;
      });
    }

    T unobserved() const { return value_; }

   private:
    // Another may go on behind a write too, and see it without the plain writes that follow.
    template <class Operation>
    static auto write(Operation operation) {
      Explorer::before(true);
      const auto result = operation();
      Explorer::after_write();
      return result;
    }

    T value_;
  };

  static void futex_wait(const Atomic<std::uint32_t>& word, std::uint32_t expected, skein::FutexScope,
                         std::chrono::nanoseconds) {
    Explorer::futex_wait(&word, [&] { return word.unobserved() == expected; });
  }
  static void futex_wake(const Atomic<std::uint32_t>& word, skein::FutexScope) { Explorer::futex_wake(&word); }
  static void yield() { Explorer::pause(); }
  static void pause() { Explorer::pause(); }
  static std::int64_t now_ns() { return Explorer::now_ns(); }
};

}  // namespace skein_test
