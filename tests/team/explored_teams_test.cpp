// SPDX-License-Identifier: Apache-2.0
//
// Exchanges of teams that overlap, schedule by schedule: ranks that sleep for one team are rung for by another's posts, and come
// to the teams in the same order, but far apart.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "team/explored.hpp"

namespace {

using skein::Episode;
using skein::LaneRanks;
using skein::Pattern;
using skein::Progress;
using skein::WaitPolicy;
using skein_test::explore;
using skein_test::Explorer;
using skein_test::ExplorerAtomics;
using skein_test::kFirst;
using skein_test::kNoContent;
using skein_test::kNothing;
using skein_test::kSame;
using Shared = skein_test::Shared<ExplorerAtomics>;

constexpr int kRanks = 3;

/// Ranks of the run, each on a lane of its own, in the order of their team.
using Ranks = std::vector<int>;

const std::vector<Ranks> kEight = {{0, 1, 2}, {0, 1}, {1, 2}, {2, 0}, {2, 1, 0}, {1, 0}, {2, 1}, {0, 2}};
const std::vector<Ranks> kThree = {{0, 1}, {1, 2}, {2, 0}};

struct Case {
  std::string name;
  std::vector<Ranks> teams;
  Pattern pattern;
  WaitPolicy wait;
  int preemptions;
};

/// What the fibers of one schedule share: one host, and the memory of each team.
struct State {
  explicit State(const Case& tested) : host(kRanks) {
    for (const Ranks& ranks : tested.teams) {
      teams.push_back(std::make_unique<Shared>(static_cast<int>(ranks.size()), tested.pattern));
    }
  }

  Shared host;  ///< of which the bells and the abort word are used
  std::vector<std::unique_ptr<Shared>> teams;
};

class ExploredTeams : public testing::TestWithParam<Case> {};

// Defect: a rank that waits for one team sleeps through what another brings, or takes one team's post for another's.
TEST_P(ExploredTeams, Overlap) {
  const Case& tested = GetParam();
  const auto make = [&tested] {
    auto state = std::make_shared<State>(tested);
    return Explorer::Trial{
        kRanks, [state, &tested](int own) {
          Shared& host = state->host;
          skein::Waiter<ExplorerAtomics> waiter(host.abort, host.bells, own,
                                                wait_budget(tested.wait, skein::Crowding::oversubscribed));
          for (std::size_t i = 0; i < tested.teams.size(); ++i) {
            const Ranks& ranks = tested.teams[i];
            const auto place = std::ranges::find(ranks, own);
            if (place == ranks.end()) continue;
            Shared& team = *state->teams[i];
            skein::Exchange<ExplorerAtomics> exchange(
                {team.arrivals, team.ascents, team.releases, team.parts, team.buffers, {}, {}}, team.stations,
                static_cast<int>(place - ranks.begin()), waiter, host.bells, kFirst);
            const std::uint64_t mine = 10 * i + static_cast<std::uint64_t>(own);
            const Episode episode = exchange.arrive(kSame, &mine, sizeof(mine));
            Explorer::require(exchange.complete(kNothing, kNoContent, nullptr, 0) == Progress::complete,
                              "an exchange did not complete");
            for (std::size_t peer = 0; peer < ranks.size(); ++peer) {
              std::uint64_t posted = 0;
              std::memcpy(&posted, exchange.payload(static_cast<int>(peer), episode, sizeof(posted)), sizeof(posted));
              Explorer::require(posted == 10 * i + static_cast<std::uint64_t>(ranks[peer]), "a wrong payload");
            }
          }
        }};
  };
  explore(tested.name, make, tested.preemptions);
}

INSTANTIATE_TEST_SUITE_P(
    Explored, ExploredTeams,
    testing::Values(Case{"eight_teams_of_3_ranks_all_to_all_park", kEight, Pattern::all_to_all, WaitPolicy::park, 1},
                    Case{"eight_teams_of_3_ranks_gather_release_park", kEight, Pattern::gather_release,
                         WaitPolicy::park, 1},
                    Case{"three_teams_of_3_ranks_all_to_all_park", kThree, Pattern::all_to_all, WaitPolicy::park, 2},
                    Case{"three_teams_of_3_ranks_all_to_all_yield", kThree, Pattern::all_to_all, WaitPolicy::yield, 1}),
    [](const auto& tested) { return tested.param.name; });

}  // namespace
