// SPDX-License-Identifier: Apache-2.0
//
// Calls that a rank must not make, from where it must not: each is refused with an error that says why, and beside each
// stands its correct twin, which must pass in silence.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "skein/skein.hpp"
#include "team/every_call.hpp"
#include "team/run_team.hpp"

namespace {

using skein::Team;
using skein_test::Call;
using skein_test::calls;
using skein_test::error_of;
using skein_test::Outcome;
using skein_test::run;

std::string error_in_other_thread(const std::function<void()>& call) {
  std::string error;
  std::thread([&] { error = error_of(call); }).join();
  return error;
}

constexpr std::array kSizes = {1, 2, 3, 5};

// Calls of a thread that does not carry the rank.

// Defect: a thread that is not the rank's takes part for it, so that two threads work on one rank's state.
TEST(Misuse, CallsOfOtherThreadsAreRefusedAndHarmNothing) {
  for (const int ranks : kSizes) {
    for (const Call& call : calls()) {
      SCOPED_TRACE(std::string(call.name) + " with " + std::to_string(ranks) + " ranks");
      std::vector<std::string> errors(static_cast<std::size_t>(ranks));
      const Outcome outcome = run(ranks, [&](Team& team) {
        errors[static_cast<std::size_t>(team.rank())] = error_in_other_thread([&] { call.make(team); });
        call.make(team);  // the twin
        if (team.allreduce(1, skein::sum) != team.size()) throw std::runtime_error("the team is out of step");
      });
      EXPECT_EQ(outcome.code, 0);
      EXPECT_EQ(outcome.report, "");
      for (int rank = 0; rank < ranks; ++rank) {
        const std::string& error = errors[static_cast<std::size_t>(rank)];
        EXPECT_NE(error.find("rank " + std::to_string(rank) + " of"), std::string::npos) << error;
        EXPECT_NE(error.find(call.name), std::string::npos) << error;
        EXPECT_NE(error.find("every_call.hpp:"), std::string::npos) << error;
        EXPECT_NE(error.find("a thread that does not carry the rank"), std::string::npos) << error;
      }
    }
  }
}

// Defect: a request is completed by a thread that does not carry its rank.
TEST(Misuse, RequestsAreCompletedByTheirRank) {
  const Outcome outcome = run(2, [&](Team& team) {
    skein::Request request = team.ibarrier();
    const std::string waited = error_in_other_thread([&] { request.wait(); });
    const std::string tested = error_in_other_thread([&] { request.test(); });
    for (const std::string& error : {waited, tested}) {
      if (error.find("a thread that does not carry the rank") == std::string::npos) throw std::runtime_error(error);
    }
    request.wait();
  });
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.report, "");
}

// Calls inside a call.

struct Nesting {
  const char* name;
  /// Runs `inner` inside a collective of the team.
  std::function<void(Team&, const std::function<void()>& inner)> run;
};

/// A value whose addition calls something.
struct Added {
  double value = 0;
  static inline thread_local const std::function<void()>* inner = nullptr;
  friend Added operator+(const Added& left, const Added& right) {
    (*inner)();
    return {left.value + right.value};
  }
};

std::vector<Nesting> nestings() {
  const auto adding = [](const std::function<void()>& inner) {
    return [&inner](double a, double b) {
      inner();
      return a + b;
    };
  };
  return {{"allreduce", [=](Team& team, const auto& inner) { team.allreduce(1.0, adding(inner)); }},
          {"allreduce of many",
           [=](Team& team, const auto& inner) {
             std::vector<double> many(4096, 1.0);
             team.allreduce(std::span(many), adding(inner));
           }},
          {"allreduce of a type of the program",
           [](Team& team, const auto& inner) {
             Added::inner = &inner;
             team.allreduce(Added{1.0}, skein::sum);
           }},
          {"reduce", [=](Team& team, const auto& inner) { team.reduce(1.0, adding(inner), 0); }},
          {"scan", [=](Team& team, const auto& inner) { team.scan(1.0, adding(inner)); }},
          {"per_process", [](Team& team, const auto& inner) { team.per_process(inner); }}};
}

// Defect: a call that begins inside another one of its rank leaves both half done, and the episodes of the ranks apart.
TEST(Misuse, CallsInsideACallEndTheRun) {
  for (const int ranks : kSizes) {
    for (const Nesting& nesting : nestings()) {
      if (ranks == 1 && std::string(nesting.name) != "per_process") continue;  // folds nothing
      for (const Call& call : calls()) {
        SCOPED_TRACE(std::string(call.name) + " inside " + nesting.name + " with " + std::to_string(ranks) + " ranks");
        const Outcome nested = run(ranks, [&](Team& team) { nesting.run(team, [&] { call.make(team); }); });
        EXPECT_EQ(nested.code, 5);
        EXPECT_NE(nested.report.find("called inside another collective of the rank"), std::string::npos)
            << nested.report;
        EXPECT_NE(nested.report.find(call.name), std::string::npos) << nested.report;
      }
      const Outcome twin = run(ranks, [&](Team& team) {
        nesting.run(team, [&] { team.log("rank {} of {}", team.rank(), team.size()); });
        team.barrier();
      });
      EXPECT_EQ(twin.code, 0);
      EXPECT_EQ(twin.report, "");
    }
  }
}

// Defect: an operator that throws leaves its rank unable to say anything but that it was inside a call.
TEST(Misuse, AnOperatorThatThrowsIsReportedAsItself) {
  const Outcome outcome = run(3, [](Team& team) {
    try {
      team.allreduce(1.0, [](double, double) -> double { throw std::runtime_error("overflow"); });
    } catch (const std::exception&) {
    }
    team.barrier();
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_NE(outcome.report.find("overflow"), std::string::npos) << outcome.report;
  EXPECT_EQ(outcome.report.find("called inside"), std::string::npos) << outcome.report;
}

// Defect: a team that outlives its run takes part in nothing, and waits for ever.
TEST(Misuse, ATeamIsOfNoUseOutsideARun) {
  for (const int ranks : kSizes) {
    skein::Options options;
    options.ranks = ranks;
    options.mpi = skein::MpiUse::off;
    skein::Runtime runtime(options);
    Team* kept = nullptr;
    const auto keep = [&](Team& team) {
      if (team.rank() == team.size() - 1) kept = &team;
    };
    for (int round = 0; round < 2; ++round) {  // also between two runs
      ASSERT_EQ(runtime.run(keep), 0);
      for (const Call& call : calls()) {
        const std::string error = error_of([&] { call.make(*kept); });
        EXPECT_NE(error.find("called outside of a run"), std::string::npos) << call.name << ": " << error;
      }
    }
  }
}

}  // namespace
