// SPDX-License-Identifier: Apache-2.0
//
// The exchange with its parking, the failure path, the meeting after it, the reader flags and the roll-call with its judge,
// schedule by schedule: the production code on the policy of explorer.hpp. Prints what was explored as rows of explored.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "skein/team/rendezvous.hpp"
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

/// "2_ranks_all_to_all_park"
std::string name_of(const Team& team) {
  std::string pattern(pattern_name(team.pattern.pattern));
  std::replace(pattern.begin(), pattern.end(), '-', '_');
  return std::to_string(team.ranks) + "_ranks_" + pattern + (team.wait == WaitPolicy::park ? "_park" : "_yield");
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
class ExploredSmallTeam : public ExploredTeam {};
class ExploredPair : public ExploredTeam {};
INSTANTIATE_TEST_SUITE_P(Explored, ExploredTeam, testing::ValuesIn(teams()), kNameOf);
INSTANTIATE_TEST_SUITE_P(Explored, ExploredSmallTeam, testing::ValuesIn(teams_up_to(3)), kNameOf);
INSTANTIATE_TEST_SUITE_P(Explored, ExploredPair, testing::ValuesIn(teams_up_to(2)), kNameOf);

/// What the fibers of one schedule share.
struct State {
  explicit State(const Team& team)
      : shared(team.ranks, team.pattern),
        rounds(static_cast<std::size_t>(team.ranks)),
        notes(static_cast<std::size_t>(team.ranks)) {}

  Shared shared;
  std::vector<std::uint64_t> rounds;  ///< how far each rank has come

  /// What a rank writes before it arrives, in a ring as long as that of its lines, and all read when the episode is
  /// complete: plain variables, as what an exchange orders is the programs' memory and the lines' payload.
  using Note = Explorer::Plain<Episode>;
  std::vector<std::array<Note, skein::kRingLines>> notes;

  void write_note(int rank, Episode episode) {
    notes[static_cast<std::size_t>(rank)][episode % skein::kRingLines].write(episode);
  }
  void require_notes(Episode episode) const {
    for (const auto& ring : notes) {
      Explorer::require(ring[episode % skein::kRingLines].read() == episode, "an exchange completed early");
    }
  }
};

/// Explores all schedules with so many preemptions, all with a stale read and one preemption less, or as many as given, and
/// some drawn at random and by PCT with several stale reads; and says how many those were.
void explore(const std::string& what, const Explorer::MakeTrial& make, int preemptions,
             std::optional<int> preemptions_when_stale = {}) {
  SCOPED_TRACE(what);
  constexpr std::uint64_t kMost = 5'000'000;
  constexpr std::uint64_t kDrawn = 5'000;
  constexpr int kStaleReads = 3;
  const auto complete = [&](int most_preemptions, int stale_reads) {
    Explorer::Result all = Explorer::all(make, most_preemptions, kMost, stale_reads);
    EXPECT_TRUE(all.is_good()) << all.failure;
    EXPECT_TRUE(all.is_complete || !all.is_good()) << "more schedules than expected";
    return all;
  };
  const Explorer::Result all = complete(preemptions, 0);
  const Explorer::Result stale = complete(preemptions_when_stale.value_or(preemptions - 1), 1);
  const Explorer::Result random = Explorer::random(make, kSeed, kDrawn, kStaleReads);
  EXPECT_TRUE(random.is_good()) << random.failure;
  const Explorer::Result pct = Explorer::pct(make, kSeed, kDrawn, 3, kStaleReads);
  EXPECT_TRUE(pct.is_good()) << pct.failure;
  std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
  name.resize(std::min(name.size(), name.find('/')));
  std::cout << "| " << name << " | " << what << " | " << preemptions << " | " << all.schedules << " | "
            << stale.schedules << " | " << random.schedules + pct.schedules << " | "
            << all.points + stale.points + random.points + pct.points << " |\n";
}

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
              std::memcpy(&posted, rank.exchange.payload(peer, episode), sizeof(posted));
              Explorer::require(posted == round * 100 + static_cast<std::uint64_t>(peer), "a wrong payload");
            }
          }
        }};
  };
  explore(name_of(team), make, preemptions());
}

// Defect: split-phase barriers that complete early, out of order, or never.
TEST_P(ExploredSmallTeam, OutstandingBarriers) {
  const Team& team = GetParam();
  const auto make = [&team] {
    auto state = std::make_shared<State>(team);
    return Explorer::Trial{team.ranks, [state, team](int own) {
                             Rank rank(state->shared, own, team.wait, kFirst);
                             const auto arrive = [&] {
                               state->write_note(own, rank.exchange.arrived() + 1);
                               rank.exchange.arrive(kSame, nullptr, 0);
                             };
                             arrive();
                             arrive();
                             if (rank.exchange.test(kFirst) == Progress::complete) state->require_notes(kFirst);
                             arrive();  // a blocking one behind them
                             Explorer::require(
                                 rank.exchange.complete(kNothing, kNoContent, nullptr, 0) == Progress::complete,
                                 "an exchange did not complete");
                             Explorer::require(rank.exchange.outstanding() == 0, "a barrier is left");
                             for (Episode episode = kFirst; episode < kFirst + 3; ++episode)
                               state->require_notes(episode);
                           }};
  };
  explore(name_of(team), make, 2);
}

