// SPDX-License-Identifier: Apache-2.0
// Calls that cannot go well: bad arguments, and collectives that do not match.
#include <gtest/gtest.h>

#include <functional>
#include <regex>
#include <string>
#include <vector>

#include "skein/base/environment.hpp"
#include "team/failure_episode.hpp"

namespace {

using failure_test::count_of;
using skein::Options;
using skein::Runtime;
using skein::Team;

using Body = std::function<void(Team&)>;

struct Outcome {
  int code = 0;
  std::string report;
};

Outcome run(int ranks, skein::Pattern pattern, const Body& body) {
  Options options;
  options.ranks = ranks;
  options.pattern = pattern;
  options.mpi = skein::MpiUse::off;
  Runtime runtime(options);
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = runtime.run(body);
  outcome.report = testing::internal::GetCapturedStderr();
  return outcome;
}

constexpr skein::Pattern kPatterns[] = {skein::Pattern::all_to_all, skein::Pattern::gather_release};
constexpr std::size_t kMany = 50'000;

struct Refused {
  const char* name;
  Body call;                       ///< by rank 1 of 3; the others are in a barrier
  std::vector<std::string> words;  ///< of the report
};

std::vector<double> numbers(std::size_t count) { return std::vector<double>(count, 1.0); }

// Reads a buffer of the wrong size (a crash, under the address sanitizer at the latest) or waits for ever for a rank
// that does not exist, when an argument is not checked; fails when the report leaves the user guessing.
TEST(FailureCalls, ABadArgumentIsNamedWithOperationValueAndRule) {
  static std::vector<double> three = numbers(3);
  static std::vector<double> four = numbers(4);
  static std::vector<double> many = numbers(kMany);
  const std::string root_rule = "root must be a rank of the team";
  const std::vector<Refused> table = {
      {"bcast root 3", [](Team& t) { t.bcast(1, 3); }, {"bcast", "root 3", root_rule}},
      {"bcast root -1", [](Team& t) { t.bcast(1, -1); }, {"bcast", "root -1", root_rule}},
      {"bcast root -7, large", [](Team& t) { t.bcast(std::span(many), -7); }, {"bcast", "root -7", root_rule}},
      {"reduce root 3", [](Team& t) { t.reduce(1, skein::sum, 3); }, {"reduce", "root 3", root_rule}},
      {"reduce root -1", [](Team& t) { t.reduce(1, skein::sum, -1); }, {"reduce", "root -1", root_rule}},
      {"gather root 1000000",
       [](Team& t) { t.gather(1.0, std::span(three), 1'000'000); },
       {"gather", "root 1000000", root_rule}},
      {"scatter root -2", [](Team& t) { t.scatter(std::span(three), -2); }, {"scatter", "root -2", root_rule}},
      {"allreduce sizes",
       [](Team& t) { t.allreduce(three, std::span(four), skein::sum); },
       {"allreduce", "3 values of 8 bytes", "same size"}},
      {"scan sizes",
       [](Team& t) { t.scan(four, std::span(three), skein::sum); },
       {"scan", "4 values of 8 bytes", "same size"}},
      {"reduce sizes at root",
       [](Team& t) { t.reduce(four, std::span(three), skein::sum, 1); },
       {"reduce", "4 values of 8 bytes", "same size"}},
      {"allgather sizes",
       [](Team& t) { t.allgather(three, std::span(four)); },
       {"allgather", "3 values of 8 bytes", "size() times"}},
      {"gather sizes at root",
       [](Team& t) { t.gather(three, std::span(four), 1); },
       {"gather", "3 values of 8 bytes", "size() times"}},
      {"scatter sizes at root",
       [](Team& t) { t.scatter(three, std::span(four), 1); },
       {"scatter", "4 values of 8 bytes", "size() times"}},
      {"alltoall sizes",
       [](Team& t) { t.alltoall(three, std::span(four)); },
       {"alltoall", "3 values of 8 bytes", "same size"}},
      {"alltoall remainder",
       [](Team& t) { t.alltoall(four, std::span(four)); },
       {"alltoall", "4 values of 8 bytes", "multiple"}},
      {"scan overlap",
       [](Team& t) { t.scan(std::span(many).first(kMany - 1), std::span(many).subspan(1), skein::sum); },
       {"scan", "overlap"}},
      {"shared too large", [](Team& t) { t.shared<double>(SIZE_MAX / 4); }, {"shared", "too many"}},
  };
  for (const Refused& row : table) {
    for (const skein::Pattern pattern : kPatterns) {
      SCOPED_TRACE(row.name);
      const Outcome outcome = run(3, pattern, [&](Team& team) {
        if (team.rank() == 1) {
          row.call(team);
        } else {
          team.barrier();
        }
      });
      EXPECT_EQ(outcome.code, 5);
      EXPECT_EQ(count_of(outcome.report, "rank 1 failed: "), 1) << outcome.report;
      EXPECT_EQ(count_of(outcome.report, "failure_calls_test.cpp:") > 0, true) << outcome.report;
      for (const std::string& word : row.words) EXPECT_GE(count_of(outcome.report, word), 1) << word << outcome.report;
    }
  }
}

struct Mismatch {
  const char* name;
  Body one;              ///< by the odd rank
  Body others;           ///< by all others
  std::string one_says;  ///< the report of the odd rank
  std::string others_say;
};

std::vector<Mismatch> mismatches() {
  const auto large = [](Team& t, std::size_t count, auto op) {
    std::vector<double> data = numbers(count);
    t.allreduce(std::span(data), op);
  };
  const auto bcast = [](Team& t, std::size_t count, int root) {
    std::vector<double> data = numbers(count);
    t.bcast(std::span(data), root);
  };
  const Body barrier = [](Team& t) { t.barrier(); };
  const auto sum_of = [](std::size_t count) {
    return fmt::format("allreduce #2 (sum, {} values of 8 bytes) at ", count);
  };
  const auto bcast_of = [](std::size_t count, int root) {
    return fmt::format("bcast #2 ({} values of 8 bytes, root {}) at ", count, root);
  };
  return {
      {"barrier, allreduce", barrier, [](Team& t) { t.allreduce(1.0, skein::sum); }, "barrier #2 at ", sum_of(1)},
      {"barrier, large allreduce", barrier, [=](Team& t) { large(t, kMany, skein::sum); }, "barrier #2 at ",
       sum_of(kMany)},
      {"large allreduce, barrier", [=](Team& t) { large(t, kMany, skein::sum); }, barrier, sum_of(kMany),
       "barrier #2 at "},
      {"barrier, shared", barrier, [](Team& t) { t.shared<double>(100); }, "barrier #2 at ",
       "shared #2 (100 values of 8 bytes) at "},
      {"shared, large bcast", [](Team& t) { t.shared<double>(100); }, [=](Team& t) { bcast(t, kMany, 0); },
       "shared #2 (100 values of 8 bytes) at ", bcast_of(kMany, 0)},
      {"shared, other size", [](Team& t) { t.shared<double>(100); }, [](Team& t) { t.shared<double>(101); },
       "shared #2 (100 values of 8 bytes) at ", "shared #2 (101 values of 8 bytes) at "},
      {"operators", [](Team& t) { t.allreduce(1.0, skein::sum); }, [](Team& t) { t.allreduce(1.0, skein::max); },
       sum_of(1), "allreduce #2 (max, 1 values of 8 bytes) at "},
      {"operators, large", [=](Team& t) { large(t, kMany, skein::sum); }, [=](Team& t) { large(t, kMany, skein::max); },
       sum_of(kMany), "allreduce #2 (max, "},
      {"element sizes", [](Team& t) { t.allreduce(1.0F, skein::sum); }, [](Team& t) { t.allreduce(1.0, skein::sum); },
       "allreduce #2 (sum, 1 values of 4 bytes) at ", sum_of(1)},
      {"counts", [=](Team& t) { large(t, 3, skein::sum); }, [=](Team& t) { large(t, 4, skein::sum); }, sum_of(3),
       sum_of(4)},
      {"counts, none", [=](Team& t) { large(t, 0, skein::sum); }, [=](Team& t) { large(t, 4, skein::sum); }, sum_of(0),
       sum_of(4)},
      {"counts, small and large", [=](Team& t) { large(t, 6, skein::sum); },
       [=](Team& t) { large(t, kMany, skein::sum); }, sum_of(6), sum_of(kMany)},
      {"counts, large", [=](Team& t) { large(t, kMany, skein::sum); },
       [=](Team& t) { large(t, kMany + 1, skein::sum); }, sum_of(kMany), sum_of(kMany + 1)},
      {"roots", [=](Team& t) { bcast(t, 1, 0); }, [=](Team& t) { bcast(t, 1, 1); }, bcast_of(1, 0), bcast_of(1, 1)},
      {"roots, large", [=](Team& t) { bcast(t, kMany, 0); }, [=](Team& t) { bcast(t, kMany, 1); }, bcast_of(kMany, 0),
       bcast_of(kMany, 1)},
      {"bcast, reduce", [=](Team& t) { bcast(t, 1, 0); }, [](Team& t) { t.reduce(1.0, skein::sum, 0); }, bcast_of(1, 0),
       "reduce #2 (sum, 1 values of 8 bytes, root 0) at "},
      {"reduce, allreduce", [](Team& t) { t.reduce(1.0, skein::sum, 0); },
       [](Team& t) { t.allreduce(1.0, skein::sum); }, "reduce #2 (sum, 1 values of 8 bytes, root 0) at ", sum_of(1)},
      {"scan, allreduce", [](Team& t) { t.scan(1.0, skein::sum); }, [](Team& t) { t.allreduce(1.0, skein::sum); },
       "scan #2 (sum, 1 values of 8 bytes) at ", sum_of(1)},
      {"one call less", [](Team&) {}, barrier, "finished", "barrier #3 at "},
      {"one call more", barrier, [](Team&) {}, "barrier #3 at ", "finished"},
      {"one large call more", [=](Team& t) { large(t, kMany, skein::sum); }, [](Team&) {}, sum_of(kMany),
       "barrier #2 at "},
  };
}

/// What a report says of the ranks that called one thing.
std::string line_of(const std::vector<int>& ranks, int size, const std::string& call) {
  const bool is_one = ranks.size() == 1;
  const std::string who = is_one ? fmt::format("rank {}", ranks.front())
                                 : fmt::format("ranks {} ({} of {})", skein::number_ranges(ranks), ranks.size(), size);
  const std::string_view verb = call == "finished" ? (is_one ? "has" : "have") : (is_one ? "is in" : "are in");
  return fmt::format("\n  {} {} {}", who, verb, call);
}

bool names_the_odd_rank_and_another(const std::string& report, int odd) {
  std::smatch ranks;
  if (!std::regex_search(report, ranks, std::regex("rank (\\d+) and rank (\\d+) have made different calls")))
    return false;
  return (std::stoi(ranks[1]) == odd) != (std::stoi(ranks[2]) == odd);
}

class MismatchOf : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Ranks, MismatchOf, testing::Values(2, 3, 8));

