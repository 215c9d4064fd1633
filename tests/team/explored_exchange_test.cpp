// SPDX-License-Identifier: Apache-2.0
//
// The exchange with its parking, and the failure that ends it, schedule by schedule.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "team/explored.hpp"

namespace {

using skein::Episode;
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
using skein_test::name_of;
using skein_test::State;
using Team = skein_test::SmallTeam;
using Rank = skein_test::Rank<skein_test::ExplorerAtomics>;

/// Two and three ranks that sleep or poll, in both flat patterns; four that sleep, in levels of two. Four that poll, and go
/// on at every write of another, have too many schedules even without a preemption.
std::vector<Team> teams() {
  std::vector<Team> all;
  for (const WaitPolicy wait : {WaitPolicy::park, WaitPolicy::yield}) {
    for (const int ranks : {2, 3}) {
      all.push_back({ranks, {Pattern::all_to_all}, wait});
      all.push_back({ranks, {Pattern::gather_release}, wait});
    }
  }
  all.push_back({4, {Pattern::levels, 2}, WaitPolicy::park});
  return all;
}

class ExploredTeam : public testing::TestWithParam<Team> {
 protected:
  int ranks() const { return GetParam().ranks; }

  /// Preemptions with which the team is explored completely in some seconds.
  int preemptions() const { return ranks() == 2 ? 3 : ranks() == 3 ? 2 : 1; }
};

/// Those teams that have no more ranks than that.
std::vector<Team> teams_up_to(int most_ranks) {
  std::vector<Team> all = teams();
  std::erase_if(all, [most_ranks](const Team& team) { return team.ranks > most_ranks; });
  return all;
}

const auto kNameOf = [](const auto& tested) { return name_of(tested.param); };
class ExploredPair : public ExploredTeam {};
INSTANTIATE_TEST_SUITE_P(Explored, ExploredTeam, testing::ValuesIn(teams()), kNameOf);
INSTANTIATE_TEST_SUITE_P(Explored, ExploredPair, testing::ValuesIn(teams_up_to(2)), kNameOf);

// Defect: a rank leaves before all have arrived, reads another payload than was posted, or is not woken.
TEST_P(ExploredTeam, BlockingExchanges) {
  const Team& team = GetParam();
  constexpr std::uint64_t kEpisodes = 2;
  const auto make = [&team] {
    auto state = std::make_shared<State>(team);
    return Explorer::Trial{
        team.ranks, [state, team](int own) {
          Rank rank(state->shared, own, team.wait, kFirst);
          for (std::uint64_t round = 1; round <= kEpisodes; ++round) {
            const std::uint64_t mine = round * 100 + static_cast<std::uint64_t>(own);
            state->write_note(own, rank.exchange.arrived() + 1);
            const Episode episode = rank.exchange.arrive(kSame, &mine, sizeof(mine));
            Explorer::require(rank.exchange.complete(kNothing, kNoContent, nullptr, 0) == Progress::complete,
                              "an exchange did not complete");
            state->require_notes(episode);
            for (int peer = 0; peer < team.ranks; ++peer) {
              std::uint64_t posted = 0;
              std::memcpy(&posted, rank.exchange.payload(peer, episode, sizeof(posted)), sizeof(posted));
              Explorer::require(posted == round * 100 + static_cast<std::uint64_t>(peer), "a wrong payload");
            }
          }
        }};
  };
  explore(name_of(team), make, preemptions());
}

/// Two ranks go on as far as they can, and post as many bytes each time.
template <std::size_t kBytes>
void explore_ring(const std::string& name, const Team& team) {
  const auto make = [&team] {
    auto state = std::make_shared<State>(team);
    return Explorer::Trial{
        team.ranks, [state, team](int own) {
          Rank rank(state->shared, own, team.wait, kFirst);
          for (int round = 0; round < 2 * skein::kRingLines; ++round) {
            const Episode episode = rank.exchange.arrived() + 1;
            state->write_note(own, episode);
            std::array<Episode, kBytes / sizeof(Episode)> mine;
            mine.fill(episode);
            rank.exchange.arrive(kSame, &mine, kBytes);
            Explorer::require(rank.exchange.complete(kNothing, kNoContent, nullptr, 0) == Progress::complete,
                              "an exchange did not complete");
            state->require_notes(episode);
            Explorer::require(std::memcmp(rank.exchange.payload(1 - own, episode, kBytes), &mine, kBytes) == 0,
                              "a wrong payload");
          }
        }};
  };
  explore(name, make, 2);
}

// Defect: a line is written anew while a rank that is as far behind as it may be still has to read it.
TEST_P(ExploredPair, TheRingIsLongEnough) { explore_ring<sizeof(Episode)>(name_of(GetParam()), GetParam()); }

// The same of the buffers for what a line has no room for.
TEST_P(ExploredPair, TheBuffersAreEnough) {
  explore_ring<skein::kInlineBytes + sizeof(Episode)>(name_of(GetParam()) + "_long", GetParam());
}

// Defect: a failure that leaves a rank waiting, whose record is not complete when it is seen, or that completes an episode
// for one rank and aborts it for another of those that arrived.
TEST_P(ExploredTeam, AFailureEndsEveryWait) {
  const Team& team = GetParam();
  for (int victim = 0; victim < team.ranks; ++victim) {
    const auto make = [&team, victim] {
      auto state = std::make_shared<State>(team);
      const auto body = [state, team, victim](int own) {
        Rank rank(state->shared, own, team.wait, kFirst);
        for (std::uint64_t round = 1; round <= 2; ++round) {
          if (own == victim && round == 2) {
            state->write_note(own, 0);  // as the record is written
            state->shared.failure.fail({own, skein::ExitCode::io, "disk full"});
            return;
          }
          rank.exchange.arrive(kSame, nullptr, 0);
          if (rank.exchange.complete(kNothing, kNoContent, nullptr, 0) != Progress::complete) break;
          state->rounds[static_cast<std::size_t>(own)] = round;
        }
        Explorer::require(state->shared.failure.is_aborted(), "it ended without a failure");
        state->notes[static_cast<std::size_t>(victim)][0].read();
        const skein::Failure first = state->shared.failure.first();
        Explorer::require(first.rank == victim && first.message == "disk full", "half a record");
      };
      // In a gather and release the leader's completion does not reach those who see the abort before the release.
      const auto check = [state, team] {
        for (const std::uint64_t rounds : state->rounds) {
          if (rounds > 1) return std::string("an episode completed without the rank that failed");
          if (team.pattern.pattern == Pattern::all_to_all && rounds != 1) {
            return std::string("an episode that all came to did not complete");
          }
        }
        return std::string();
      };
      return Explorer::Trial{team.ranks, body, check};
    };
    explore(name_of(team) + ", rank " + std::to_string(victim) + " fails", make, std::min(preemptions(), 2));
  }
}

// Defect: a rank completes an episode in which another made a different call, waits for ever, or reads half of a record when a
// third one fails in the same moment.
TEST_P(ExploredTeam, AMismatchEndsEveryWait) {
  const Team& team = GetParam();
  constexpr int kNobody = -1;
  for (int odd = 0; odd < team.ranks; ++odd) {
    for (const int victim : {kNobody, (odd + 1) % team.ranks}) {
      const auto make = [&team, odd, victim] {
        auto state = std::make_shared<State>(team);
        const auto body = [state, team, odd, victim](int own) {
          Rank rank(state->shared, own, team.wait, kFirst);
          const auto fail = [&](const char* message) {
            state->write_note(own, 0);  // as the record is written
            state->shared.failure.fail({own, skein::ExitCode::parallel, message});
          };
          if (own == victim) return fail("it broke");
          rank.exchange.arrive(own == odd ? kSame + 1 : kSame, nullptr, 0);
          const Progress progress = rank.exchange.complete(kNothing, kNoContent, nullptr, 0);
          Explorer::require(progress != Progress::complete, "different calls completed");
          if (progress == Progress::mismatched) fail("mismatch");
          while (!state->shared.failure.is_aborted())
            ExplorerAtomics::yield();  // another one was the first, and still writes
          const skein::Failure first = state->shared.failure.first();
          state->notes[static_cast<std::size_t>(first.rank)][0].read();
          Explorer::require(first.message == (first.rank == victim ? "it broke" : "mismatch"), "half a record");
        };
        return Explorer::Trial{team.ranks, body};
      };
      const std::string failing = victim == kNobody ? "" : ", rank " + std::to_string(victim) + " fails";
      explore(name_of(team) + ", rank " + std::to_string(odd) + " differs" + failing, make, std::min(preemptions(), 2));
    }
  }
}

}  // namespace
