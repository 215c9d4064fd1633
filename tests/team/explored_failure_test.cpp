// SPDX-License-Identifier: Apache-2.0
//
// The ways out of a run that failed, schedule by schedule: killed processes, the meeting of those that are left, reader flags
// and the report.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "skein/team/rendezvous.hpp"
#include "team/explored.hpp"

namespace {

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
using skein_test::State;
using Team = skein_test::SmallTeam;
using Shared = skein_test::Shared<skein_test::ExplorerAtomics>;
using Rank = skein_test::Rank<skein_test::ExplorerAtomics>;

// Defect: what a killed process had begun to record keeps the others waiting, or half of it is read.
TEST(Explored, AFailureOfAKilledProcessIsTakenOver) {
  const Team team{3, {Pattern::all_to_all}, WaitPolicy::park};
  const auto make = [team] {
    struct Killed : State {
      explicit Killed(const Team& of) : State(of) {}
      Explorer::Plain<int> record;
      std::array<int, 3> first{};  // who failed first, as each survivor saw it
    };
    auto state = std::make_shared<Killed>(team);
    return Explorer::Trial{
        team.ranks,
        [state, team](int own) {
          Shared& shared = state->shared;
          skein::FailurePath<ExplorerAtomics> failure(shared.record, shared.abort, shared.bells, own);
          if (own == 0) {
            state->record.write(1);
            failure.fail({own, skein::ExitCode::io, "disk full"});
            return;
          }
          if (own == 1) {
            Explorer::kill(0);
            failure.fail_for(0, {-1, skein::ExitCode::parallel, "killed"});
          } else {
            Rank rank(shared, own, team.wait, kFirst);
            rank.exchange.arrive(kSame, nullptr, 0);
            Explorer::require(rank.exchange.complete(kNothing, kNoContent, nullptr, 0) == Progress::aborted,
                              "an exchange completed without its ranks");
          }
          Explorer::require(failure.is_aborted() && failure.has_begun(), "it ended without a failure");
          const skein::Failure first = failure.first();
          if (first.rank == 0) state->record.read();
          Explorer::require(first.message == (first.rank == 0 ? "disk full" : "killed"), "half a record");
          state->first[static_cast<std::size_t>(own)] = first.rank;
        },
        [state] {
          return std::string(state->first[1] == state->first[2] ? "" : "the survivors do not agree who failed first");
        }};
  };
  explore("a killed process", make, 3);
}

// Defect: processes that meet after a failure do not agree whether all have come, or it is said of one that has not; or one
// that has met others does not see what they did before.
TEST(Explored, ProcessesThatMeetAgree) {
  enum class Way { meets, has_no_patience, passes_by, misses };  // the last speaks for one that never comes
  constexpr std::array kWays = {Way::meets, Way::has_no_patience, Way::passes_by, Way::misses};
  static constexpr auto kPatience = std::chrono::hours(1);
  static constexpr std::size_t kProcesses = 3;
  for (std::size_t number = 0; number < kWays.size() * kWays.size() * kWays.size(); ++number) {
    const std::array ways = {kWays[number / 16], kWays[number / 4 % 4], kWays[number % 4]};
    if (!std::is_sorted(ways.begin(), ways.end())) continue;  // as another one
    struct Meeting {
      skein::Rendezvous<ExplorerAtomics> place;
      std::array<Explorer::Plain<int>, kProcesses> notes;
      std::array<int, kProcesses> outcomes{-1, -1, -1};
    };
    const auto make = [ways] {
      auto meeting = std::make_shared<Meeting>();
      const auto body = [meeting, ways](int own) {
        const auto i = static_cast<std::size_t>(own);
        meeting->notes[i].write(1);
        if (ways[i] == Way::misses) return meeting->place.miss();
        if (ways[i] == Way::passes_by) return meeting->place.pass_by(kProcesses, std::chrono::nanoseconds(0));
        const auto patience = ways[i] == Way::meets ? kPatience : std::chrono::nanoseconds(0);
        meeting->outcomes[i] = meeting->place.meet(kProcesses, patience) ? 1 : 0;
        if (meeting->outcomes[i] == 0) return;
        for (const auto& note : meeting->notes) Explorer::require(note.read() == 1, "it met one that has not come");
      };
      const auto check = [meeting, ways]() -> std::string {
        const auto& outcomes = meeting->outcomes;
        const bool some_met = std::find(outcomes.begin(), outcomes.end(), 1) != outcomes.end();
        const bool some_missed = std::find(outcomes.begin(), outcomes.end(), 0) != outcomes.end();
        if (some_met && some_missed) return "they do not agree";
        const bool all_meet = std::all_of(ways.begin(), ways.end(), [](Way way) { return way == Way::meets; });
        return all_meet && !some_met ? "all have come in time and did not meet" : "";
      };
      return Explorer::Trial{kProcesses, body, check};
    };
    explore("a meeting of three, ways " + std::to_string(number), make, 2);
  }
}

// Defect: memory of a rank that has left is read; of two failures at once, each is the first for somebody, or one is lost.
TEST(Explored, NobodyReadsMemoryOfARankThatHasLeft) {
  for (const int ranks : {2, 3}) {
    const auto make = [ranks] {
      struct Buffers {
        explicit Buffers(int n)
            : shared(n), buffers(static_cast<std::size_t>(n)), first(static_cast<std::size_t>(n), -1) {}
        Shared shared;
        std::vector<Explorer::Plain<int>> buffers;  // 1 when their rank has left
        std::vector<int> first;                     // who failed first, as each saw it
        int failures = 0;
      };
      auto state = std::make_shared<Buffers>(ranks);
      const auto body = [state, ranks](int own) {
        skein::Readers<ExplorerAtomics> readers(state->shared.flags, own, state->shared.abort);
        const auto fail = [&](skein::ExitCode code, const char* message) {
          ++state->failures;
          state->shared.failure.fail({own, code, message});
        };
        const auto touch = [&] {
          const auto& buffer = state->buffers[static_cast<std::size_t>((own + 1) % ranks)];
          Explorer::require(buffer.read() == 0, "it is read after its rank has left");
          state->shared.abort.is_set();  // some time passes
          Explorer::require(buffer.read() == 0, "its rank leaves while it is read");
        };
        for (int piece = 0; piece < 2; ++piece) {
          if (readers.guard(touch) == skein::WaitResult::aborted) break;
          if (own == 0) fail(skein::ExitCode::parallel, "first");
          if (own == 1 && piece == 1) fail(skein::ExitCode::io, "second");
        }
        while (!state->shared.failure.is_aborted()) ExplorerAtomics::yield();
        Explorer::require(readers.wait_until_quiet(std::chrono::hours(1)), "a flag stays up");
        state->buffers[static_cast<std::size_t>(own)].write(1);
        const skein::Failure first = state->shared.failure.first();
        Explorer::require(first.message == (first.rank == 0 ? "first" : "second"), "the records mix");
        state->first[static_cast<std::size_t>(own)] = first.rank;
      };
      const auto check = [state]() -> std::string {
        const auto& seen = state->first;
        if (std::adjacent_find(seen.begin(), seen.end(), std::not_equal_to<>()) != seen.end()) {
          return "they do not agree who failed first";
        }
        return state->shared.failure.further_failures() == state->failures - 1 ? "" : "a failure is not counted";
      };
      return Explorer::Trial{ranks, body, check};
    };
    explore(std::to_string(ranks) + " readers", make, ranks == 2 ? 4 : 2);
  }
}

// Defect: two ranks that are left by exceptions at once are counted as one, or both believe to be the first.
TEST(Explored, EveryExceptionIsCounted) {
  const auto make = [] {
    struct Leavers {
      Shared shared{3};
      int firsts = 0;
    };
    auto state = std::make_shared<Leavers>();
    return Explorer::Trial{3,
                           [state](int own) {
                             if (!state->shared.failure.begin()) return;
                             ++state->firsts;
                             state->shared.failure.complete({own, skein::ExitCode::parallel, "it broke"});
                           },
                           [state]() -> std::string {
                             if (state->firsts != 1) return "there is not one first failure";
                             return state->shared.failure.further_failures() == 2 ? "" : "a failure is not counted";
                           }};
  };
  explore("three left by exceptions", make, 2);
}

// Defect: a failure is reported by several, or by nobody.
TEST(Explored, OneReportsAFailure) {
  const auto make = [] {
    struct Reporters {
      Shared shared{3};
      int reports = 0;
    };
    auto state = std::make_shared<Reporters>();
    return Explorer::Trial{3,
                           [state](int) {
                             if (state->shared.failure.claim_report()) ++state->reports;
                           },
                           [state] { return std::string(state->reports == 1 ? "" : "it is not reported once"); }};
  };
  explore("three who would report", make, 3);
}

}  // namespace
