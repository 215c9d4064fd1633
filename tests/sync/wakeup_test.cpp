// SPDX-License-Identifier: Apache-2.0
//
// Sleeping and waking with real threads: every round is a chance to lose a wake-up, and a lost one is a hang. All waits
// park at once; nothing here has a time-out that would repair a loss.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "jitter.hpp"
#include "skein/sync/waiter.hpp"

namespace {

using skein::Crowding;
using skein::WaitPolicy;
using skein::WaitResult;

/// Words that threads wait for, each with its watchers.
template <class Policy>
struct Board {
  struct alignas(skein::kStride) Cell {
    typename Policy::template Atomic<std::uint64_t> word{0};
    skein::Watchers<Policy> watchers;
  };

  explicit Board(int threads)
      : cells(static_cast<std::size_t>(threads)), doorbells(cells.size()), bells(doorbells, kScope) {}

  skein::Waiter<Policy> waiter(int lane) {
    return {abort, bells, lane, wait_budget(WaitPolicy::park, Crowding::oversubscribed)};
  }
  void post(int lane, std::uint64_t value) {
    Cell& cell = cells[static_cast<std::size_t>(lane)];
    cell.word.exchange(value, std::memory_order_seq_cst);
    bells.ring(cell.watchers);
  }
  WaitResult wait(skein::Waiter<Policy>& waiter, int lane, std::uint64_t value) {
    Cell& cell = cells[static_cast<std::size_t>(lane)];
    return waiter.until([&] { return cell.word.load(std::memory_order_seq_cst) >= value; }, cell.watchers);
  }

  static constexpr skein::FutexScope kScope = skein::FutexScope::process_private;
  std::vector<Cell> cells;
  std::vector<skein::Doorbell<Policy>> doorbells;
  skein::AbortWord<Policy> abort;
  skein::Bells<Policy> bells;
};

template <class Body>
void run_threads(int threads, Body body) {
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) running.emplace_back([&body, i] { body(i); });
  for (std::thread& thread : running) thread.join();
}

// Defect: a ring reads words that no lane of the host has, which lie behind the watchers where it has the most lanes.
TEST(Bells, LookAtNoMoreWatchersThanThereAreLanes) {
  constexpr int kLanes = skein::Watchers<skein::StdAtomics>::kBits;
  std::vector<skein::Doorbell<skein::StdAtomics>> doorbells(kLanes + 1);
  skein::Bells<skein::StdAtomics> bells({doorbells.data(), kLanes}, skein::FutexScope::process_private);
  skein::Watchers<skein::StdAtomics> watchers;
  for (const int lane : {0, kLanes - 1, kLanes}) watchers.announce(lane);
  bells.ring(watchers);
  EXPECT_EQ(doorbells.front().word.load(), 1U);
  EXPECT_EQ(doorbells[kLanes - 1].word.load(), 1U);
  EXPECT_EQ(doorbells[kLanes].word.load(), 0U);
}

template <class Policy>
class WakeUp : public testing::Test {
 protected:
  // Delays make each round longer and more telling.
  static constexpr std::uint64_t kRounds = std::is_same_v<Policy, skein::StdAtomics> ? 20'000 : 2000;
};
using Policies = testing::Types<skein::StdAtomics, skein_test::JitterAtomics>;

struct PolicyNames {
  template <class Policy>
  static std::string GetName(int) {  // NOLINT: GoogleTest's name
    return std::is_same_v<Policy, skein::StdAtomics> ? "std" : "jitter";
  }
};
TYPED_TEST_SUITE(WakeUp, Policies, PolicyNames);

// Defect: a wake-up lost between announcing, re-checking, posting and looking at the watchers. Hangs.
TYPED_TEST(WakeUp, IsNeverLostBetweenTwo) {
  Board<TypeParam> board(2);
  run_threads(2, [&](int own) {
    skein_test::Jitter::seed(static_cast<std::uint64_t>(own) + 1);
    auto waiter = board.waiter(own);
    for (std::uint64_t round = 1; round <= this->kRounds; ++round) {
      if (own == 0) board.post(0, round);
      EXPECT_EQ(board.wait(waiter, 1 - own, round), WaitResult::ready);
      if (own == 1) board.post(1, round);
    }
  });
}

// Defect: of many sleepers on one word some are not woken; a sleeper on one word is woken by another and believes it.
TYPED_TEST(WakeUp, ReachesAllWhoWatchOneWord) {
  constexpr int kThreads = 6;
  Board<TypeParam> board(kThreads);
  run_threads(kThreads, [&](int own) {
    skein_test::Jitter::seed(static_cast<std::uint64_t>(own) + 11);
    auto waiter = board.waiter(own);
    for (std::uint64_t round = 1; round <= this->kRounds / 8; ++round) {
      if (own == 0) {
        for (int other = 1; other < kThreads; ++other) EXPECT_EQ(board.wait(waiter, other, round), WaitResult::ready);
        board.post(0, round);
      } else {
        board.post(own, round);
        EXPECT_EQ(board.wait(waiter, 0, round), WaitResult::ready);
      }
    }
  });
}

// Defect: the abort word is set before a sleeper announces itself and the bells ring before it sleeps. Hangs.
TYPED_TEST(WakeUp, AbortEndsTheSleepOfAll) {
  constexpr int kThreads = 5;
  for (std::uint64_t round = 0; round < this->kRounds / 40; ++round) {
    Board<TypeParam> board(kThreads);
    run_threads(kThreads, [&](int own) {
      skein_test::Jitter::seed(round * kThreads + static_cast<std::uint64_t>(own) + 21);
      auto waiter = board.waiter(own);
      if (own == 0) {
        board.abort.word.store(1, std::memory_order_seq_cst);
        board.bells.ring_all();
      } else {
        EXPECT_EQ(board.wait(waiter, own, 1), WaitResult::aborted);
      }
    });
  }
}

// Defect: a part of sync that goes around its policy, where an explorer could not see it.
TEST(PolicySeam, EveryAtomicOperationOfAWaitIsThePolicys) {
  using skein_test::Jitter;
  using skein_test::JitterAtomics;
  Board<JitterAtomics> board(1);
  const auto points_of = [](auto operation) {
    const std::uint64_t before = Jitter::points();
    operation();
    return Jitter::points() - before;
  };
  EXPECT_EQ(points_of([&] { board.cells[0].watchers.announce(0); }), 2U);
  EXPECT_EQ(points_of([&] { board.bells.ring(board.cells[0].watchers); }), 2U + 2U + 2U);  // watchers, bell, futex
  EXPECT_EQ(points_of([&] { board.cells[0].watchers.retract(0); }), 2U);
  EXPECT_EQ(points_of([&] { board.bells.ring(board.cells[0].watchers); }), 2U);
  EXPECT_EQ(points_of([&] { board.bells.sleep(0, board.bells.read(0) + 1, skein::kForever); }), 2U + 2U);
  EXPECT_EQ(points_of([&] { EXPECT_FALSE(board.abort.is_set()); }), 2U);
}

}  // namespace
