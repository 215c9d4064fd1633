// SPDX-License-Identifier: Apache-2.0
//
// Random programs of collectives of many teams, in which one rank does otherwise once. Wherever that leads, it has to end as an
// error that says so: ranks that wait for each other in different teams, a team that only some have made, a rank that leaves.
#include <gtest/gtest.h>

#include <mutex>
#include <string>

#include "check.hpp"
#include "team/run_team.hpp"
#include "values.hpp"

namespace {

using skein_test::Outcome;
using skein_test::TeamProgram;

class Deviation : public testing::TestWithParam<TeamProgram::Deviation> {};

TEST_P(Deviation, OfOneRankEndsInAnError) {
  constexpr int kSteps = 30;
  int deviations = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const int ranks = 2 + static_cast<int>(seed % 4);
    bool has_deviated = false;
    const TeamProgram program{.steps = kSteps,
                              .seed = seed,
                              .most_bytes = std::size_t{40} << 10U,
                              .deviation = GetParam(),
                              .rank = static_cast<int>(skein_test::mix(seed) % static_cast<std::uint64_t>(ranks)),
                              .from_step = static_cast<int>(skein_test::mix(seed, 1) % (kSteps / 2)),
                              .has_deviated = &has_deviated};
    SCOPED_TRACE("seed " + std::to_string(seed) + ", rank " + std::to_string(program.rank) + " of " +
                 std::to_string(ranks));
    std::mutex mutex;
    std::string wrong;
    const Outcome outcome = skein_test::run(ranks, [&](skein::Team& team) {
      const std::string own = check_teams(team, program);
      const std::lock_guard lock(mutex);
      wrong += own;
    });
    EXPECT_EQ(wrong, "");
    EXPECT_EQ(outcome.code, has_deviated ? 5 : 0) << outcome.report;
    deviations += has_deviated ? 1 : 0;
    if (!has_deviated) continue;
    const bool is_told = outcome.report.find("mismatched ") != std::string::npos ||
                         outcome.report.find("deadlock: every rank waits for another") != std::string::npos;
    EXPECT_TRUE(is_told) << outcome.report;
  }
  EXPECT_GE(deviations, 20);
}

const auto kNameOf = [](const testing::TestParamInfo<TeamProgram::Deviation>& tested) {
  static constexpr const char* kNames[] = {"none", "other_call", "call_less", "call_more", "team_less"};
  return kNames[static_cast<std::size_t>(tested.param)];
};
INSTANTIATE_TEST_SUITE_P(Kinds, Deviation,
                         testing::Values(TeamProgram::Deviation::other_call, TeamProgram::Deviation::call_less,
                                         TeamProgram::Deviation::call_more, TeamProgram::Deviation::team_less),
                         kNameOf);

}  // namespace
