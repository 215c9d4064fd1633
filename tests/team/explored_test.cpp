// SPDX-License-Identifier: Apache-2.0
//
// The exchange with its parking, the failure path and the reader flags, schedule by schedule: the production code on the
// policy of explorer.hpp.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "skein/team/stall.hpp"
#include "sync/explorer.hpp"
#include "team/bare_team.hpp"

namespace {

using skein::Episode;
using skein::Pattern;
using skein::PatternChoice;
using skein::Progress;
using skein::WaitPolicy;
using skein_test::Explorer;
using skein_test::ExplorerAtomics;
using Shared = skein_test::Shared<ExplorerAtomics>;
using Rank = skein_test::Rank<ExplorerAtomics>;

constexpr skein::Signature kSame = 7;
constexpr Episode kFirst = 0xfffffffe;  // crosses 2^32
constexpr std::uint64_t kSeed = 20260101;

const auto kNothing = [](void*) {};
const auto kNoContent = [] { return skein::Content{}; };

struct Team {
  int ranks;
  PatternChoice pattern;
  WaitPolicy wait;
};

std::string describe(const Team& team) {
  return std::to_string(team.ranks) + " ranks, " + std::string(pattern_name(team.pattern.pattern)) + ", " +
         (team.wait == WaitPolicy::park ? "park" : "yield");
}

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

/// What the fibers of one schedule share.
struct State {
  explicit State(const Team& team) : shared(team.ranks, team.pattern), rounds(static_cast<std::size_t>(team.ranks)) {}

