// SPDX-License-Identifier: Apache-2.0
// Memory for the copies that in-place forms work on: what is small is kept for the next call, and no more.
#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <vector>

#include "collective/allocation_counter.hpp"
#include "team/run_team.hpp"

namespace {

using skein::Team;
using skein_test::allocations;

std::uint64_t allocations_of_alltoall(Team& team, std::vector<double>& data) {
  const std::uint64_t before = allocations();
  team.alltoall(std::span(data));
  return allocations() - before;
}

// Fails when small calls take memory each time, or when that of a large call stays with the rank.
TEST(Scratch, OnlyWhatIsSmallIsKept) {
  ASSERT_TRUE(skein_test::allocations_are_counted());
  for (const int ranks : {1, 2, 5}) {
    const skein_test::Outcome outcome = skein_test::run(ranks, [](Team& team) {
      std::vector<double> few(static_cast<std::size_t>(team.size()));
      std::vector<double> many(few.size() * 100'000);
      for (int round = 0; round < 3; ++round) {
        EXPECT_GT(allocations_of_alltoall(team, few), 0U);
        EXPECT_EQ(allocations_of_alltoall(team, few), 0U);
        EXPECT_GT(allocations_of_alltoall(team, many), 0U);
        EXPECT_GT(allocations_of_alltoall(team, many), 0U);
      }
    });
    EXPECT_EQ(outcome.code, 0) << outcome.report;
  }
}

}  // namespace
