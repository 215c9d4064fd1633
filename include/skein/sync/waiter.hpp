// SPDX-License-Identifier: Apache-2.0
//
// The one function that waits. Everything in Skein that blocks does so here.
//
// Ladder   bare polls, polls with pause, (now the clock is read) spin with pause, yield, park.
// Abort    every stage watches the abort word; whoever sets it rings every doorbell.
// Idle     called between polls once the first ones failed, and before each sleep, whose length it limits: where a lane lets
//          the network progress. Nothing here knows of networks.
// Mates    ranks that share a lane take turns (turns.hpp): while one waits, another runs, and the lane climbs down the ladder
//          for all of them once none can go on.
// Watch    called now and then by waits that take long: whether the lane still has a CPU of its own.
// Notice   a wait that takes longer than the first polls says so where others can read it, and what it waits for.
// Cost     nothing but the polls when the condition comes true within the first ones; no system call before the spin
//          and yield budgets end; allocates nothing.
//
// Edges    conditions are read with seq_cst loads, because the poll after [announce] is the re-check of doorbell.hpp.
//   [abort-see]  seq_cst load of the abort word: acquires the failure record, and is part of the same re-check
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "skein/sync/doorbell.hpp"
#include "skein/sync/wait_notice.hpp"
#include "skein/sync/wait_policy.hpp"

namespace skein {

/// What a message from another host may come later for a sleeping lane: about what waking up takes on virtual machines, and
/// a twentieth of a CPU in polls.
inline constexpr std::chrono::nanoseconds kNap = std::chrono::microseconds(50);

/// Set once, by the first failure; read by every wait. Zero means all is well.
template <class Policy>
struct alignas(kStride) AbortWord {
  typename Policy::template Atomic<std::uint32_t> word{0};

  bool is_set() const { return word.load(std::memory_order_seq_cst) != 0; }  // [abort-see]
};

enum class WaitResult { ready, aborted };

/// What one rank waits for, in a form that others can look at.
template <class Policy>
struct Wait {
  bool (*is_ready)(void*) = nullptr;
  void* condition = nullptr;
  Watchers<Policy>* watchers = nullptr;  ///< null: nobody rings, so it is polled
  Awaited<Policy> awaited;
  std::chrono::nanoseconds longest_sleep = kForever;
};

/// The other ranks on the lane of a rank, to which it gives way while it waits.
template <class Policy>
class LaneMates {
 public:
  /// Returns when the condition holds or the team is aborted. Others may run meanwhile.
  virtual WaitResult wait(const Wait<Policy>& wait) = 0;

  /// Whether some of them are known to be able to go on.
  virtual bool can_go_on() const = 0;

  /// Lets those that can go on run first.
  virtual void give_way() = 0;

 protected:
  ~LaneMates() = default;
};

/// What a rank does between polls. Returns how long it may sleep until the next call.
struct Idle {
  std::chrono::nanoseconds (*run)(void*) = nullptr;
  void* context = nullptr;

  std::chrono::nanoseconds operator()() const { return run == nullptr ? kForever : run(context); }
};

/// Whether a rank has lost the CPU that its budget counts on; if so, `then` is its budget from now on.
struct Watch {
  bool (*has_lost_cpu)(void*) = nullptr;
  void* context = nullptr;
  WaitBudget then;
};

/// A word that is waited for, with all that belongs to it.
template <class Policy>
struct WaitTarget {
  Watchers<Policy>* watchers = nullptr;  ///< null: nobody rings, so it is polled
  Awaited<Policy> awaited;
  WaitNotice<Policy>* notice = nullptr;

  static constexpr std::int64_t kNoticeAfter_ns = 0;

  bool is_polled() const { return watchers == nullptr; }
  void announce(int lane) const {
    if (watchers != nullptr) watchers->announce(lane);
  }
  void retract(int lane) const {
    if (watchers != nullptr) watchers->retract(lane);
  }
  void begin_notice(std::int64_t now_ns) const {
    if (notice != nullptr) notice->begin(now_ns, awaited);
  }
  void end_notice() const {
    if (notice != nullptr) notice->end();
  }
};

template <class Policy>
class Waiter;

/// The one frame under which a profile shows waiting.
template <class Policy, class Ready, class Target>
[[gnu::noinline]] WaitResult wait(Waiter<Policy>& waiter, Ready ready, const Target& target,
                                  std::chrono::nanoseconds longest_sleep) {
  return waiter.go_down(ready, target, longest_sleep);
}

/// One rank's way to wait, or that of a lane for all its ranks. Used by that rank or lane only.
template <class Policy>
class Waiter {
 public:
  Waiter(const AbortWord<Policy>& abort, Bells<Policy>& bells, int lane, WaitBudget budget, Idle idle = {},
         Watch watch = {}, WaitNotice<Policy>* notice = nullptr, LaneMates<Policy>* mates = nullptr)
      : abort_(&abort),
        bells_(&bells),
        lane_(lane),
        budget_(budget),
        idle_(idle),
        watch_(watch),
        notice_(notice),
        mates_(mates) {}