  Shared shared;
  std::vector<std::uint64_t> rounds;  ///< how far each rank has come
};

/// Preemptions with which a team is explored completely in some seconds.
int preemptions_for(const Team& team) { return team.ranks == 2 ? 3 : team.ranks == 3 ? 2 : 1; }

/// Explores all schedules with so many preemptions, and some drawn at random and by PCT, and says how many those were.
void explore(const std::string& what, const Explorer::MakeTrial& make, int preemptions) {
  SCOPED_TRACE(what);
  constexpr std::uint64_t kMost = 5'000'000;
  constexpr std::uint64_t kDrawn = 5'000;
  const Explorer::Result all = Explorer::all(make, preemptions, kMost);
  EXPECT_TRUE(all.is_good()) << all.failure;
  EXPECT_TRUE(all.is_complete || !all.is_good()) << "more schedules than expected";
  const Explorer::Result random = Explorer::random(make, kSeed, kDrawn);
  EXPECT_TRUE(random.is_good()) << random.failure;
  const Explorer::Result pct = Explorer::pct(make, kSeed, kDrawn, 3);
  EXPECT_TRUE(pct.is_good()) << pct.failure;
  std::cout << what << ": all " << all.schedules << " schedules with " << preemptions << " preemptions, "
            << random.schedules << " at random, " << pct.schedules << " by PCT; "
            << all.points + random.points + pct.points << " points\n";
}

// Defect: a rank leaves before all have arrived, reads another payload than was posted, or is not woken.
TEST(Explored, BlockingExchanges) {
  for (const Team& team : teams()) {
    constexpr std::uint64_t kEpisodes = 2;
    const auto make = [&team] {
      auto state = std::make_shared<State>(team);
      return Explorer::Trial{
          team.ranks, [state, team](int own) {
            Rank rank(state->shared, own, team.wait, kFirst);
            for (std::uint64_t round = 1; round <= kEpisodes; ++round) {
              const std::uint64_t mine = round * 100 + static_cast<std::uint64_t>(own);
              state->rounds[static_cast<std::size_t>(own)] = round;
              const Episode episode = rank.exchange.arrive(kSame, &mine, sizeof(mine));
              Explorer::require(rank.exchange.complete(kNothing, kNoContent, nullptr, 0) == Progress::complete,
                                "an exchange did not complete");
              for (int peer = 0; peer < team.ranks; ++peer) {
                Explorer::require(state->rounds[static_cast<std::size_t>(peer)] >= round, "a rank left early");
                std::uint64_t posted = 0;
                std::memcpy(&posted, rank.exchange.payload(peer, episode), sizeof(posted));
                Explorer::require(posted == round * 100 + static_cast<std::uint64_t>(peer), "a wrong payload");
              }
            }
          }};
    };
    explore(describe(team), make, preemptions_for(team));
  }
}

// Defect: split-phase barriers that complete early, out of order, or never.
TEST(Explored, OutstandingBarriers) {
  for (const Team& team : teams()) {
    if (team.ranks > 3) continue;
    const auto make = [&team] {
      auto state = std::make_shared<State>(team);
      return Explorer::Trial{team.ranks, [state, team](int own) {
                               Rank rank(state->shared, own, team.wait, kFirst);
                               const auto arrive = [&] {
                                 ++state->rounds[static_cast<std::size_t>(own)];
                                 rank.exchange.arrive(kSame, nullptr, 0);
                               };
                               const auto require_all = [&](std::uint64_t round) {
                                 for (const std::uint64_t theirs : state->rounds) {
                                   Explorer::require(theirs >= round, "a barrier completed early");
                                 }
                               };
                               arrive();
                               arrive();
                               if (rank.exchange.test(kFirst) == Progress::complete) require_all(1);
                               arrive();  // a blocking one behind them
                               Explorer::require(
                                   rank.exchange.complete(kNothing, kNoContent, nullptr, 0) == Progress::complete,
                                   "an exchange did not complete");
                               Explorer::require(rank.exchange.outstanding() == 0, "a barrier is left");
                               require_all(3);
                             }};
    };
    explore(describe(team), make, 2);
  }
}

// Defect: a failure that leaves a rank waiting, whose record is not complete when it is seen, or that completes an episode
// for one rank and aborts it for another of those that arrived.
TEST(Explored, AFailureEndsEveryWait) {
  for (const Team& team : teams()) {
    if (team.ranks > 3) continue;
    for (int victim = 0; victim < team.ranks; ++victim) {
      const auto make = [&team, victim] {
        auto state = std::make_shared<State>(team);
        const auto body = [state, team, victim](int own) {
          Rank rank(state->shared, own, team.wait, kFirst);
          for (std::uint64_t round = 1; round <= 2; ++round) {
            if (own == victim && round == 2) {
              state->shared.failure.fail({own, skein::ExitCode::io, "disk full"});
              return;
            }
            rank.exchange.arrive(kSame, nullptr, 0);
            if (rank.exchange.complete(kNothing, kNoContent, nullptr, 0) != Progress::complete) break;
            state->rounds[static_cast<std::size_t>(own)] = round;
          }
          Explorer::require(state->shared.failure.is_aborted(), "it ended without a failure");
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
      explore(describe(team) + ", rank " + std::to_string(victim) + " fails", make, 2);
    }
  }
}

/// Ranks that take part in the roll-call, and one more fiber that judges them.
struct Watched {
  explicit Watched(const Team& team) : state(team), lines(static_cast<std::size_t>(team.ranks)) {}

  using Judge = skein::StallJudge<ExplorerAtomics>;
  Judge judge() { return {lines, state.shared.arrivals, true, std::chrono::hours(1)}; }

  State state;
  std::vector<skein::RollCallLine<ExplorerAtomics>> lines;
};

// Defect: a run that gets on is called a deadlock, because what was read of its ranks belongs to different moments.
TEST(Explored, ARunThatGetsOnIsNoDeadlock) {
  for (const WaitPolicy wait : {WaitPolicy::park, WaitPolicy::yield}) {
    const Team team{2, {Pattern::all_to_all}, wait};
    const auto make = [team] {
      auto watched = std::make_shared<Watched>(team);
      const auto rank_body = [watched, team](int own) {
        auto& line = watched->lines[static_cast<std::size_t>(own)];
        Rank rank(watched->state.shared, own, team.wait, kFirst, &line.wait);
        for (int round = 0; round < 2; ++round) {
          rank.exchange.arrive(kSame, nullptr, 0);
          line.count.fetch_add(2, std::memory_order_release);  // a call; its words are tested elsewhere
          rank.exchange.complete(kNothing, kNoContent, nullptr, 0);
        }
      };
      return Explorer::Trial{team.ranks + 1, [watched, team, rank_body](int fiber) {
                               if (fiber < team.ranks) return rank_body(fiber);
                               auto judge = watched->judge();
                               for (int look = 0; look < 3; ++look) {
                                 Explorer::require(judge.look({}) != Watched::Judge::Verdict::deadlocked,
                                                   "a run that gets on is called a deadlock");
                               }
                             }};
    };
    explore(describe(team) + ", watched", make, wait == WaitPolicy::park ? 2 : 1);
  }
}

// Defect: ranks that wait for each other are not found, in whatever order they began to wait.
TEST(Explored, ADeadlockIsFound) {
  for (const WaitPolicy wait : {WaitPolicy::park, WaitPolicy::yield}) {
    const Team team{2, {Pattern::all_to_all}, wait};
    const auto make = [team] {
      auto watched = std::make_shared<Watched>(team);
      const auto rank_body = [watched, team](int own) {
        Rank rank(watched->state.shared, own, team.wait, kFirst, &watched->lines[static_cast<std::size_t>(own)].wait);
        auto& theirs = watched->state.shared.arrivals[static_cast<std::size_t>(1 - own)];
        const auto& word = theirs.line(kFirst).episode;
        const auto is_posted = [&] { return word.load(std::memory_order_seq_cst) == kFirst; };
        Explorer::require(rank.waiter.until(is_posted, theirs.watchers, {&word, kFirst}) == skein::WaitResult::aborted,
                          "a wait ended that nobody could end");
      };
      return Explorer::Trial{team.ranks + 1, [watched, team, rank_body](int fiber) {
                               if (fiber < team.ranks) return rank_body(fiber);
                               auto judge = watched->judge();
                               // Two looks find what one cannot; after that only what ranks do changes anything.
                               while (judge.look({}) != Watched::Judge::Verdict::deadlocked &&
                                      judge.look({}) != Watched::Judge::Verdict::deadlocked) {
                                 ExplorerAtomics::yield();
                               }
                               watched->state.shared.failure.fail({-1, skein::ExitCode::parallel, "deadlock"});
                             }};
    };
    explore(describe(team) + ", each waiting for the other", make, wait == WaitPolicy::park ? 2 : 1);
  }
}

// Defect: memory of a rank that has left is read; two failures at once mix their records.
TEST(Explored, NobodyReadsMemoryOfARankThatHasLeft) {
  for (const int ranks : {2, 3}) {
    const auto make = [ranks] {
      struct Buffers {
        explicit Buffers(int n) : shared(n), is_alive(static_cast<std::size_t>(n), 1) {}
        Shared shared;
        std::vector<int> is_alive;
      };
      auto state = std::make_shared<Buffers>(ranks);
      return Explorer::Trial{ranks, [state, ranks](int own) {
                               skein::Readers<ExplorerAtomics> readers(state->shared.flags, own, state->shared.abort);
                               const int peer = (own + 1) % ranks;
                               const auto touch = [&] {
                                 Explorer::require(state->is_alive[static_cast<std::size_t>(peer)] != 0,
                                                   "it is read after its rank has left");
                                 state->shared.abort.is_set();  // some time passes
                                 Explorer::require(state->is_alive[static_cast<std::size_t>(peer)] != 0,
                                                   "its rank leaves while it is read");
                               };
                               for (int piece = 0; piece < 2; ++piece) {
                                 if (readers.guard(touch) == skein::WaitResult::aborted) break;
                                 if (own == 0) state->shared.failure.fail({own, skein::ExitCode::parallel, "first"});
                                 if (own == 1 && piece == 1)
                                   state->shared.failure.fail({own, skein::ExitCode::io, "second"});
                               }
                               while (!state->shared.failure.is_aborted()) ExplorerAtomics::yield();
                               Explorer::require(readers.wait_until_quiet(std::chrono::hours(1)), "a flag stays up");
                               state->is_alive[static_cast<std::size_t>(own)] = 0;
                               const skein::Failure first = state->shared.failure.first();
                               Explorer::require(first.message == (first.rank == 0 ? "first" : "second"),
                                                 "the records mix");
                             }};
    };
    explore(std::to_string(ranks) + " readers", make, ranks == 2 ? 4 : 2);
  }
}

}  // namespace
