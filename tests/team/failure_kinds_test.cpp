// SPDX-License-Identifier: Apache-2.0
// What may be thrown, what the report says, and what comes after it, in one process.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "team/failure_episode.hpp"

namespace {

using failure_test::count_of;
using skein::Error;
using skein::ExitCode;
using skein::Options;
using skein::Runtime;
using skein::Team;
using skein::TeamAborted;

Options ranks(int count) {
  Options options;
  options.ranks = count;
  options.mpi = skein::MpiUse::off;
  return options;
}

struct Outcome {
  int code = 0;
  std::string report;
};

Outcome run(Runtime& runtime, const std::function<void(Team&)>& body) {
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = runtime.run(body);
  outcome.report = testing::internal::GetCapturedStderr();
  return outcome;
}

Outcome run(int count, const std::function<void(Team&)>& body) {
  Runtime runtime(ranks(count));
  return run(runtime, body);
}

// Fails when every error becomes exit code 5.
TEST(FailureKinds, AnErrorEndsTheRunWithItsOwnCode) {
  const Outcome outcome = run(3, [](Team& team) {
    if (team.rank() == 1) throw Error(ExitCode::io, "disk full");
    team.barrier();
  });
  EXPECT_EQ(outcome.code, 4);
  EXPECT_EQ(count_of(outcome.report, "rank 1 failed: disk full"), 1) << outcome.report;
}

// Fails when the report does not say where: rank, process, host, pid and the last call.
TEST(FailureKinds, TheReportSaysWhereTheRankWas) {
  const int line = __LINE__ + 2;
  const Outcome outcome = run(2, [](Team& team) {
    team.allreduce(1, skein::sum);
    if (team.rank() == 1) throw std::runtime_error("lost");
    team.barrier();
  });
  EXPECT_EQ(count_of(outcome.report, "rank 1 of 2"), 1) << outcome.report;
  EXPECT_EQ(count_of(outcome.report, fmt::format("allreduce at tests/team/failure_kinds_test.cpp:{}", line)), 1)
      << outcome.report;
  EXPECT_EQ(count_of(outcome.report, fmt::format("pid {}", getpid())), 1) << outcome.report;
}

// Ends the process (terminate) when only std::exception is caught.
TEST(FailureKinds, WhatIsNotAnExceptionClassEndsTheRunToo) {
  const Outcome outcome = run(3, [](Team& team) {
    if (team.rank() == 2) throw 7;
    team.barrier();
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_EQ(count_of(outcome.report, "rank 2 failed: "), 1) << outcome.report;
  Runtime runtime(ranks(2));
  EXPECT_THROW(runtime.run_throwing([](Team& team) {
    if (team.rank() == 1) throw 7;
    team.barrier();
  }),
               int);
}

// Fails when a code that means success, or none that a process can have, hides the failure from the shell.
TEST(FailureKinds, NoErrorEndsTheRunWithSuccess) {
  for (const int code : {0, 256, -1, 1000}) {
    const Outcome outcome = run(2, [&](Team& team) {
      if (team.rank() == 1) throw Error(static_cast<ExitCode>(code), "odd code");
      team.barrier();
    });
    EXPECT_EQ(outcome.code, 5) << code;
    Runtime runtime(ranks(1));
    testing::internal::CaptureStderr();
    EXPECT_EQ(runtime.agree([&] { throw Error(static_cast<ExitCode>(code), "odd code"); }), 5) << code;
    testing::internal::GetCapturedStderr();
  }
}

// Hangs when a rank that throws TeamAborted by itself waits for an abort that nobody else has begun.
TEST(FailureKinds, ATeamAbortedOfTheUsersOwnIsAFailureLikeAnyOther) {
  const Outcome outcome = run(3, [](Team& team) {
    if (team.rank() == 1) throw TeamAborted("made up");
    team.barrier();
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_EQ(count_of(outcome.report, "rank 1 failed: made up"), 1) << outcome.report;
}

// Fails when ranks that throw at once print more than one report, mix two records, or when run_throwing picks another
// exception than that of the rank it names.
TEST(FailureKinds, OfRanksThatThrowAtOnceOneIsReported) {
  for (int i = 0; i < 100; ++i) {
    std::atomic<int> at_once{0};
    const auto body = [&](Team& team) {
      team.barrier();
      at_once.fetch_add(1, std::memory_order_relaxed);
      while (at_once.load(std::memory_order_relaxed) < team.size()) {
        try {
          team.yield();
        } catch (const TeamAborted&) {  // all have come, and another was faster
        }
      }
      throw Error(static_cast<ExitCode>(10 + team.rank()), "thrown by " + std::to_string(team.rank()));
    };
    Runtime runtime(ranks(4));
    const Outcome outcome = run(runtime, body);
    EXPECT_EQ(count_of(outcome.report, " failed: "), 1) << outcome.report;
    const int rank = outcome.code - 10;
    EXPECT_EQ(count_of(outcome.report, fmt::format("rank {} failed: thrown by {}\n", rank, rank)), 1) << outcome.report;
    EXPECT_EQ(count_of(outcome.report, "ranks that failed after it: 3"), 1) << outcome.report;
  }
}

// Fails when run_throwing rethrows the exception of the lowest failing rank instead of that of the first.
TEST(FailureKinds, RunThrowingRethrowsTheFirstFailureNotTheLowestRank) {
  for (int i = 0; i < 20; ++i) {
    Runtime runtime(ranks(3));
    try {
      runtime.run_throwing([&](Team& team) {
        team.barrier();
        if (team.rank() == 2) throw std::runtime_error("the first");
        try {
          team.barrier();
        } catch (const TeamAborted&) {
          throw std::logic_error("the second");
        }
      });
      ADD_FAILURE() << "the run ended well";
    } catch (const std::exception& error) {
      EXPECT_STREQ(error.what(), "the first");
    }
  }
}

// Fails when a rank that swallows TeamAborted can go on: with peers that do the same, or with the failed rank itself,
// its next call would find everybody's line posted and succeed.
TEST(FailureKinds, WhoSwallowsTeamAbortedGetsItAgainFromEveryCall) {
  for (const skein::Pattern pattern : {skein::Pattern::all_to_all, skein::Pattern::gather_release}) {
    std::atomic<int> again{0};
    Options options = ranks(3);
    options.pattern = pattern;
    Runtime runtime(options);
    const Outcome outcome = run(runtime, [&](Team& team) {
      const auto refuse = [](double, double) -> double { throw std::runtime_error("operator"); };
      try {
        team.allreduce(1.0, refuse);
      } catch (const std::exception&) {
        // TeamAborted, or its own
      }
      std::vector<double> large(100'000, 1.0);
      const auto expect_aborted = [&](const auto& call) {
        try {
          call();
        } catch (const TeamAborted&) {
          again.fetch_add(1, std::memory_order_relaxed);
        }
      };
      for (int i = 0; i < 6; ++i) expect_aborted([&] { team.barrier(); });
      expect_aborted([&] { team.allreduce(1.0, skein::sum); });
      expect_aborted([&] { team.allreduce(std::span(large), skein::sum); });
      expect_aborted([&] { team.bcast(std::span(large), 1); });
      expect_aborted([&] { team.shared<double>(10); });
      expect_aborted([&] { team.ibarrier().wait(); });
      expect_aborted([&] { team.bcast(1, 99); });
    });
    EXPECT_EQ(outcome.code, 5);
    EXPECT_EQ(count_of(outcome.report, " failed: operator"), 1) << outcome.report;
    EXPECT_EQ(again.load(), 3 * 12) << "pattern " << skein::pattern_name(pattern);
  }
}

// Fails when the second run of a failed team runs, or reports again.
TEST(FailureKinds, ARunAfterAFailureFailsAtOnceAndSilently) {
  Runtime runtime(ranks(3));
  run(runtime, [](Team&) { throw std::runtime_error("first run"); });
  std::atomic<int> entered{0};
  const Outcome outcome = run(runtime, [&](Team&) { entered.fetch_add(1, std::memory_order_relaxed); });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_EQ(entered.load(), 0);
  EXPECT_EQ(outcome.report, "");
}

// Ends the process in another way, or too early, when the rank is given no time: it is well within the 2 s.
TEST(FailureKinds, ARankThatComputesForAWhileLeavesInGoodOrder) {
  std::atomic<bool> has_computed{false};
  const Outcome outcome = run(3, [&](Team& team) {
    team.barrier();
    if (team.rank() == 1) throw std::runtime_error("early");
    if (team.rank() == 2) {
      std::this_thread::sleep_for(std::chrono::milliseconds(700));
      has_computed = true;
    }
    team.barrier();
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_TRUE(has_computed.load());
}

// Fails when a lost request goes unnoticed, and hangs when its rank is waited for.
TEST(FailureKinds, ARequestDroppedBeforeItsCompletionEndsTheRun) {
  std::atomic<bool> is_dropped{false};
  const Outcome outcome = run(3, [&](Team& team) {
    if (team.rank() == 1) {
      {
        const skein::Request dropped = team.ibarrier();
      }
      is_dropped = true;
    } else {
      while (!is_dropped) team.yield();
      team.ibarrier().wait();
    }
    team.barrier();
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_EQ(count_of(outcome.report, "rank 1 failed: a request was destroyed before its completion"), 1)
      << outcome.report;
}

// Fails when the request's own complaint hides the exception that destroyed it.
TEST(FailureKinds, ARequestThatAnExceptionDestroysDoesNotHideTheException) {
  const Outcome outcome = run(3, [&](Team& team) {
    skein::Request first = team.ibarrier();
    skein::Request second = team.ibarrier();
    if (team.rank() == 1) throw std::runtime_error("the cause");
    first.wait();
    second.wait();
    team.barrier();
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_EQ(count_of(outcome.report, "rank 1 failed: the cause"), 1) << outcome.report;
}

// Fails when an exception that the program handles excuses the request that it destroyed.
TEST(FailureKinds, ARequestLostInAHandledExceptionIsReportedAtTheNextCall) {
  std::atomic<bool> is_lost{false};
  const Outcome outcome = run(2, [&](Team& team) {
    if (team.rank() == 1) {
      try {
        const skein::Request lost = team.ibarrier();
        throw 1;
      } catch (int) {
        is_lost = true;
      }
      team.barrier();
    }
    while (!is_lost) team.yield();
    team.ibarrier().wait();
    team.barrier();
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_EQ(count_of(outcome.report, "rank 1 failed: a request was destroyed before its completion"), 1)
      << outcome.report;
}

// Crashes when a record longer than its place overruns it; fails when the length loses the report.
TEST(FailureKinds, AMessageOfAnyLengthAndContentIsReported) {
  for (const std::size_t length : {std::size_t{0}, std::size_t{4095}, std::size_t{4096}, std::size_t{1'000'000}}) {
    const Outcome outcome = run(2, [&](Team& team) {
      if (team.rank() == 1) throw std::runtime_error(std::string(length, 'x'));
      team.barrier();
    });
    EXPECT_EQ(outcome.code, 5);
    EXPECT_EQ(count_of(outcome.report, "rank 1 failed: "), 1) << length;
  }
  const Outcome outcome = run(2, [](Team& team) {
    if (team.rank() == 1) throw std::runtime_error("{} {0} %s %n {:");
    team.barrier();
  });
  EXPECT_EQ(count_of(outcome.report, "rank 1 failed: {} {0} %s %n {:"), 1) << outcome.report;
}

// Hangs or crashes when what the destructors of an unwinding rank do meets the failure path half-way: here each calls
// Skein once more.
TEST(FailureKinds, ADestructorThatCallsSkeinDuringUnwindingGetsTeamAborted) {
  struct CallsSkein {
    Team* team;
    std::atomic<int>* aborted;
    ~CallsSkein() {
      try {
        team->barrier();
      } catch (const TeamAborted&) {
        aborted->fetch_add(1, std::memory_order_relaxed);
      }
    }
  };
  std::atomic<int> aborted{0};
  const Outcome outcome = run(3, [&](Team& team) {
    const CallsSkein last{&team, &aborted};
    const auto refuse = [](double, double) -> double { throw std::runtime_error("operator"); };
    team.allreduce(1.0, refuse);
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_EQ(aborted.load(), 3);
  EXPECT_EQ(count_of(outcome.report, " failed: operator"), 1) << outcome.report;
}

}  // namespace
