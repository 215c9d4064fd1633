// SPDX-License-Identifier: Apache-2.0
//
// Non-blocking calls: when they are complete, how many there may be, and what they give.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cfenv>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "skein/skein.hpp"
#include "team/run_team.hpp"

namespace {

using skein::Request;
using skein::Team;
using skein_test::in_patterns;
using skein_test::on_teams;
using skein_test::Outcome;
using skein_test::run;

void expect_well(const Outcome& outcome) {
  EXPECT_EQ(outcome.code, 0) << outcome.report;
  EXPECT_EQ(outcome.report, "");
}

// Hangs when a call goes on only while its own rank, or that of a leader, waits for it.
TEST(Nonblocking, ItGoesOnInEveryCallThatWaits) {
  for (const int ranks : {1, 2, 3, 5, 8}) {
    for (int odd = 0; odd < ranks; ++odd) {
      in_patterns(
          ranks,
          [odd](Team& a) {
            const std::unique_ptr<Team> b = a.dup();
            std::vector<double> data(10'000, a.rank());
            for (int round = 0; round < 5; ++round) {
              Request request = a.ibarrier();
              Request sum = a.iallreduce(data, skein::max);
              if (a.rank() != odd) sum.wait();
              b->barrier();
              sum.wait();
              request.wait();
              EXPECT_EQ(data.back(), a.size() - 1);
            }
          },
          expect_well);
    }
  }
}

// Completes early, or in another order than it may.
TEST(Nonblocking, ItIsCompleteWhenAllRanksHaveBegunIt) {
  for (const int ranks : {2, 3, 5}) {
    std::atomic<int> begun{0};
    const Outcome outcome = run(ranks, [&](Team& team) {
      for (int round = 1; round <= 200; ++round) {
        if (round % 7 == team.rank()) team.yield();
        begun.fetch_add(1, std::memory_order_relaxed);
        Request request = team.ibarrier();
        if (round % 2 == 0) {
          while (!request.test()) team.yield();
        } else {
          request.wait();
        }
        EXPECT_GE(begun.load(std::memory_order_relaxed), round * ranks);
        EXPECT_TRUE(request.test());
        request.wait();
      }
    });
    expect_well(outcome);
  }
}

TEST(Nonblocking, AsManyMayBeOutstandingAsIsStated) {
  on_teams([](Team& team) {
    std::array<int, skein::kMaxOutstanding> values{};
    std::array<Request, skein::kMaxOutstanding> requests;
    for (int round = 0; round < 20; ++round) {
      for (std::size_t i = 0; i < requests.size(); ++i) {
        values[i] = team.rank() + static_cast<int>(i);
        requests[i] = team.iallreduce(std::span(&values[i], 1), skein::max);
      }
      try {
        const Request one_more = team.ibarrier();
        ADD_FAILURE() << "nine were outstanding";
      } catch (const skein::Error& error) {
        EXPECT_NE(std::string(error.what()).find("8 non-blocking calls of the team are outstanding"),
                  std::string::npos);
      }
      requests[static_cast<std::size_t>(round) % requests.size()].wait();  // room for one
      Request again = team.ibarrier();
      skein::wait_all(requests);
      again.wait();
      for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], team.size() - 1 + static_cast<int>(i));
    }
  });
}

TEST(Nonblocking, WaitAnyGivesEachOnce) {
  on_teams([](Team& team) {
    const auto other = team.dup();
    std::array<Request, 5> requests;
    EXPECT_EQ(skein::wait_any(requests), std::nullopt);
    for (int round = 0; round < 50; ++round) {
      std::array<bool, 5> has_come{};
      for (std::size_t i = 0; i < requests.size(); ++i) {
        requests[i] = i % 2 == 0 ? team.ibarrier() : other->ibarrier();
      }
      for (std::size_t i = 0; i < requests.size(); ++i) {
        const std::optional<std::size_t> which = skein::wait_any(requests);
        ASSERT_TRUE(which.has_value());
        EXPECT_FALSE(std::exchange(has_come.at(*which), true));
      }
      EXPECT_EQ(skein::wait_any(requests), std::nullopt);
    }
  });
}

TEST(Nonblocking, ValueFormsReturnTheirValue) {
  struct Large {
    std::array<double, 30> numbers;
  };
  on_teams([](Team& team) {
    const int size = team.size();
    skein::Pending<int> sum = team.iallreduce(team.rank() + 1, skein::sum);
    skein::Pending<double> scan = team.iscan(1.0, skein::sum);
    skein::Pending<int> exscan = team.iexscan(1, skein::sum, 10);
    skein::Pending<int> max = team.ireduce(team.rank(), skein::max, size - 1);
    Large own{};
    own.numbers.fill(team.rank());
    skein::Pending<Large> root = team.ibcast(own, size / 2);
    const std::vector<int> parts(static_cast<std::size_t>(size), 7);
    skein::Pending<int> part = team.iscatter(parts, 0);
    EXPECT_EQ(root.wait().numbers[29], size / 2);
    EXPECT_EQ(sum.wait(), size * (size + 1) / 2);
    EXPECT_EQ(scan.wait(), team.rank() + 1);
    EXPECT_EQ(exscan.wait(), 10 + team.rank());
    EXPECT_EQ(max.wait(), team.rank());  // at root the largest is its own
    EXPECT_EQ(part.wait(), 7);
  });
}

