// SPDX-License-Identifier: Apache-2.0
//
// The wait ladder, by one thread: a policy whose clock, yields and sleeps are counted, and whose sleeps do what a test
// tells them to.
#include "skein/sync/waiter.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace {

using skein::Crowding;
using skein::WaitPolicy;
using skein::WaitResult;

/// The machine that a waiting thread sees.
struct Script {
  int pauses = 0;
  int yields = 0;
  int sleeps = 0;
  int refused_sleeps = 0;  ///< the word had changed, so the kernel returned at once
  int wakes = 0;
  int clock_reads = 0;
  std::int64_t now_ns = 1'000'000;
  std::int64_t first_yield_ns = 0;
  std::int64_t first_sleep_ns = 0;
  std::function<void()> during_sleep = [] {};
  std::function<void()> during_yield = [] {};
  std::function<void()> during_pause = [] {};
};
Script script;

struct ScriptedAtomics {
  template <class T>
  using Atomic = std::atomic<T>;

  static void futex_wait(const Atomic<std::uint32_t>& word, std::uint32_t expected, skein::FutexScope,
                         std::chrono::nanoseconds) {
    if (script.sleeps++ == 0) script.first_sleep_ns = script.now_ns;
    if (word.load() != expected) {
      ++script.refused_sleeps;
      return;
    }
    script.during_sleep();
  }
  static void futex_wake(const Atomic<std::uint32_t>&, skein::FutexScope) { ++script.wakes; }
  static void yield() {
    if (script.yields++ == 0) script.first_yield_ns = script.now_ns;
    script.during_yield();
  }
  static std::int64_t now_ns() {
    ++script.clock_reads;
    return script.now_ns += 1000;
  }
  static void pause() {
    ++script.pauses;
    script.during_pause();
  }
};

class Ladder : public testing::Test {
 protected:
  static constexpr int kLane = 1;
  static constexpr int kShort = 32;  ///< polls that a wait in step may take

  Ladder() { script = {}; }

  skein::Waiter<ScriptedAtomics> waiter(WaitPolicy policy, Crowding crowding, skein::Idle idle = {}) {
    return {abort_, bells_, kLane, wait_budget(policy, crowding), idle};
  }

  /// True from the given poll on.
  auto ready_at(int poll) {
    return [this, poll] { return ++polls_ >= poll; };
  }
  auto ready_when_posted() {
    return [this] {
      ++polls_;
      return is_posted_;
    };
  }

  void post() {
    is_posted_ = true;
    bells_.ring(watchers_);
  }
  void set_abort() {
    abort_.word.store(1);
    bells_.ring_all();
  }
  bool anybody_watches() const { return watchers_.words[0].load() != 0; }

  skein::AbortWord<ScriptedAtomics> abort_;
  skein::Doorbell<ScriptedAtomics> doorbells_[2];
  skein::Bells<ScriptedAtomics> bells_{doorbells_, skein::FutexScope::process_private};
  skein::Watchers<ScriptedAtomics> watchers_;
  int polls_ = 0;
  bool is_posted_ = false;
};

// Defect: a clock read or system call on the way of a wait that is over within the first polls.
TEST_F(Ladder, ShortWaitsReadNoClock) {
  auto wait = waiter(WaitPolicy::automatic, Crowding::fits);
  EXPECT_EQ(wait.until(ready_at(kShort), watchers_), WaitResult::ready);
  EXPECT_EQ(script.clock_reads + script.yields + script.sleeps, 0);
  EXPECT_EQ(wait.waited_ns(), 0);
}

// Defect: spin that gives up the CPU although every rank has one.
TEST_F(Ladder, SpinNeverYieldsNorSleepsWhileRanksFit) {
  auto wait = waiter(WaitPolicy::spin, Crowding::fits);
  EXPECT_EQ(wait.until(ready_at(5'000'000), watchers_), WaitResult::ready);
  EXPECT_EQ(script.yields + script.sleeps, 0);
}

// Defect: spin that starves the rank it waits for, which needs this CPU.
TEST_F(Ladder, SpinOfTooManyRanksParks) {
  script.during_sleep = [this] { post(); };
  auto wait = waiter(WaitPolicy::spin, Crowding::oversubscribed);
  EXPECT_EQ(wait.until(ready_when_posted(), watchers_), WaitResult::ready);
  EXPECT_GT(script.yields, 0);
  EXPECT_EQ(script.sleeps, 1);
}

