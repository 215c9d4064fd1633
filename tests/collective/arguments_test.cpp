// SPDX-License-Identifier: Apache-2.0
//
// What collectives refuse: sizes, counts and roots that do not fit each other.
#include <gtest/gtest.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "skein/skein.hpp"
#include "team/run_team.hpp"

namespace {

using skein::Team;
using skein_test::Outcome;
using skein_test::run;

// Calls with wrong arguments, each beside its correct twin.

struct Wrong {
  const char* says;
  std::function<void(Team&, bool is_wrong)> make;
};

std::vector<int> ones(const Team& team) { return std::vector<int>(static_cast<std::size_t>(team.size()), 1); }

std::vector<Wrong> wrong_calls() {
  const auto on_last = [](const Team& team, bool is_wrong) { return is_wrong && team.rank() == team.size() - 1; };
  return {
      {"the size must be a multiple of the number of ranks",
       [](Team& team, bool is_wrong) {
         std::vector<int> in(static_cast<std::size_t>(2 * team.size()) + (is_wrong ? 1 : 0));
         std::vector<int> out(2);
         team.reduce_scatter_block(in, out, skein::sum);
       }},
      {"out must hold one part of in for each rank",
       [](Team& team, bool is_wrong) {
         std::vector<int> out(is_wrong ? 2 : 1);
         team.reduce_scatter_block(ones(team), out, skein::sum);
       }},
      {"the counts must add up",
       [](Team& team, bool is_wrong) {
         std::vector<int> in = ones(team);
         if (is_wrong) in.push_back(0);
         std::vector<int> out(1);
         team.reduce_scatter(in, out, ones(team), skein::sum);
       }},
      {"pass counts only",
       [](Team& team, bool is_wrong) {
         const std::vector<int> counts = ones(team);
         std::vector<int> begins;
         for (int q = 0; q < team.size(); ++q) begins.push_back(q);
         const skein::Parts wrong(counts, begins);
         std::vector<int> out(1);
         team.reduce_scatter(ones(team), out, is_wrong ? wrong : skein::Parts(counts), skein::sum);
       }},
      {"in and out must not overlap",
       [](Team& team, bool is_wrong) {
         std::vector<int> in = ones(team);
         std::vector<int> out(1);
         team.reduce_scatter(in, is_wrong ? std::span(in).first(1) : std::span(out), ones(team), skein::sum);
       }},
      {"there must be one count for each rank",
       [](Team& team, bool is_wrong) {
         std::vector<int> counts = ones(team);
         if (is_wrong) counts.push_back(0);
         std::vector<int> out(counts.size());
         team.allgatherv(std::vector<int>(1), out, counts);
       }},
      {"a begin or a count is negative, or too large",
       [on_last](Team& team, bool is_wrong) {
         std::vector<int> counts = ones(team);
         if (on_last(team, is_wrong)) counts[0] = -1;
         team.alltoallv(ones(team), counts);
       }},
      {"in must have the size that the counts give its rank",
       [on_last](Team& team, bool is_wrong) {
         std::vector<int> out = ones(team);
         team.allgatherv(std::vector<int>(on_last(team, is_wrong) ? 2 : 1), out, ones(team));
       }},
      {"sends 2 values to rank 0, which expects 1",
       [on_last](Team& team, bool is_wrong) {
         std::vector<int> out = ones(team);
         team.gatherv(std::vector<int>(on_last(team, is_wrong) ? 2 : 1), out, ones(team), 0);
       }},
      {"rank 0 sends 1 values to rank",
       [on_last](Team& team, bool is_wrong) {
         std::vector<int> out(on_last(team, is_wrong) ? 2 : 1);
         team.scatterv(ones(team), ones(team), out, 0);
       }},
      {"sends 1 values to rank",
       [on_last](Team& team, bool is_wrong) {
         std::vector<int> counts = ones(team);
         if (on_last(team, is_wrong)) counts.back() = 0;
         std::vector<int> out = ones(team);
         team.alltoallv(ones(team), ones(team), out, counts);
       }},
      {"root must be a rank of the team",
       [](Team& team, bool is_wrong) { team.gatherv(std::vector<int>(1), is_wrong ? -1 : 0); }},
  };
}

// Defect: an argument that leads out of a buffer, or a rank that is left waiting by one that refuses.
TEST(Arguments, WrongOnesEndTheRunWithTheRule) {
  for (const int ranks : {2, 3, 5}) {
    for (const Wrong& call : wrong_calls()) {
      SCOPED_TRACE(std::string(call.says) + " with " + std::to_string(ranks) + " ranks");
      const Outcome outcome = run(ranks, [&](Team& team) {
        call.make(team, false);
        call.make(team, true);
      });
      EXPECT_EQ(outcome.code, 5);
      EXPECT_NE(outcome.report.find(call.says), std::string::npos) << outcome.report;
      EXPECT_NE(outcome.report.find("arguments_test.cpp:"), std::string::npos) << outcome.report;
    }
  }
}

// Defect: counts that differ from rank to rank go unnoticed, because their sum is the same.
TEST(Arguments, DifferentCountsAreAMismatch) {
  const Outcome outcome = run(2, [](Team& team) {
    const std::vector<int> counts = team.rank() == 0 ? std::vector{1, 2} : std::vector{2, 1};
    std::vector<int> out(static_cast<std::size_t>(counts[static_cast<std::size_t>(team.rank())]));
    team.reduce_scatter(std::vector<int>(3), out, counts, skein::sum);
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_NE(outcome.report.find("mismatched collectives"), std::string::npos) << outcome.report;
}

}  // namespace