  /// Returns when `ready()` holds or the team is aborted. `watchers` belong to the word that `ready` reads, which is
  /// `awaited.word` if it lies in the same memory as the notice.
  template <class Ready>
  [[gnu::always_inline]] inline WaitResult until(Ready ready, Watchers<Policy>& watchers,
                                                 Awaited<Policy> awaited = {}) {
    for (int i = 0; i < kBarePolls; ++i) {
      if (ready()) return WaitResult::ready;
    }
    return wait(*this, ready, WaitTarget<Policy>{&watchers, awaited, notice_}, kForever);
  }

  /// As until, for a condition that nobody rings for: it is polled, at least every kNap.
  template <class Ready>
  WaitResult until_polled(Ready ready) {
    return ready() ? WaitResult::ready : wait(*this, ready, WaitTarget<Policy>{nullptr, {}, notice_}, kNap);
  }

  /// As until, for a target that is looked at already and is no single word.
  template <class Ready, class Target>
  WaitResult until_any(Ready ready, const Target& target, std::chrono::nanoseconds longest_sleep) {
    return wait(*this, ready, target, longest_sleep);
  }

  /// What a rank does between polls, once: for those who poll by themselves.
  void idle() const {
    if (mates_ != nullptr) return mates_->give_way();
    idle_();
  }

  bool is_aborted() const { return abort_->is_set(); }
  std::int64_t waited_ns() const { return waited_ns_; }

  /// From now on the rank gives way to these; null for none.
  void share_with(LaneMates<Policy>* mates) { mates_ = mates; }

 private:
  template <class P, class Ready, class Target>
  friend WaitResult wait(Waiter<P>& waiter, Ready ready, const Target& target, std::chrono::nanoseconds longest_sleep);

  // A poll without a pause fetches the line back while its writer is about to write it, so there is one
  // only. The paused ones are enough for a line from another socket, so that a collective in step reads no clock
  // (skein-bench barrier).
  static constexpr int kBarePolls = 1;
  static constexpr int kPausedPolls = 64;
  static constexpr int kPollsPerClockRead = 16;
  // 16 ranks on 2 CPUs pass a barrier within a tenth of this, and a time slice is several times as long.
  static constexpr std::int64_t kLongYield_ns = 500'000;
  // A lost slice may be a hiccup, after which sleeping is the slower way by far, or the work of a neighbour that stays. So
  // each doubles what the last one brought, up to so many waits that lost slices no longer count beside the sleeps
  // (tests/runtime/crowding_test.cpp), and each wait that ends without one takes back a little.
  static constexpr int kFewestParkedWaits = 16;
  static constexpr int kMostParkedWaits = 1000;
  // Masks are changed by hand: often enough that nobody notices the delay, and a system call a thousand times rarer than
  // the waits that may make it.
  static constexpr std::int64_t kWatchEvery_ns = 100'000'000;

  template <class Ready, class Target>
  [[gnu::always_inline]] inline WaitResult go_down(Ready& ready, const Target& target,
                                                   std::chrono::nanoseconds longest_sleep) {
    if constexpr (std::is_same_v<Target, WaitTarget<Policy>>) {
      if (mates_ != nullptr) {
        // Between lanes in step, this takes less time than handing over the condition.
        const int polls = budget_.spin.count() > 0 && !target.is_polled() ? kPausedPolls : 0;
        for (int i = 0; i < polls && !mates_->can_go_on(); ++i) {
          Policy::pause();
          if (ready()) return WaitResult::ready;
        }
        return mates_->wait({.is_ready = [](void* condition) { return bool((*static_cast<Ready*>(condition))()); },
                             .condition = &ready,
                             .watchers = target.watchers,
                             .awaited = target.awaited,
                             .longest_sleep = longest_sleep});
      }
    }
    // What is polled comes from another host, so giving way does not bring it about.
    const int paused_polls = budget_.spin.count() > 0 || target.is_polled() ? kPausedPolls : 0;
    for (int i = 0; i < paused_polls; ++i) {
      if (ready()) return WaitResult::ready;
      if (abort_->is_set()) return last_look(ready);
      if (!target.is_polled()) Policy::pause();  // a poll of the network is a pause by itself
    }
    const std::int64_t start_ns = Policy::now_ns();
    Notice<Target> notice(target, start_ns);
    const WaitResult result = descend(ready, target, longest_sleep, notice);
    waited_ns_ += Policy::now_ns() - start_ns;
    return result;
  }

