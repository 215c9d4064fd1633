// SPDX-License-Identifier: Apache-2.0
//
// Teams of some of the ranks: who is in them, what is refused, what a failure in one of them says, and what happens to them
// when they are let go. That their collectives give the right bits is for teams_program.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "skein/skein.hpp"
#include "team/run_team.hpp"

namespace {

using skein::Team;
using skein_test::on_teams;
using skein_test::Outcome;
using skein_test::run;
using skein_test::says;

TEST(Split, OrdersByKeyAndThenByRank) {
  on_teams([](Team& team) {
    const auto reversed = team.split(7, -team.rank());
    EXPECT_EQ(reversed->size(), team.size());
    EXPECT_EQ(reversed->rank(), team.size() - 1 - team.rank());
    EXPECT_EQ(reversed->bcast(team.rank(), 0), team.size() - 1);
    const auto halves = team.split(team.rank() % 2, team.rank() < 2 ? 1 : 0);  // ranks 0 and 1 go last
    const int own = halves->allreduce(1, skein::sum);
    EXPECT_EQ(own, halves->size());
    EXPECT_EQ(halves->rank() == halves->size() - 1, team.rank() < 2);
  });
}

TEST(Split, GivesNoTeamToWhoWantsNone) {
  on_teams([](Team& team) {
    const auto all_but_first = team.split(team.root() ? Team::kNoTeam : 0);
    EXPECT_EQ(all_but_first == nullptr, team.root());
    EXPECT_EQ(all_but_first ? all_but_first->size() : 1, team.root() ? 1 : team.size() - 1);
    EXPECT_EQ(team.split(Team::kNoTeam), nullptr);
    EXPECT_EQ(team.subset({}), nullptr);
  });
}

TEST(Split, ByLevel) {
  on_teams([](Team& team) {
    for (const skein::Level level : {skein::Level::process, skein::Level::host}) {
      const auto all = team.split_by(level);
      EXPECT_EQ(all->size(), team.size());
      EXPECT_EQ(all->rank(), team.rank());
    }
    EXPECT_EQ(team.split_by(skein::Level::lane)->allreduce(1, skein::sum), team.split_by(skein::Level::lane)->size());
    EXPECT_LE(team.split_by(skein::Level::l3)->size(), team.split_by(skein::Level::numa)->size());
  });
}

TEST(Split, TranslatesBetweenTeams) {
  on_teams([](Team& team) {
    const auto others = team.split(team.root() ? 0 : 1, -team.rank());
    const auto again = others->dup();
    for (int rank = 0; rank < others->size(); ++rank) {
      EXPECT_EQ(others->translate(rank, *again), rank);
      EXPECT_EQ(team.translate(*others->translate(rank, team), *again), rank);
    }
    EXPECT_EQ(team.translate(0, *others).has_value(), team.root());
  });
}

// Ranks of two runs have the same numbers.
TEST(Split, TeamsOfTwoRuntimesHaveNoRankInCommon) {
  std::vector<std::unique_ptr<Team>> kept(3);
  EXPECT_EQ(run(3, [&](Team& team) { kept[static_cast<std::size_t>(team.rank())] = team.dup(); }).code, 0);
  on_teams([&](Team& team) {
    const auto own = team.dup();
    EXPECT_EQ(kept[0]->translate(0, *own), std::nullopt);
    EXPECT_EQ(own->translate(team.rank(), *kept[0]), std::nullopt);
  });
  EXPECT_EQ(kept[0]->translate(2, *kept[0]), 2);
}

// Calls with wrong arguments, each beside its correct twin.
struct Wrong {
  const char* says;
  std::function<void(Team&, bool is_wrong)> make;
};

TEST(Split, RefusesWhatCannotBe) {
  const auto subset = [](Team& team, std::vector<int> ranks) { (void)team.subset(ranks); };
  const std::vector<Wrong> calls = {
      {"color -1: must not be negative, or kNoTeam",
       [](Team& team, bool is_wrong) { (void)team.split(is_wrong ? -1 : 0); }},
      {"rank 3: each must be a rank of the team",
       [=](Team& team, bool is_wrong) { subset(team, {is_wrong ? team.size() : 0}); }},
      {"rank -1: each must be a rank of the team",
       [=](Team& team, bool is_wrong) { subset(team, {is_wrong ? -1 : team.size() - 1}); }},
      {"rank 0: no rank may be named twice",
       [=](Team& team, bool is_wrong) {
         subset(team, {0, is_wrong ? 0 : 1});
       }},
      {"translate: rank 3: must be a rank of the team",
       [](Team& team, bool is_wrong) { (void)team.translate(is_wrong ? team.size() : 1, team); }},
      {"translate: rank 7: must be a rank of the team",
       [](Team& team, bool is_wrong) { (void)team.translate(is_wrong ? 7 : 1, team); }},
  };
  for (const auto& [words, make] : calls) {
    const Outcome wrong = run(3, [&make = make](Team& team) { make(team, true); });
    EXPECT_EQ(wrong.code, 5) << words;
    EXPECT_TRUE(says(wrong, words)) << wrong.report;
    const Outcome right = run(3, [&make = make](Team& team) { make(team, false); });
    EXPECT_EQ(right.code, 0) << right.report;
  }
}

// Fails when ranks with other lists get teams that do not fit each other.
TEST(Split, FindsSubsetsThatDiffer) {
  const Outcome outcome = run(3, [](Team& team) {
    const std::vector<int> ranks = {0, team.rank() == 2 ? 2 : 1};
    (void)team.subset(ranks);
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_TRUE(says(outcome, "mismatched collectives")) << outcome.report;
}

TEST(Split, ReportsNameTheTeamAndTheRanksOfTheRun) {
  const Outcome outcome = run(5, [](Team& team) {
    const auto first = team.split(0);
    const auto odd = team.split(team.rank() % 2);
    if (team.rank() % 2 == 0) return (void)odd->barrier();
    odd->rank() == 0 ? odd->barrier() : (void)odd->allreduce(1, skein::sum);
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_TRUE(says(outcome, "mismatched collectives of team 1.1: rank")) << outcome.report;
  EXPECT_TRUE(says(outcome, "barrier #1 of team 1.1 at")) << outcome.report;
  EXPECT_TRUE(says(outcome, "rank 3 is in allreduce #1 (sum, 1 values of 4 bytes) of team 1.1 at")) << outcome.report;
}

TEST(Split, AnErrorSaysWhoTheRankIsInItsTeam) {
  const Outcome outcome = run(5, [](Team& team) {
    const auto last = team.split(team.rank() / 3);
    if (team.rank() == 4) (void)last->bcast(1, 2);
    team.barrier();
  });
  EXPECT_TRUE(says(outcome, "rank 1 of 2 of team 3.1 (rank 4 of the run): bcast(")) << outcome.report;
}

// Goes on for ever when teams that could do without the rank that has failed do not see it: those of one rank, which never wait,
// and those of the ranks of one lane, which never wait for another.
TEST(Split, AFailureAnywhereEndsTheCallsOfAllTeams) {
  for (const int victim : {0, 1, 4}) {
    for (const bool are_alone : {false, true}) {
      const Outcome outcome = run(5, [=](Team& team) {
        const auto own = team.split(are_alone ? team.rank() : team.rank() == victim ? 1 : 0);
        if (team.rank() == victim) throw std::runtime_error("disk full");
        while (true) own->barrier();
      });
      EXPECT_EQ(outcome.code, 5);
      EXPECT_TRUE(says(outcome, "rank " + std::to_string(victim) + " failed: disk full")) << outcome.report;
    }
  }
}

// Two teams whose ranks wait for each other in different orders: nobody will ever go on, and all are told.
TEST(Split, FindsTeamsThatWaitForEachOther) {
  const Outcome outcome = run(3, [](Team& team) {
    const auto one = team.dup();
    const auto other = team.dup();
    (team.root() ? *one : *other).barrier();
    (team.root() ? *other : *one).barrier();
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_TRUE(says(outcome, "deadlock: every rank waits for another")) << outcome.report;
  EXPECT_TRUE(says(outcome, "barrier #1 of team 0.1 at")) << outcome.report;
  EXPECT_TRUE(says(outcome, "barrier #1 of team 0.2 at")) << outcome.report;
}

TEST(Split, NoTeamMayBeUsedInsideACallOfAnother) {
  on_teams([](Team& team) {
    const auto other = team.dup();
    EXPECT_EQ(other->allreduce(1, skein::sum), team.size());
  });
  const Outcome nested = run(2, [](Team& team) {
    const auto other = team.dup();
    team.allreduce(1, [&](int a, int b) { return a + other->allreduce(b, skein::sum); });
  });
  EXPECT_EQ(nested.code, 5);
  EXPECT_TRUE(says(nested, "called inside another collective of the rank")) << nested.report;
}

// Reads memory that is free, when a request does not notice that its team is gone.
TEST(Split, ATeamThatGoesBeforeItsRequestEndsTheRun) {
  const Outcome outcome = run(2, [](Team& team) {
    auto other = team.dup();
    skein::Request request;
    if (team.rank() == 0) {
      request = other->ibarrier();
      other.reset();
    }
    team.barrier();
    request.wait();
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_TRUE(says(outcome, "a team was destroyed before 1 of its requests")) << outcome.report;
  on_teams([](Team& team) {
    auto other = team.dup();
    other->ibarrier().wait();
    other.reset();
    team.barrier();
  });
}

// A team is let go by each rank for itself, so ranks may be anywhere in its last call, or far ahead in other teams.
TEST(Split, TeamsAreLetGoWithoutWaiting) {
  on_teams([](Team& team) {
    for (int round = 0; round < 200; ++round) {
      auto first = team.split(round % 2 == 0 ? 0 : team.rank() % 2);
      first->barrier();
      if (team.rank() % 2 == round % 2) first.reset();
      const auto second = team.dup();
      EXPECT_EQ(second->allreduce(team.rank(), skein::max), team.size() - 1);
    }
  });
}

TEST(Split, TeamsLiveThroughSeveralRuns) {
  skein::Options options;
  options.ranks = 3;
  options.mpi = skein::MpiUse::off;
  skein::Runtime runtime(options);
  std::array<std::unique_ptr<Team>, 3> kept;
  ASSERT_EQ(runtime.run([&](Team& team) { kept[static_cast<std::size_t>(team.rank())] = team.split(0, -team.rank()); }),
            0);
  EXPECT_THROW(kept[0]->barrier(), skein::Error);
  ASSERT_EQ(runtime.run(
                [&](Team& team) { EXPECT_EQ(kept[static_cast<std::size_t>(team.rank())]->bcast(team.rank(), 0), 2); }),
            0);
  kept = {};
}

TEST(Split, SharedArraysBelongToTheirTeam) {
  on_teams([](Team& team) {
    const auto half = team.split(team.rank() % 2);
    auto shared = half->shared<int>(100);
    for (int& value : shared.block()) value = half->rank() + 1;
    half->barrier();
    for (int rank = 0; rank < half->size(); ++rank) {
      EXPECT_EQ(shared[skein::block_range(100, half->size(), rank).begin], rank + 1);
    }
    half->barrier();
  });
}

TEST(Split, PerProcessNeedsARankThatMayCallMpi) {
  const auto main_thread = std::this_thread::get_id();
  std::atomic<bool> is_refusable{false};
  const Outcome outcome = run(2, [&](Team& team) {
    const auto alone = team.split(team.rank());
    const bool is_on_main_lane = std::this_thread::get_id() == main_thread;
    if (!is_on_main_lane) is_refusable = true;
    int calls = 0;
    if (is_on_main_lane) alone->per_process([&] { ++calls; });
    EXPECT_EQ(calls, is_on_main_lane ? 1 : 0);
    if (!is_on_main_lane) alone->per_process([] { ADD_FAILURE() << "called on a lane that may not call MPI"; });
  });
  EXPECT_EQ(outcome.code, is_refusable ? 5 : 0) << outcome.report;
  EXPECT_EQ(says(outcome, "no rank of the team on its main lane"), is_refusable) << outcome.report;
}

// Ends a team on a thread whose rank it is not, where its lane's side may be in use.
TEST(Split, ATeamIsLetGoByItsRankOnly) {
  std::array<std::unique_ptr<Team>, 2> kept;
  const Outcome outcome = run(2, [&](Team& team) {
    std::unique_ptr<Team>& own = kept[static_cast<std::size_t>(team.rank())];
    const std::shared_ptr<void> at_the_end(nullptr, [&](void*) { own.reset(); });  // which an exception brings about
    own = team.dup();
    team.barrier();
    if (team.root()) kept[1].reset();
    team.barrier();
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_TRUE(says(outcome, "a team of team 0.1 of rank 1 was destroyed by another rank or thread")) << outcome.report;
}

// Reads memory that is free, when only pending requests count.
TEST(Split, ARequestThatIsCompleteNeedsItsTeamToo) {
  const Outcome outcome = run(2, [](Team& team) {
    auto alone = team.split(team.rank());
    skein::Request request = alone->ibarrier();
    alone.reset();
    request.wait();
  });
  EXPECT_EQ(outcome.code, 5);
  EXPECT_TRUE(says(outcome, "a team was destroyed before 1 of its requests")) << outcome.report;
}

TEST(Split, AHostHasRoomForSoManyTeams) {
  const Outcome outcome = run(2, [](Team& team) {
    std::vector<std::unique_ptr<Team>> teams;
    while (true) teams.push_back(team.dup());
  });
  EXPECT_EQ(outcome.code, 6) << outcome.report;
  EXPECT_TRUE(says(outcome, "team: 1024 shared arrays and teams are alive already, which is the limit of a host") ||
              says(outcome, "does not fit"))
      << outcome.report;
}

}  // namespace
