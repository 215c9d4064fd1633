// SPDX-License-Identifier: Apache-2.0
//
// The explorer itself: that it tries what it says, and finds what is planted.
#include "sync/explorer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace {

using skein_test::Explorer;
using skein_test::ExplorerAtomics;
using Word = ExplorerAtomics::Atomic<std::uint32_t>;
constexpr auto kOrder = std::memory_order_seq_cst;

/// Two fibers that write twice each, and the orders in which they did.
struct Writers {
  Word words[2];
  std::string order;
  static Explorer::MakeTrial make(std::set<std::string>& seen) {
    return [&seen] {
      auto state = std::make_shared<Writers>();
      return Explorer::Trial{2,
                             [state](int own) {
                               for (std::uint32_t i = 1; i <= 2; ++i) {
                                 state->words[own].store(i, kOrder);
                                 state->order += static_cast<char>('a' + own);
                               }
                             },
                             [state, &seen] {
                               seen.insert(state->order);
                               return std::string();
                             }};
    };
  }
};

// Defect: schedules are left out, or tried twice, or cost more preemptions than they may.
TEST(Explorer, TriesEveryScheduleWithinTheBoundOnce) {
  // A fiber has five stretches, around the points before and behind its two writes: 10 over 5 ways to mix those of two.
  std::set<std::string> seen;
  const Explorer::Result all = Explorer::all(Writers::make(seen), 100, 1000);
  EXPECT_TRUE(all.is_good()) << all.failure;
  EXPECT_TRUE(all.is_complete);
  EXPECT_EQ(all.schedules, 252U);
  EXPECT_EQ(seen, (std::set<std::string>{"aabb", "abab", "abba", "baab", "baba", "bbaa"}));

  // One of two begins; at each of its four points the other may take over, and then runs to its end.
  seen.clear();
  const Explorer::Result one = Explorer::all(Writers::make(seen), 1, 1000);
  EXPECT_EQ(one.schedules, 2U + 2U * 4U);
  EXPECT_EQ(seen, (std::set<std::string>{"aabb", "abba", "baab", "bbaa"}));

  seen.clear();
  EXPECT_EQ(Explorer::all(Writers::make(seen), 0, 1000).schedules, 2U);
  EXPECT_EQ(seen, (std::set<std::string>{"aabb", "bbaa"}));

  EXPECT_FALSE(Explorer::all(Writers::make(seen), 100, 251).is_complete);
}

/// Counts with a load and a store where it should be one operation.
Explorer::Trial lost_update() {
  auto count = std::make_shared<Word>(0);
  return {2, [count](int) { count->store(count->load(kOrder) + 1, kOrder); },
          [count] { return count->unobserved() == 2 ? std::string() : std::string("an update is lost"); }};
}

/// One sleeps until the other has posted, who looks for sleepers first: a wake-up can be lost.
Explorer::Trial lost_wake_up() {
  struct State {
    Word is_posted{0}, sleepers{0}, bell{0};
  };
  auto state = std::make_shared<State>();
  return {2, [state](int own) {
            if (own == 0) {
              const bool has_sleepers = state->sleepers.load(kOrder) != 0;
              state->is_posted.exchange(1, kOrder);
              if (!has_sleepers) return;
              state->bell.fetch_add(1, kOrder);
              ExplorerAtomics::futex_wake(state->bell, skein::FutexScope::process_private);
              return;
            }
            state->sleepers.fetch_or(1, kOrder);
            while (true) {
              const std::uint32_t seen = state->bell.load(kOrder);
              if (state->is_posted.load(kOrder) != 0) return;
              ExplorerAtomics::futex_wait(state->bell, seen, skein::FutexScope::process_private, skein::kForever);
            }
          }};
}

/// Publishes before the plain write that it publishes.
Explorer::Trial early_publication() {
  struct State {
    Word is_published{0};
    int value = 0;
  };
  auto state = std::make_shared<State>();
  return {2, [state](int own) {
            if (own == 0) {
              state->is_published.exchange(1, kOrder);
              state->value = 1;
            } else if (state->is_published.load(kOrder) != 0) {
              Explorer::require(state->value == 1, "half is published");
            }
          }};
}

// Defect: the explorer has no teeth.
TEST(Explorer, FindsWhatIsPlantedInEveryWay) {
  for (const auto& [make, text] :
       {std::pair{&lost_update, "an update is lost"}, std::pair{&lost_wake_up, "nobody can go on"},
        std::pair{&early_publication, "half is published"}}) {
    SCOPED_TRACE(text);
    const Explorer::Result all = Explorer::all(make, 2, 10'000);
    EXPECT_EQ(all.failure.find(text), 0U) << all.failure;
    const Explorer::Result random = Explorer::random(make, 1, 10'000);
    EXPECT_EQ(random.failure.find(text), 0U) << random.failure;
    const Explorer::Result pct = Explorer::pct(make, 1, 10'000, 3);
    EXPECT_EQ(pct.failure.find(text), 0U) << pct.failure;

    // What a failure says leads to it again.
    const std::size_t begin = random.failure.find('"') + 1;
    const Explorer::Result again =
        Explorer::replay(make, random.failure.substr(begin, random.failure.find('"', begin) - begin));
    EXPECT_EQ(again.failure.find(text), 0U) << again.failure;
  }
  EXPECT_TRUE(Explorer::all(&lost_update, 0, 10'000).is_complete) << "it takes a preemption";
}

// Defect: a fiber that polls is run for ever, so that what it waits for never comes; or it is not woken by a write, which
// would look like a deadlock.
TEST(Explorer, PollingFibersWaitForAWrite) {
  const auto make = [] {
    auto words = std::make_shared<std::vector<Word>>(3);
    return Explorer::Trial{3, [words](int own) {
                             if (own == 0) {
                               (*words)[0].store(1, kOrder);
                               return;
                             }
                             const auto before = static_cast<std::size_t>(own - 1);
                             while ((*words)[before].load(kOrder) == 0) ExplorerAtomics::pause();
                             (*words)[static_cast<std::size_t>(own)].store(1, kOrder);
                           }};
  };
  const Explorer::Result all = Explorer::all(make, 3, 1'000'000);
  EXPECT_TRUE(all.is_good()) << all.failure;
  EXPECT_TRUE(all.is_complete);
}

// Defect: a loop that never ends hangs the test.
TEST(Explorer, AnEndlessScheduleIsAFailure) {
  const auto make = [] {
    auto word = std::make_shared<Word>(0);
    return Explorer::Trial{1, [word](int) {
                             while (word->load(kOrder) == 0) {
                             }
                           }};
  };
  EXPECT_EQ(Explorer::all(make, 0, 10).failure.find("it does not end"), 0U);
}

}  // namespace