// Defect: yield that sleeps, where nobody is sure to wake it cheaply, or that burns its time slice.
TEST_F(Ladder, YieldYieldsAndNeverSleeps) {
  for (const Crowding crowding : {Crowding::fits, Crowding::oversubscribed}) {
    script = {};
    polls_ = 0;
    auto wait = waiter(WaitPolicy::yield, crowding);
    EXPECT_EQ(wait.until(ready_at(1'000'000), watchers_), WaitResult::ready);
    EXPECT_EQ(script.sleeps, 0);
    EXPECT_GT(script.yields, 900'000);
  }
}

// Defect: park that yields or spins first.
TEST_F(Ladder, ParkSleepsAfterTheFirstPolls) {
  script.during_sleep = [this] { post(); };
  auto wait = waiter(WaitPolicy::park, Crowding::fits);
  EXPECT_EQ(wait.until(ready_when_posted(), watchers_), WaitResult::ready);
  EXPECT_EQ(script.sleeps, 1);
  EXPECT_EQ(script.yields, 0);
  EXPECT_EQ(script.pauses, 0) << "it kept the CPU that it should give up";
  EXPECT_LE(polls_, 64 + 32 + 2);
}

// Defect: a wait that slept keeps those behind it from yielding.
TEST_F(Ladder, WaitsYieldAgainAfterOneThatSlept) {
  auto wait = waiter(WaitPolicy::automatic, Crowding::fits);
  script.during_sleep = [this] { post(); };
  for (int round = 0; round < 3; ++round) {
    is_posted_ = false;
    script.yields = 0;
    EXPECT_EQ(wait.until(ready_when_posted(), watchers_), WaitResult::ready);
    EXPECT_GT(script.yields, 0) << round;
    EXPECT_EQ(script.sleeps, round + 1);
  }
}

// Defect: a yield that cost a time slice keeps waits from yielding for ever, or more of them each time, whatever lies between.
TEST_F(Ladder, ALongYieldIsForgottenAfterWaitsThatGotWhatTheyYieldedFor) {
  auto wait = waiter(WaitPolicy::automatic, Crowding::fits);
  const auto parked_after_a_long_yield = [&] {
    script.during_sleep = [this] { post(); };
    script.during_yield = [] { script.now_ns += 10'000'000; };
    is_posted_ = false;
    (void)wait.until(ready_when_posted(), watchers_);
    script.during_yield = [] {};
    int parked = 0;
    for (script.yields = 0; script.yields == 0 && parked < 10'000; ++parked) {
      is_posted_ = false;
      (void)wait.until(ready_when_posted(), watchers_);
    }
    return parked;
  };
  const int first = parked_after_a_long_yield();
  EXPECT_GT(parked_after_a_long_yield(), first);
  for (int i = 0; i < 10'000; ++i) {
    script.during_yield = [this] { post(); };
    is_posted_ = false;
    (void)wait.until(ready_when_posted(), watchers_);
  }
  EXPECT_EQ(parked_after_a_long_yield(), first);
}

// Defect: stages in another order, skipped, or not as long as the budget says.
TEST_F(Ladder, AutomaticSpinsThenYieldsThenSleeps) {
  script.during_sleep = [this] { post(); };
  auto wait = waiter(WaitPolicy::automatic, Crowding::fits);
  const skein::WaitBudget budget = wait_budget(WaitPolicy::automatic, Crowding::fits);
  const std::int64_t start_ns = script.now_ns;
  EXPECT_EQ(wait.until(ready_when_posted(), watchers_), WaitResult::ready);
  EXPECT_GE(script.first_yield_ns - start_ns, budget.spin.count());
  EXPECT_LT(script.first_yield_ns - start_ns, budget.spin.count() + 10'000);
  EXPECT_GE(script.first_sleep_ns - start_ns, (budget.spin + budget.yield).count());
  EXPECT_GT(script.pauses, 32);
  EXPECT_EQ(script.sleeps, 1);
}

// Defect: a sleeper that trusts its waking, or one that has to be woken again because it takes its name off the list.
TEST_F(Ladder, WakingWithoutCauseChangesNothing) {
  script.during_sleep = [this] {
    EXPECT_TRUE(anybody_watches());
    if (script.sleeps == 5) post();
  };
  auto wait = waiter(WaitPolicy::park, Crowding::fits);
  EXPECT_EQ(wait.until(ready_when_posted(), watchers_), WaitResult::ready);
  EXPECT_EQ(script.sleeps, 5);
  EXPECT_EQ(script.wakes, 1);
}

// Defect: a bit that stays behind makes every later post a system call.
TEST_F(Ladder, SleepersTakeTheirNameOff) {
  script.during_sleep = [this] { post(); };
  auto wait = waiter(WaitPolicy::park, Crowding::fits);
  EXPECT_EQ(wait.until(ready_when_posted(), watchers_), WaitResult::ready);
  EXPECT_FALSE(anybody_watches());
  EXPECT_EQ(script.wakes, 1);
  post();
  EXPECT_EQ(script.wakes, 1);
}

// Defect: the bell is read after the re-check: a ring between them is slept through.
TEST_F(Ladder, RingBetweenReCheckAndSleepIsNotSleptThrough) {
  script.during_sleep = [this] {
    ADD_FAILURE() << "slept although the bell had rung";
    post();
  };
  bool is_rung = false;
  const auto ready = [&] {
    if (!anybody_watches()) return false;  // not yet announced
    if (is_rung) return true;
    is_rung = true;
    bells_.ring(watchers_);
    return false;
  };
  auto wait = waiter(WaitPolicy::park, Crowding::fits);
  EXPECT_EQ(wait.until(ready, watchers_), WaitResult::ready);
  EXPECT_EQ(script.refused_sleeps, 1);
}

// Defect: the condition is not looked at between announcing and sleeping: a post before the announcement rang nobody.
TEST_F(Ladder, PostBeforeTheAnnouncementIsSeenByTheReCheck) {
  const auto ready = [&] { return anybody_watches(); };  // what a poster does who looked at the watchers just before
  auto wait = waiter(WaitPolicy::park, Crowding::fits);
  EXPECT_EQ(wait.until(ready, watchers_), WaitResult::ready);
  EXPECT_EQ(script.sleeps, 0);
}

// Defect: a stage of the ladder that does not watch the abort word: a hang after a failure.
TEST_F(Ladder, AbortEndsEveryStage) {
  const auto never = [this] { return ++polls_ < 0; };
  script.during_pause = [this] { set_abort(); };
  EXPECT_EQ(waiter(WaitPolicy::spin, Crowding::fits).until(never, watchers_), WaitResult::aborted);
  abort_.word.store(0);
  script = {};
  script.during_pause = [this] {
    if (script.pauses > 100) set_abort();  // behind the stage that reads no clock
  };
  EXPECT_EQ(waiter(WaitPolicy::spin, Crowding::fits).until(never, watchers_), WaitResult::aborted);
  abort_.word.store(0);
  script = {};
  script.during_yield = [this] { set_abort(); };
  EXPECT_EQ(waiter(WaitPolicy::yield, Crowding::oversubscribed).until(never, watchers_), WaitResult::aborted);
  abort_.word.store(0);
  script = {};
  script.during_sleep = [this] { set_abort(); };
  EXPECT_EQ(waiter(WaitPolicy::park, Crowding::fits).until(never, watchers_), WaitResult::aborted);
  EXPECT_FALSE(anybody_watches());
}

// Defect: an abort before the wait is noticed only by those who never sleep.
TEST_F(Ladder, AbortBeforeTheWaitEndsItWithoutASleep) {
  set_abort();
  EXPECT_EQ(waiter(WaitPolicy::park, Crowding::fits).until([] { return false; }, watchers_), WaitResult::aborted);
  EXPECT_EQ(script.sleeps, 0);
}

// Defect: what the lane owes to others stands still while it spins, yields, or goes to sleep.
TEST_F(Ladder, IdleRunsInEveryStageButTheFirst) {
  int idles = 0;
  const skein::Idle idle{[](void* count) {
                           ++*static_cast<int*>(count);
                           return skein::kForever;
                         },
                         &idles};
  EXPECT_EQ(waiter(WaitPolicy::spin, Crowding::fits, idle).until(ready_at(kShort), watchers_), WaitResult::ready);
  EXPECT_EQ(idles, 0);
  EXPECT_EQ(waiter(WaitPolicy::spin, Crowding::fits, idle).until(ready_at(1000), watchers_), WaitResult::ready);
  EXPECT_GT(idles, 0);
  idles = 0;
  EXPECT_EQ(waiter(WaitPolicy::yield, Crowding::oversubscribed, idle).until(ready_at(2000), watchers_),
            WaitResult::ready);
  EXPECT_GT(idles, 0);
  idles = 0;
  script.during_sleep = [this] { post(); };
  EXPECT_EQ(waiter(WaitPolicy::park, Crowding::fits, idle).until(ready_when_posted(), watchers_), WaitResult::ready);
  EXPECT_GT(idles, 0);
}

// Defect: a poster that wakes all lanes, or another one.
TEST_F(Ladder, PostersRingExactlyThoseWhoWatch) {
  watchers_.announce(kLane);
  const std::uint32_t other = bells_.read(0);
  const std::uint32_t own = bells_.read(kLane);
  bells_.ring(watchers_);
  EXPECT_EQ(bells_.read(0), other);
  EXPECT_EQ(bells_.read(kLane), own + 1);
}

// Defect: lanes beyond the first word of the watchers line are never woken, or a word too many is read.
TEST(Bells, ReachEveryLaneOfALargeHost) {
  for (const int lanes : {1, 63, 64, 65, 128, 129, 511, 512}) {
    std::vector<skein::Doorbell<ScriptedAtomics>> doorbells(static_cast<std::size_t>(lanes));
    skein::Bells<ScriptedAtomics> bells(doorbells, skein::FutexScope::process_shared);
    skein::Watchers<ScriptedAtomics> watchers;
    for (int lane = 0; lane < lanes; ++lane) {
      watchers.announce(lane);
      bells.ring(watchers);
      watchers.retract(lane);
      EXPECT_EQ(bells.read(lane), 1U) << lane << " of " << lanes;
    }
    bells.ring(watchers);
    bells.ring_all();
    for (int lane = 0; lane < lanes; ++lane) EXPECT_EQ(bells.read(lane), 2U) << lane << " of " << lanes;
  }
}

}  // namespace
