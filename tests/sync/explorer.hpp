// SPDX-License-Identifier: Apache-2.0
//
// Explores the schedules of a few fibers that run production code: a policy (see skein/sync/atomics.hpp) in which every
// atomic operation, futex call and pause is a point where another fiber may go on, before it and, if it writes, behind it.
//
// Memory    every location keeps all that was stored to it, and every fiber a view: how much of each location it must have
//           seen. A release store carries its fiber's view, an acquire load takes it over, read-modify-writes go on with
//           what the store before them carried. A load may return any store that the view does not hide; one that is not
//           the newest is a stale read, of which a schedule has a bounded number. A seq_cst load returns no store older
//           than the newest that is seq_cst or that another seq_cst load has returned. So missing orders show on any
//           machine.
// Races     plain variables of a test (Explorer::Plain) may be touched only by fibers that have seen all that others did
//           to them.
// Limits    seq_cst operations are ordered as they are executed: a seq_cst load never misses a seq_cst store that was
//           executed before it, as it may in C++ where nothing else orders the two. Stores become part of a location's
//           order as they are executed, and no load returns what is stored later (no load buffering). A compare-and-swap
//           that fails returns the newest store. There are no fences. Futex calls compare with the newest store and pass
//           on no view.
// Waiting   is blocked, not looping: a fiber that pauses goes on when another has written since it last looked, one in a
//           futex when it is woken. Time-outs do not happen, so a lost wake-up is a deadlock.
// Ways      every schedule with a bounded number of preemptions, by depth-first search; schedules drawn at random; and PCT,
//           in which the fiber of highest priority runs and priorities change at a few random points.
// Source    preemption bounds: Musuvathi and Qadeer, PLDI 2007, doi:10.1145/1250734.1250785; PCT: Burckhardt et al.,
//           ASPLOS 2010, doi:10.1145/1736020.1736040, section 2; stores and views: Kang et al., POPL 2017,
//           doi:10.1145/3009837.3009850, section 3, without promises.
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

  /// All schedules with at most so many preemptions and stale reads, but no more than `most`.
  static Result all(const MakeTrial& make, int preemptions, std::uint64_t most, int stale_reads = 0);

  /// Schedules drawn at random.
  static Result random(const MakeTrial& make, std::uint64_t seed, std::uint64_t schedules, int stale_reads = 0);

  /// PCT schedules: bugs that `depth` ordered points make are found with probability 1 / (n k^(depth - 1)) at least, for
  /// n fibers and k points in all.
  static Result pct(const MakeTrial& make, std::uint64_t seed, std::uint64_t schedules, int depth, int stale_reads = 0);

  /// The one that a failure names: its choices, "0 1 0 2". With as many stale reads as it was found with.
  static Result replay(const MakeTrial& make, const std::string& choices, int stale_reads = 0);

  /// Ends the schedule that runs unless `holds`.
  static void require(bool holds, const std::string& what);

  /// Called by a fiber: another one does nothing any more, as if its process were killed where it is.
  static void kill(int fiber);

  /// What the explorer knows of a location; 8 bytes of value, whatever its type.
  struct Word {
    std::uint64_t bits = 0;
    mutable int location = -1;  ///< of the schedule that runs
  };

  // The policy's side.
  static std::uint64_t load(const Word& word, std::memory_order order);
  static void before_write(const Word& word);
  static void stored(Word& word, std::memory_order order, bool is_update);
  static void loaded_newest(const Word& word, std::memory_order order);
  static void plain_read(const Word& word);
  static void plain_write(const Word& word);
  static void futex_wait(const void* word, const std::function<bool()>& is_expected);
  static void futex_wake(const void* word);
  static void pause();
  static std::int64_t now_ns();

  /// A plain variable of a test, whose schedule fails when fibers touch it without an order between them.
  template <class T>
  class Plain {
   public:
    T read() const {
      plain_read(word_);
      return value_;
    }
    void write(T value) {
      plain_write(word_);
      value_ = value;
    }

   private:
    Word word_;
    T value_{};
  };
};

struct ExplorerAtomics {
  template <class T>
  class Atomic {
   public:
    Atomic(T value = {}) : word_{to_bits(value)} {}  // NOLINT: as std::atomic

    T load(std::memory_order order) const { return from_bits(Explorer::load(word_, order)); }
    void store(T value, std::memory_order order) {
      Explorer::before_write(word_);
      word_.bits = to_bits(value);
      Explorer::stored(word_, order, false);
    }
    T exchange(T value, std::memory_order order) {
      return update(order, [&](T) { return value; });
    }
    T fetch_add(T value, std::memory_order order) {
      return update(order, [&](T old) { return static_cast<T>(old + value); });
    }
    T fetch_or(T value, std::memory_order order) {
      return update(order, [&](T old) { return old | value; });
    }
    T fetch_and(T value, std::memory_order order) {
      return update(order, [&](T old) { return old & value; });
    }
    bool compare_exchange_strong(T& expected, T wanted, std::memory_order order) {
      Explorer::before_write(word_);
      const T old = unobserved();
      if (old != expected) {
        Explorer::loaded_newest(word_, order);
        expected = old;
        return false;
      }
      word_.bits = to_bits(wanted);
      Explorer::stored(word_, order, true);
      return true;
    }

    T unobserved() const { return from_bits(word_.bits); }

   private:
    static std::uint64_t to_bits(T value) { return static_cast<std::uint64_t>(value); }
    static T from_bits(std::uint64_t bits) { return static_cast<T>(bits); }

    template <class Operation>
    T update(std::memory_order order, Operation operation) {
      Explorer::before_write(word_);
      const T old = unobserved();
      word_.bits = to_bits(operation(old));
      Explorer::stored(word_, order, true);
      return old;
    }

    Explorer::Word word_;
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
