// SPDX-License-Identifier: Apache-2.0
//
// How non-blocking calls fail: by what they call, by calls that do not match, and by requests that are not completed.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "skein/skein.hpp"
#include "team/run_team.hpp"

namespace {

using skein::Request;
using skein::Team;
using skein_test::in_patterns;
using skein_test::Outcome;
using skein_test::run;
using skein_test::says;

int broken_operator(int left, int right) { throw std::domain_error("it broke at " + std::to_string(left + right)); }

TEST(Nonblocking, AnOperatorThatThrowsEndsTheRun) {
  for (const int ranks : {2, 3, 5}) {
    std::atomic<int> thrown{0};
    in_patterns(
        ranks,
        [&](Team& team) {
          try {
            (void)team.iallreduce(1, broken_operator).wait();
            ADD_FAILURE() << "it returned";
          } catch (const std::domain_error&) {
            thrown.fetch_add(1, std::memory_order_relaxed);
            throw;
          }
        },
        [&](const Outcome& outcome) {
          EXPECT_EQ(outcome.code, 5);
          EXPECT_TRUE(says(outcome, "failed: it broke at 2")) << outcome.report;
          EXPECT_TRUE(says(outcome, "its last Skein call was iallreduce at")) << outcome.report;
          EXPECT_GE(thrown.load(), 1);
        });
  }
}

TEST(Nonblocking, AnOperatorMayNotUseTheTeam) {
  const Outcome outcome = run(2, [](Team& team) {
    const auto op = [&team](int left, int right) {
      team.barrier();
      return left + right;
    };
    (void)team.iallreduce(1, op).wait();
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_TRUE(says(outcome, "called inside another collective of the rank, by an operator")) << outcome.report;
}

// The rank would wait for its operation, and so for itself.
TEST(Nonblocking, AnOperatorMayNotUseTheTeamAfterAFailureEither) {
  in_patterns(
      2,
      [](Team& team) {
        const auto op = [&team](int left, int right) {
          while (team.rank() == 0) {
            try {
              team.barrier();
            } catch (const skein::TeamAborted&) {
              throw;
            } catch (const skein::Error&) {  // nobody has failed yet
            }
          }
          return left + right;
        };
        skein::Pending<int> sum = team.iallreduce(1, op);
        if (team.rank() == 1) throw std::runtime_error("it broke");
        (void)sum.wait();
      },
      [](const Outcome& outcome) {
        EXPECT_EQ(outcome.code, 5);
        EXPECT_TRUE(says(outcome, "it broke")) << outcome.report;
      });
}

TEST(Nonblocking, ABadArgumentIsNamedWhereTheCallBegins) {
  const Outcome outcome = run(2, [](Team& team) {
    Request request;
    EXPECT_THROW(request = team.ibcast(std::span<int>(), 2), skein::Error);
    team.barrier();
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_TRUE(says(outcome, "ibcast(0 values of 4 bytes, root 2)")) << outcome.report;
  EXPECT_TRUE(says(outcome, "root must be a rank of the team")) << outcome.report;
}

TEST(Nonblocking, AMismatchIsFound) {
  for (const int ranks : {2, 3, 5}) {
    in_patterns(
        ranks,
        [](Team& team) {
          Request first = team.ibarrier();
          skein::Pending<int> second =
              team.rank() == 1 ? team.iallreduce(1, skein::sum) : team.iallreduce(1, skein::max);
          first.wait();
          (void)second.wait();
        },
        [](const Outcome& outcome) {
          EXPECT_EQ(outcome.code, 5);
          EXPECT_TRUE(says(outcome, "mismatched non-blocking collectives")) << outcome.report;
        });
  }
}

// Waits for the time of a stall, or for ever.
TEST(Nonblocking, BlockingAndNonblockingCallsDoNotMatch) {
  for (const int ranks : {2, 3, 5}) {
    in_patterns(
        ranks,
        [](Team& team) {
          if (team.rank() == 1) {
            team.ibarrier().wait();
          } else {
            team.barrier();
          }
        },
        [](const Outcome& outcome) {
          EXPECT_EQ(outcome.code, 5);
          EXPECT_TRUE(says(outcome, "deadlock")) << outcome.report;
          EXPECT_TRUE(says(outcome, " in wait at ")) << outcome.report;
        });
  }
}

TEST(Nonblocking, ARankMayNotLeaveBeforeItsCallsAreComplete) {
  skein::Options options;
  options.ranks = 2;
  options.mpi = skein::MpiUse::off;
  skein::Runtime runtime(options);
  Request kept;
  testing::internal::CaptureStderr();
  const int code = runtime.run([&](Team& team) {
    if (team.rank() == 1) kept = team.ibarrier();
  });
  const std::string report = testing::internal::GetCapturedStderr();
  EXPECT_EQ(code, 5);
  EXPECT_NE(report.find("rank 1 failed: the function that the rank runs returned before 1 of its non-blocking calls"),
            std::string::npos)
      << report;
}

// Uses a team that is gone, or waits for what nobody makes any more.
TEST(Nonblocking, ATeamThatGoesBeforeItsRequestEndsTheRun) {
  for (const bool is_thrown : {false, true}) {
    const Outcome outcome = run(3, [is_thrown](Team& team) {
      std::vector<double> data(100'000, 1.0);
      Request request;
      try {
        const auto half = team.dup();
        if (team.rank() == 1) {
          request = half->iallreduce(data, skein::sum);
          if (is_thrown) throw std::runtime_error("the cause");
        } else {
          half->iallreduce(data, skein::sum).wait();
        }
      } catch (const std::runtime_error&) {
        if (team.rank() == 1) {
          EXPECT_THROW(request.wait(), skein::TeamAborted);
        }
        throw;
      }
    });
    EXPECT_EQ(outcome.code, 5);
    EXPECT_TRUE(says(outcome, is_thrown ? "rank 1 failed: " : "a team was destroyed before 1 of its requests"))
        << outcome.report;
  }
}

}  // namespace
