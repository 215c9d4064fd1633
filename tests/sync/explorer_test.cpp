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

/// Litmus tests: two fibers, or three, and what they may see in an order.
struct Litmus {
  using Order = std::memory_order;
  Word x{0}, y{0};
  Explorer::Plain<int> data;
  std::uint32_t seen[4]{};
};

/// Everything that can be seen, as "01 11", over all schedules with three stale reads.
template <class Body>
std::set<std::string> outcomes(int fibers, int results, Body body) {
  std::set<std::string> all;
  const auto make = [&] {
    auto state = std::make_shared<Litmus>();
    return Explorer::Trial{fibers, [state, body](int own) { body(*state, own); },
                           [state, results, &all] {
                             std::string text;
                             for (int i = 0; i < results; ++i) text += std::to_string(state->seen[i]);
                             all.insert(text);
                             return std::string();
                           }};
  };
  const Explorer::Result result = Explorer::all(make, fibers == 4 ? 3 : 10, 1'000'000, 3);
  EXPECT_TRUE(result.is_good()) << result.failure;
  EXPECT_TRUE(result.is_complete);
  return all;
}

using Outcomes = std::set<std::string>;
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kAcqRel = std::memory_order_acq_rel;

// Defect: an outcome that C++ forbids is tried, or one that it allows is not.
TEST(Explorer, AMessageIsPassedByReleaseAndAcquireOnly) {
  const auto pass = [](Litmus::Order store, Litmus::Order load) {
    return outcomes(2, 2, [=](Litmus& all, int own) {
      if (own == 0) {
        all.x.store(1, kRelaxed);
        all.y.store(1, store);
      } else {
        all.seen[0] = all.y.load(load);
        all.seen[1] = all.x.load(kRelaxed);
      }
    });
  };
  EXPECT_EQ(pass(kRelease, kAcquire), (Outcomes{"00", "01", "11"}));
  EXPECT_EQ(pass(kRelaxed, kAcquire), (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(pass(kRelease, kRelaxed), (Outcomes{"00", "01", "10", "11"}));
}

TEST(Explorer, OnlySequentialConsistencyOrdersAStoreBeforeALoad) {
  const auto swap = [](Litmus::Order store, Litmus::Order load) {
    return outcomes(2, 2, [=](Litmus& all, int own) {
      (own == 0 ? all.x : all.y).store(1, store);
      all.seen[own] = (own == 0 ? all.y : all.x).load(load);
    });
  };
  EXPECT_EQ(swap(kOrder, kOrder), (Outcomes{"01", "10", "11"}));
  EXPECT_EQ(swap(kRelease, kOrder), (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(swap(kOrder, kAcquire), (Outcomes{"00", "01", "10", "11"}));
  // The update itself reads the newest value, but what follows it is not ordered by that.
  const auto update = outcomes(2, 2, [](Litmus& all, int own) {
    (own == 0 ? all.x : all.y).exchange(1, kAcqRel);
    all.seen[own] = (own == 0 ? all.y : all.x).load(kAcquire);
  });
  EXPECT_EQ(update, (Outcomes{"00", "01", "10", "11"}));
}

// Two that read, each in another order, what two others have stored.
TEST(Explorer, SequentiallyConsistentLoadsAgreeOnAnOrder) {
  const auto read = [](Litmus::Order load) {
    return outcomes(4, 4, [=](Litmus& all, int own) {
      if (own < 2) return (own == 0 ? all.x : all.y).store(1, kRelease);
      Word& first = own == 2 ? all.x : all.y;
      Word& second = own == 2 ? all.y : all.x;
      all.seen[2 * own - 4] = first.load(load);
      all.seen[2 * own - 3] = second.load(load);
    });
  };
  EXPECT_EQ(read(kOrder).count("1010"), 0U);
  EXPECT_EQ(read(kOrder).size(), 15U);
  EXPECT_EQ(read(kAcquire).size(), 16U);
}

TEST(Explorer, UpdatesPassOnWhatWasReleasedAndStoresDoNot) {
  const auto pass = [](bool is_update) {
    return outcomes(3, 2, [=](Litmus& all, int own) {
      if (own == 0) {
        all.x.store(1, kRelaxed);
        all.y.store(1, kRelease);
      } else if (own == 1) {
        if (all.y.load(kRelaxed) != 1) return;
        if (is_update) {
          all.y.fetch_add(1, kRelaxed);
        } else {
          all.y.store(2, kRelaxed);
        }
      } else {
        all.seen[0] = all.y.load(kAcquire);
        if (all.seen[0] != 2) return;
        all.seen[1] = all.x.load(kRelaxed);
      }
    });
  };
  EXPECT_EQ(pass(true), (Outcomes{"00", "10", "21"}));
  EXPECT_EQ(pass(false), (Outcomes{"00", "10", "20", "21"}));
}

TEST(Explorer, ALocationNeverGoesBack) {
  const auto seen = outcomes(2, 2, [](Litmus& all, int own) {
    if (own == 0) {
      all.x.store(1, kRelaxed);
      all.x.store(2, kRelaxed);
    } else {
      all.seen[0] = all.x.load(kRelaxed);
      all.seen[1] = all.x.load(kRelaxed);
    }
  });
  EXPECT_EQ(seen, (Outcomes{"00", "01", "02", "11", "12", "22"}));
}

TEST(Explorer, AFailedCompareAndSwapReleasesNothing) {
  const auto seen = outcomes(2, 2, [](Litmus& all, int own) {
    if (own == 0) {
      all.x.store(1, kRelaxed);
      std::uint32_t other = 7;
      all.seen[0] = all.y.compare_exchange_strong(other, 1, kOrder) ? 9 : other;
    } else {
      all.y.load(kAcquire);
      all.seen[1] = all.x.load(kRelaxed);
    }
  });
  EXPECT_EQ(seen, (Outcomes{"00", "01"}));
  const auto swapped = outcomes(2, 2, [](Litmus& all, int own) {
    if (own == 0) {
      all.x.store(1, kRelaxed);
      std::uint32_t zero = 0;
      all.y.compare_exchange_strong(zero, 1, kRelease);
    } else {
      all.seen[0] = all.y.load(kAcquire);
      if (all.seen[0] == 1) all.seen[1] = all.x.load(kRelaxed);
    }
  });
  EXPECT_EQ(swapped, (Outcomes{"00", "11"}));
}

// Defect: a race on plain data is missed because the fibers happened to come one after the other, or one is seen where
// there is an order.
TEST(Explorer, PlainDataNeedsAnOrder) {
  const auto touch = [](Litmus::Order store, Litmus::Order load, bool reads_back) {
    const auto make = [=] {
      auto all = std::make_shared<Litmus>();
      return Explorer::Trial{2, [=](int own) {
                               if (own == 0) {
                                 all->data.write(1);
                                 all->x.store(1, store);
                                 if (reads_back && all->y.load(load) == 1) all->data.write(2);
                               } else if (all->x.load(load) == 1) {
                                 Explorer::require(all->data.read() == 1, "another value");
                                 all->y.store(1, store);
                               }
                             }};
    };
    return Explorer::all(make, 10, 1'000'000, 3).failure;
  };
  EXPECT_EQ(touch(kRelease, kAcquire, false), "");
  EXPECT_EQ(touch(kRelease, kAcquire, true), "");
  EXPECT_EQ(touch(kRelaxed, kAcquire, false).find("a plain variable is read"), 0U);
  EXPECT_EQ(touch(kRelease, kRelaxed, false).find("a plain variable is read"), 0U);

  const auto overwrite = [] {
    auto all = std::make_shared<Litmus>();
    return Explorer::Trial{2, [all](int own) {
                             if (own == 1) {
                               if (all->x.load(kAcquire) == 0) return;
                               all->data.read();
                               all->y.store(1, kRelaxed);
                             } else {
                               all->data.write(1);
                               all->x.store(1, kRelease);
                               if (all->y.load(kAcquire) == 1) all->data.write(2);
                             }
                           }};
  };
  EXPECT_EQ(Explorer::all(overwrite, 10, 1'000'000, 3).failure.find("a plain variable is written"), 0U);
}

// Defect: a fiber that was killed goes on, or is waited for; or it is killed at some points only.
TEST(Explorer, AFiberMayBeKilledAnywhere) {
  const auto seen = outcomes(2, 2, [](Litmus& all, int own) {
    if (own == 1) return Explorer::kill(0);
    all.seen[0] = 1;
    all.x.store(1, kOrder);
    all.seen[1] = 1;
    ExplorerAtomics::futex_wait(all.y, 0, skein::FutexScope::process_private, skein::kForever);
  });
  EXPECT_EQ(seen, (Outcomes{"00", "10", "11"}));
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