// Defect: a line is written anew while a rank that is as far behind as it may be still has to read it.
TEST_P(ExploredPair, TheRingIsLongEnough) {
  const Team& team = GetParam();
  const auto make = [&team] {
    auto state = std::make_shared<State>(team);
    return Explorer::Trial{team.ranks, [state, team](int own) {
                             Rank rank(state->shared, own, team.wait, kFirst);
                             for (int round = 0; round < 2; ++round) {
                               for (int i = 0; i < skein::kMaxOutstanding; ++i) {
                                 const Episode episode = rank.exchange.arrived() + 1;
                                 state->write_note(own, episode);
                                 rank.exchange.arrive(kSame, &episode, sizeof(episode));
                               }
                               for (int i = 0; i < skein::kMaxOutstanding; ++i) {
                                 const Episode episode = rank.exchange.retired() + 1;
                                 Explorer::require(rank.exchange.wait(episode) == Progress::complete,
                                                   "an exchange did not complete");
                                 state->require_notes(episode);
                                 Episode posted = 0;
                                 std::memcpy(&posted, rank.exchange.payload(1 - own, episode), sizeof(posted));
                                 Explorer::require(posted == episode, "a wrong payload");
                               }
                             }
                           }};
  };
  explore(name_of(team), make, 2);
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

// Defect: a line of the roll-call is read as a mixture of two calls.
TEST(Explored, ACallIsReadWhole) {
  // Two calls that differ in one thing, which nothing that is read after it gives away; and two that differ in all.
  enum class Part { episode, root, operator_name, element_bytes, elements, all };
  static constexpr std::array kParts = {std::pair{Part::episode, "episode"},
                                        std::pair{Part::root, "root"},
                                        std::pair{Part::operator_name, "operator"},
                                        std::pair{Part::element_bytes, "bytes of an element"},
                                        std::pair{Part::elements, "number of elements"},
                                        std::pair{Part::all, "all"}};
  for (const auto& [part, part_name] : kParts) {
    static constexpr std::array<std::string_view, 3> kNames = {"", "sum", "max"};
    const auto value_of = [part = part](Part which, std::size_t call) {
      return part == which || part == Part::all ? call : std::size_t{1};
    };
    const auto call_of = [value_of](std::size_t i) {
      return skein::Call{.operation = skein::Operation::reduce,
                         .root = static_cast<int>(value_of(Part::root, i)),
                         .operator_name = kNames[value_of(Part::operator_name, i)],
                         .element_bytes = value_of(Part::element_bytes, i),
                         .count = value_of(Part::elements, i)};
    };
    const auto make = [value_of, call_of] {
      struct Caller {
        skein::RollCallLine<ExplorerAtomics> line;
        skein::RollCall<ExplorerAtomics> calls{line};
      };
      auto caller = std::make_shared<Caller>();
      caller->calls.enter(call_of(1), value_of(Part::episode, 1));
      return Explorer::Trial{2, [caller, value_of, call_of](int own) {
                               if (own == 0) return caller->calls.enter(call_of(2), value_of(Part::episode, 2));
                               const auto entry = try_to_read_entry(caller->line);
                               if (!entry) return;
                               const std::size_t i = entry->count / 2;
                               const skein::Call call = call_of(i);
                               Explorer::require(
                                   entry->episode == value_of(Part::episode, i) && entry->root == call.root &&
                                       entry->operator_name.view() == call.operator_name &&
                                       entry->element_bytes == call.element_bytes && entry->elements == call.count,
                                   "a mixture of two calls");
                             }};
    };
    explore(std::string("calls that differ in: ") + part_name, make, 2, 3);
  }
}

// Defect: what a wait is for is read as a mixture of two waits, and one that is over is taken for one that goes on.
TEST(Explored, ANoticeIsReadWhole) {
  struct Waits {
    skein::WaitNotice<ExplorerAtomics> notice;
    ExplorerAtomics::Atomic<std::uint64_t> there{1};    // the first wait is for this, and it has come
    ExplorerAtomics::Atomic<std::uint64_t> lacking{0};  // the second is for 2 in this one
  };
  const auto make = [] {
    auto waits = std::make_shared<Waits>();
    return Explorer::Trial{2, [waits](int own) {
                             skein::WaitNotice<ExplorerAtomics>& notice = waits->notice;
                             if (own == 0) {
                               notice.begin(1, {&waits->there, 1});
                               notice.end();
                               notice.begin(2, {&waits->lacking, 2});
                               return;
                             }
                             const std::int64_t before = notice.since_ns();
                             const bool is_short = notice.is_short();
                             if (before == 0 || notice.since_ns() != before) return;
                             Explorer::require(is_short == (before == 2), "a mixture of two waits");
                           }};
  };
  explore("a notice read", make, 3);
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
    explore(name_of(team) + ", watched", make, wait == WaitPolicy::park ? 2 : 1);
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
    explore(name_of(team) + ", each waiting for the other", make, wait == WaitPolicy::park ? 2 : 1);
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
