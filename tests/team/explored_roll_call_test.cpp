// SPDX-License-Identifier: Apache-2.0
//
// The roll-call and its judge, schedule by schedule: what is read of ranks that go on.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skein/team/stall.hpp"
#include "team/explored.hpp"

namespace {

using skein::Pattern;
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

// Defect: a line of the roll-call is read as a mixture of two calls.
TEST(Explored, ACallIsReadWhole) {
  // Two calls that differ in one thing, which nothing that is read after it gives away; and two that differ in all.
  enum class Part { team, episode, root, operator_name, element_bytes, elements, all };
  static constexpr std::array kParts = {std::pair{Part::team, "team"},
                                        std::pair{Part::episode, "episode"},
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
      caller->calls.enter(call_of(1), {value_of(Part::team, 1), value_of(Part::episode, 1)});
      return Explorer::Trial{
          2, [caller, value_of, call_of](int own) {
            if (own == 0) {
              return caller->calls.enter(call_of(2), {value_of(Part::team, 2), value_of(Part::episode, 2)});
            }
            const auto entry = try_to_read_entry(caller->line);
            if (!entry) return;
            const std::size_t i = entry->count / 2;
            const skein::Call call = call_of(i);
            Explorer::require(entry->team == value_of(Part::team, i) && entry->episode == value_of(Part::episode, i) &&
                                  entry->root == call.root && entry->operator_name.view() == call.operator_name &&
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
  using Words = skein::WaitNotice<ExplorerAtomics>::Words;
  const auto words_of = [](const Waits& waits, int wait, bool differ_in_last_value) -> Words {
    if (!differ_in_last_value) return {{{wait == 1 ? &waits.there : &waits.lacking, static_cast<std::uint64_t>(wait)}}};
    return {{{&waits.lacking, 3}, {&waits.lacking, 4}, {&waits.there, static_cast<std::uint64_t>(wait)}}};
  };
  for (const bool differ_in_last_value : {false, true}) {
    const auto make = [words_of, differ_in_last_value] {
      auto waits = std::make_shared<Waits>();
      return Explorer::Trial{2, [waits, words_of, differ_in_last_value](int own) {
                               skein::WaitNotice<ExplorerAtomics>& notice = waits->notice;
                               if (own == 0) {
                                 notice.begin_for_any(1, words_of(*waits, 1, differ_in_last_value));
                                 notice.end();
                                 notice.begin_for_any(2, words_of(*waits, 2, differ_in_last_value));
                                 return;
                               }
                               const std::int64_t before = notice.since_ns();
                               const bool is_short = notice.is_short();
                               if (before == 0 || notice.since_ns() != before) return;
                               Explorer::require(is_short == (before == 2), "a mixture of two waits");
                             }};
    };
    explore(differ_in_last_value ? "a notice read, of three words" : "a notice read", make, 3);
  }
}

/// Ranks that take part in the roll-call, and one more fiber that judges them.
struct Watched {
  explicit Watched(const Team& team) : state(team), lines(static_cast<std::size_t>(team.ranks)) {}

  using Judge = skein::StallJudge<ExplorerAtomics>;
  Judge judge() {
    skein::LaneArrivals<ExplorerAtomics> arrivals;
    for (const auto& channel : state.shared.arrivals) arrivals.push_back(&channel);
    return {lines, arrivals, true, std::chrono::hours(1)};
  }

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

}  // namespace