  /// Says that the target is waited for, once that has lasted as long as it says.
  template <class Target>
  struct Notice {
    Notice(const Target& waited_for, std::int64_t begin_ns) : target(waited_for), start_ns(begin_ns) { give(begin_ns); }
    ~Notice() {
      if (is_given) target.end_notice();
    }
    Notice(const Notice&) = delete;
    Notice& operator=(const Notice&) = delete;

    void give(std::int64_t now_ns) {
      if (is_given || now_ns - start_ns < Target::kNoticeAfter_ns) return;
      target.begin_notice(start_ns);
      is_given = true;
    }

    const Target& target;
    std::int64_t start_ns;
    bool is_given = false;
  };

  template <class Ready, class Target>
  WaitResult descend(Ready& ready, const Target& target, std::chrono::nanoseconds longest_sleep,
                     Notice<Target>& notice) {
    const std::int64_t start_ns = notice.start_ns;
    look_around(start_ns);
    std::int64_t spin_end_ns = end_of(start_ns, budget_.spin);
    for (std::int64_t now_ns = start_ns; now_ns < spin_end_ns; now_ns = Policy::now_ns()) {
      if (look_around(now_ns)) spin_end_ns = now_ns;
      notice.give(now_ns);
      for (int i = 0; i < kPollsPerClockRead; ++i) {
        if (ready()) return WaitResult::ready;
        if (abort_->is_set()) return last_look(ready);
        Policy::pause();
        idle_();
      }
    }
    const bool is_polled = target.is_polled();
    const std::int64_t yield_end_ns = end_of(spin_end_ns, budget_.yield);
    for (std::int64_t now_ns = spin_end_ns; now_ns < yield_end_ns && (is_polled || may_yield());) {
      notice.give(now_ns);
      if (ready()) {
        parked_waits_after_ = std::max(parked_waits_after_ - 1, kFewestParkedWaits);
        return WaitResult::ready;
      }
      if (abort_->is_set()) return last_look(ready);
      idle_();
      Policy::yield();
      const std::int64_t back_ns = Policy::now_ns();
      if (back_ns - now_ns > kLongYield_ns) {
        parked_waits_ = parked_waits_after_;
        parked_waits_after_ = std::min(2 * parked_waits_after_, kMostParkedWaits);
      }
      now_ns = back_ns;
    }
    if (parked_waits_ > 0) --parked_waits_;
    notice.give(INT64_MAX);
    return park(ready, target, longest_sleep);
  }

  /// True when the budget has changed.
  bool look_around(std::int64_t now_ns) {
    if (now_ns < next_watch_ns_ || watch_.has_lost_cpu == nullptr) return false;
    next_watch_ns_ = now_ns + kWatchEvery_ns;
    if (!watch_.has_lost_cpu(watch_.context)) return false;
    budget_ = watch_.then;
    watch_ = {};
    return true;
  }

  // Among ranks in step, yielding is several times faster than sleeping; but a program that computes keeps the CPU that
  // it is given for its whole time slice, while a sleeper that is woken gets it back at once. So after a yield that took
  // that long, waits sleep without yielding for a while; but not those for messages, which would wake nobody.
  bool may_yield() const { return parked_waits_ == 0 || budget_.yield == kForever; }

  // The doorbell is read before the re-check, so a ring after the re-check changes the value that sleep() expects.
  template <class Ready, class Target>
  WaitResult park(Ready& ready, const Target& target, std::chrono::nanoseconds longest_sleep) {
    target.announce(lane_);
    while (true) {
      const std::uint32_t bell = bells_->read(lane_);
      const bool is_ready = ready();
      if (is_ready || abort_->is_set()) {
        const WaitResult result = is_ready ? WaitResult::ready : last_look(ready);
        target.retract(lane_);
        return result;
      }
      const std::chrono::nanoseconds next_idle = idle_();
      bells_->sleep(lane_, bell, std::min(longest_sleep, next_idle));
    }
  }

  // Once the abort word is seen: what was posted before it was set counts, so that an episode which is complete for one
  // rank is complete for all.
  template <class Ready>
  static WaitResult last_look(Ready& ready) {
    return ready() ? WaitResult::ready : WaitResult::aborted;
  }

  static std::int64_t end_of(std::int64_t begin_ns, std::chrono::nanoseconds budget) {
    const std::int64_t length = budget.count();
    return length > INT64_MAX - begin_ns ? INT64_MAX : begin_ns + length;
  }

  const AbortWord<Policy>* abort_;
  Bells<Policy>* bells_;
  int lane_;
  WaitBudget budget_;
  Idle idle_;
  Watch watch_;
  WaitNotice<Policy>* notice_;
  LaneMates<Policy>* mates_;  ///< null for a rank alone on its lane
  std::int64_t next_watch_ns_ = 0;
  std::int64_t waited_ns_ = 0;
  int parked_waits_ = 0;                         ///< to come
  int parked_waits_after_ = kFewestParkedWaits;  ///< the next long yield
};

}  // namespace skein