// Hangs when two different collectives wait for each other, crashes when one reads what the other never meant for it,
// and fails when the report does not say which two ranks differ, or what every rank called.
TEST_P(MismatchOf, CollectivesEndsInAReportOfEveryRanksCall) {
  const int size = GetParam();
  for (const Mismatch& mismatch : mismatches()) {
    for (const skein::Pattern pattern : kPatterns) {
      for (const int odd : {0, 1, size - 1}) {
        SCOPED_TRACE(fmt::format("{}, odd rank {}, pattern {}", mismatch.name, odd, skein::pattern_name(pattern)));
        const Outcome outcome = run(size, pattern, [&](Team& team) {
          team.barrier();
          (team.rank() == odd ? mismatch.one : mismatch.others)(team);
          team.barrier();
        });
        EXPECT_EQ(outcome.code, 5);
        EXPECT_EQ(count_of(outcome.report, " failed: mismatched collectives"), 1) << outcome.report;
        EXPECT_TRUE(names_the_odd_rank_and_another(outcome.report, odd)) << outcome.report;
        std::vector<int> others;
        for (int rank = 0; rank < size; ++rank) {
          if (rank != odd) others.push_back(rank);
        }
        EXPECT_EQ(count_of(outcome.report, line_of({odd}, size, mismatch.one_says)), 1) << outcome.report;
        EXPECT_EQ(count_of(outcome.report, line_of(others, size, mismatch.others_say)), 1) << outcome.report;
      }
    }
  }
}

// Fails when a difference that MPI allows, the call's place in the source, counts as a mismatch.
TEST(FailureCalls, TheSameCollectiveFromDifferentLinesIsNoMismatch) {
  for (const skein::Pattern pattern : kPatterns) {
    const Outcome outcome = run(3, pattern, [](Team& team) {
      if (team.rank() == 1) {
        team.barrier();
        team.allreduce(1.0, skein::sum);
        std::vector<double> data = numbers(kMany);
        team.bcast(std::span(data), 2);
      } else {
        team.barrier();
        team.allreduce(1.0, std::plus<>());
        std::vector<double> data = numbers(kMany);
        team.bcast(std::span(data), 2);
      }
    });
    EXPECT_EQ(outcome.code, 0) << outcome.report;
  }
}

}  // namespace