// Defect: values or containers that are not those of the call, or a wait that returns what it no longer has.
TEST(Nonblocking, FormsThatReturnSeveralValuesReturnThemOnce) {
  on_teams([](Team& team) {
    const int size = team.size();
    const auto ranks = static_cast<std::size_t>(size);
    skein::Pending<std::tuple<double, int>> both = team.iallreduce(skein::sum(0.5), skein::max(team.rank()));
    const std::vector<int> mine(static_cast<std::size_t>(team.rank()), team.rank());
    skein::Pending<skein::Ragged<int>> all = team.iallgatherv(mine);
    skein::Pending<skein::Ragged<int>> at_root = team.igatherv(mine, size - 1);
    const std::vector<int> one_each(ranks, 1);
    std::vector<int> numbers(ranks);
    std::iota(numbers.begin(), numbers.end(), 10);
    skein::Pending<std::vector<int>> dealt = team.iscatterv(numbers, one_each, 0);
    skein::Pending<skein::Ragged<int>> exchanged = team.ialltoallv(numbers, one_each);
    skein::Pending<skein::Ragged<int>> moved = std::move(exchanged);
    EXPECT_EQ(moved.wait().values, std::vector<int>(ranks, 10 + team.rank()));
    EXPECT_THROW((void)moved.wait(), skein::Error);
    EXPECT_EQ(dealt.wait(), std::vector<int>{10 + team.rank()});
    const skein::Ragged<int> gathered = all.wait();
    for (int rank = 0; rank < size; ++rank) {
      EXPECT_TRUE(std::ranges::equal(gathered[rank], std::vector<int>(static_cast<std::size_t>(rank), rank)));
    }
    EXPECT_EQ(at_root.wait().values, team.rank() == size - 1 ? gathered.values : std::vector<int>());
    const auto [half, last] = both.wait();
    EXPECT_EQ(half, 0.5 * size);
    EXPECT_EQ(last, size - 1);
    EXPECT_THROW((void)both.wait(), skein::Error);
  });
}

// A helper calculates in an environment of its own, or in that of an earlier call.
TEST(Nonblocking, ItCalculatesAsItsRankDid) {
  const Outcome outcome =
      run(3, [](Team& team) {  // where NDEBUG is not defined, it says that the environment has changed
        const double third = 1.0 / 3.0;
        for (const int rounding : {FE_UPWARD, FE_DOWNWARD, FE_TONEAREST}) {
          std::fesetround(rounding);
          const double now = team.allreduce(third, skein::sum);
          skein::Pending<double> later = team.iallreduce(third, skein::sum);
          std::fesetround(FE_TOWARDZERO);
          const double then = later.wait();
          EXPECT_EQ(std::fegetround(), FE_TOWARDZERO);
          EXPECT_EQ(now, then);
        }
        std::fesetround(FE_TONEAREST);
      });
  EXPECT_EQ(outcome.code, 0) << outcome.report;
}

// A rank alone on its lane is left in a slower way of waiting, or its helpers are not used again.
TEST(Nonblocking, RunsFollowEachOther) {
  skein::Options options;
  options.ranks = 3;
  options.mpi = skein::MpiUse::off;
  skein::Runtime runtime(options);
  for (int run = 0; run < 10; ++run) {
    EXPECT_EQ(runtime.run([&](Team& team) {
      std::vector<int> all(3);
      Request request = team.iallgather(team.rank() + run, all);
      team.barrier();
      request.wait();
      EXPECT_EQ(all[2], 2 + run);
    }),
              0);
  }
}

// A helper of one Runtime is taken for that of another, whose work is long over.
TEST(Nonblocking, RuntimesSideBySideHaveTheirOwn) {
  skein::Options options;
  options.ranks = 2;
  options.mpi = skein::MpiUse::off;
  skein::Runtime first(options);
  {
    skein::Runtime second(options);
    for (int round = 0; round < 6; ++round) {
      skein::Runtime& runtime = round % 2 == 0 ? first : second;
      EXPECT_EQ(runtime.run([&](Team& team) {
        skein::Pending<int> sum = team.iallreduce(team.rank() + round, skein::sum);
        team.barrier();
        EXPECT_EQ(sum.wait(), 1 + 2 * round);
      }),
                0);
    }
  }
  EXPECT_EQ(first.run([](Team& team) { team.ibarrier().wait(); }), 0);
}

TEST(Nonblocking, AValueIsTakenOnce) {
  on_teams([](Team& team) {
    skein::Pending<int> value = team.iallreduce(1, skein::sum);
    while (!value.test()) team.yield();
    EXPECT_EQ(value.wait(), team.size());
    EXPECT_TRUE(value.test());
    EXPECT_THROW((void)value.wait(), skein::Error);
    skein::Pending<int> moved = team.iallreduce(2, skein::sum);
    skein::Pending<int> here = std::move(moved);
    EXPECT_EQ(here.wait(), 2 * team.size());
    Request request = team.ibarrier();
    Request other = std::move(request);
    request.wait();  // NOLINT(bugprone-use-after-move): empty, and so complete
    request = std::move(other);
    request.wait();
    EXPECT_TRUE(other.test());  // NOLINT(bugprone-use-after-move): the same
  });
}

}  // namespace
