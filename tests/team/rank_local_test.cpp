// SPDX-License-Identifier: Apache-2.0
#include "skein/team/rank_local.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "skein/skein.hpp"

namespace {

skein::Options ranks(int count, int lanes) {
  skein::Options options;
  options.ranks = count;
  options.lanes = lanes;
  options.mpi = skein::MpiUse::off;
  return options;
}

std::atomic<int> living{0};

struct Counted {
  Counted() { ++living; }
  Counted(const Counted& other) : value(other.value) { ++living; }
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --living; }
  int value = 7;
};

skein::rank_local<Counted> counted;
skein::rank_local<std::vector<int>> visits;
skein::rank_local<std::string> named(std::string("initial"));

// Fails when ranks share a value, on one thread or on several, lose it at a call or between runs, or leave it behind.
TEST(RankLocal, EveryRankHasItsOwnForAsLongAsItsRuntime) {
  for (const auto& [count, lanes] : {std::pair{1, 1}, {4, 1}, {5, 2}, {3, 3}, {64, 2}}) {
    {
      skein::Runtime runtime(ranks(count, lanes));
      const int before = living;
      for (int run = 1; run <= 2; ++run) {
        const int code = runtime.run([&](skein::Team& team) {
          if (run == 1 && (counted->value != 7 || *named != "initial")) throw std::runtime_error("not as it was given");
          counted->value = 100 * run + team.rank();
          *named += std::to_string(team.rank());
          for (int step = 0; step < 3; ++step) {
            visits->push_back(team.rank());
            team.barrier();
            if (counted->value != 100 * run + team.rank()) throw std::runtime_error("another rank's value");
          }
          if (visits->size() != 3 * static_cast<std::size_t>(run)) throw std::runtime_error("lost between runs");
          for (const int visit : *visits) {
            if (visit != team.rank()) throw std::runtime_error("visited by another rank");
          }
        });
        EXPECT_EQ(code, 0) << count << " ranks on " << lanes << " lanes";
        EXPECT_EQ(living, before + count);
      }
    }
    EXPECT_EQ(living, 1) << "the initial value only";
  }
}

// Fails when a value is made up for somebody who is no rank.
TEST(RankLocal, NobodyElseHasOne) {
  EXPECT_THROW(counted.get(), skein::Error);
  for (const int lanes : {1, 2}) {
    skein::Runtime runtime(ranks(4, lanes));
    std::atomic<int> refused{0};
    EXPECT_EQ(runtime.run([&](skein::Team& team) {
      counted->value = 1;
      std::thread([&] {
        try {
          counted.get();
        } catch (const skein::Error&) {
          ++refused;
        }
      }).join();
      team.barrier();
    }),
              0);
    EXPECT_EQ(refused, 4);
    EXPECT_THROW(counted.get(), skein::Error) << "between runs";
  }
  EXPECT_THROW(counted.get(), skein::Error);
}

// Fails when a constructor that throws ends anything but the run, or leaves half a value behind.
TEST(RankLocal, AConstructorMayThrow) {
  struct Thrower {
    Thrower() = default;
    Thrower(const Thrower&) { throw std::runtime_error("cannot be copied"); }
  };
  skein::rank_local<Thrower> thrower;
  for (const int lanes : {1, 3}) {
    skein::Runtime runtime(ranks(3, lanes));
    EXPECT_EQ(runtime.run([&](skein::Team& team) {
      EXPECT_THROW(thrower.get(), std::runtime_error);
      team.barrier();
      if (team.rank() == 1) thrower.get();
      team.barrier();
    }),
              5);
  }
}

}  // namespace
