// SPDX-License-Identifier: Apache-2.0
//
// Lanes that carry several ranks, schedule by schedule: the turns of their ranks, the crew of each lane, and the exchange
// between lanes. A lane is one thread to the explorer; its ranks change at the places where they do in production.
#include <gtest/gtest.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "skein/team/crew.hpp"
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
using Rank = skein_test::Rank<ExplorerAtomics>;
using Shared = skein_test::Shared<ExplorerAtomics>;
using Turns = skein::Turns<ExplorerAtomics>;

/// A team by lanes: so many ranks on each.
struct Lanes {
  std::vector<int> ranks_of_lane;
  skein::PatternChoice pattern;
  WaitPolicy wait;

  std::vector<LaneRanks> carried() const {
    std::vector<LaneRanks> all;
    int first = 0;
    for (const int ranks : ranks_of_lane) {
      all.emplace_back(first, ranks);
      first += ranks;
    }
    return all;
  }
};

std::string name_of(const Lanes& lanes) {
  std::string name;
  for (const int ranks : lanes.ranks_of_lane) name += std::to_string(ranks) + "_";
  std::string pattern(pattern_name(lanes.pattern.pattern));
  std::replace(pattern.begin(), pattern.end(), '-', '_');
  return name + "ranks_" + pattern + (lanes.wait == WaitPolicy::park ? "_park" : "_yield");
}

/// The ranks of one lane, on stacks of their own; Fibers would find them by its thread, which all lanes share here.
class Lane {
 public:
  Lane(Shared& shared, const Lanes& team, int number)
      : carried_(team.carried()[static_cast<std::size_t>(number)]),
        turns_(carried_.count(),
               skein::Waiter<ExplorerAtomics>(shared.abort, shared.bells, number,
                                              wait_budget(team.wait, skein::Crowding::oversubscribed)),
               {.to = [](void* lane, int rank) { static_cast<Lane*>(lane)->change_to(rank); }, .context = this},
               {.notices = {}, .seed = {}, .on_deadlock = {}}),
        crew_(turns_, carried_.count()),
        contexts_(static_cast<std::size_t>(carried_.count())),
        stacks_(static_cast<std::size_t>(carried_.count()), std::vector<char>(kStackBytes)) {
    for (int i = 0; i < carried_.count(); ++i) {
      const int rank = carried_.first() + i;
      if (carried_.count() > 1) {
        ranks_.push_back(std::make_unique<Rank>(shared, rank, number, turns_, crew_, kFirst));
      } else {
        ranks_.push_back(std::make_unique<Rank>(shared, rank, team.wait, kFirst, nullptr, number));
      }
    }
  }

  void run(const std::function<void(int rank, skein::Exchange<ExplorerAtomics>&)>& body) {
    if (carried_.count() == 1) return body(carried_.first(), ranks_.front()->exchange);
    body_ = &body;
    for (std::size_t i = 0; i < contexts_.size(); ++i) {
      getcontext(&contexts_[i]);
      contexts_[i].uc_stack = {.ss_sp = stacks_[i].data(), .ss_flags = 0, .ss_size = kStackBytes};
      contexts_[i].uc_link = nullptr;
      const auto self = reinterpret_cast<std::uintptr_t>(this);
      makecontext(&contexts_[i], reinterpret_cast<void (*)()>(&Lane::begin), 2, static_cast<unsigned>(self),
                  static_cast<unsigned>(self >> 32U));
    }
    turns_.begin();
    current_ = turns_.next();
    swapcontext(&own_, &contexts_[static_cast<std::size_t>(current_)]);
    if (thrown_ != nullptr) std::rethrow_exception(std::exchange(thrown_, nullptr));
  }

  Turns& turns() { return turns_; }

 private:
  static constexpr std::size_t kStackBytes = std::size_t{64} << 10U;

  static void begin(unsigned low, unsigned high) {
    Lane& lane = *reinterpret_cast<Lane*>(std::uintptr_t{low} | std::uintptr_t{high} << 32U);
    const int rank = lane.current_;
    try {
      (*lane.body_)(lane.carried_.first() + rank, lane.ranks_[static_cast<std::size_t>(rank)]->exchange);
      lane.current_ = lane.turns_.next();
    } catch (...) {  // the schedule has failed, and is given up
      lane.thrown_ = std::current_exception();
      lane.current_ = -1;
    }
    setcontext(lane.current_ < 0 ? &lane.own_ : &lane.contexts_[static_cast<std::size_t>(lane.current_)]);
  }

  void change_to(int rank) {
    ucontext_t& from = contexts_[static_cast<std::size_t>(std::exchange(current_, rank))];
    swapcontext(&from, &contexts_[static_cast<std::size_t>(rank)]);
  }

  LaneRanks carried_;
  Turns turns_;
  skein::Crew<ExplorerAtomics> crew_;
  std::vector<std::unique_ptr<Rank>> ranks_;
  std::vector<ucontext_t> contexts_;
  std::vector<std::vector<char>> stacks_;
  ucontext_t own_{};
  int current_ = -1;
  std::exception_ptr thrown_;
  const std::function<void(int, skein::Exchange<ExplorerAtomics>&)>* body_ = nullptr;
};

/// What the lanes of one schedule share.
struct State {
  explicit State(const Lanes& team)
      : shared(team.carried(), team.pattern), notes(shared.size), completed(shared.size) {}

  void write_note(int rank, Episode episode) { notes[index(rank)][episode % skein::kRingLines].write(episode); }
  void require_notes(Episode episode) const {
    for (const auto& ring : notes) {
      Explorer::require(ring[episode % skein::kRingLines].read() == episode, "an exchange completed early");
    }
  }
  static std::size_t index(int rank) { return static_cast<std::size_t>(rank); }

  Shared shared;
  std::vector<std::array<Explorer::Plain<Episode>, skein::kRingLines>> notes;
  std::vector<int> completed;
};

class ExploredLanes : public testing::TestWithParam<Lanes> {
 protected:
  Explorer::Trial trial(const std::function<void(State&, Lane&, int, skein::Exchange<ExplorerAtomics>&)>& body,
                        const std::function<std::string(const State&)>& check = {}) const {
    const Lanes team = GetParam();
    auto state = std::make_shared<State>(team);
    return {
        static_cast<int>(team.ranks_of_lane.size()),
        [state, team, body](int own) {
          Lane lane(state->shared, team, own);
          lane.run([&](int rank, skein::Exchange<ExplorerAtomics>& exchange) { body(*state, lane, rank, exchange); });
        },
        [state, check] { return check ? check(*state) : std::string(); }};
  }
  int preemptions() const { return GetParam().ranks_of_lane.size() == 2 ? 2 : 1; }

  static constexpr std::uint64_t kDrawn = 1'000;
};

const auto kNameOf = [](const auto& tested) { return name_of(tested.param); };
class ExploredTwoLanes : public ExploredLanes {};
INSTANTIATE_TEST_SUITE_P(Explored, ExploredLanes,
                         testing::Values(Lanes{{2, 2}, {Pattern::all_to_all}, WaitPolicy::park},
                                         Lanes{{1, 2}, {Pattern::all_to_all}, WaitPolicy::yield},
                                         Lanes{{2, 2}, {Pattern::gather_release}, WaitPolicy::park},
                                         Lanes{{1, 3}, {Pattern::gather_release}, WaitPolicy::park},
                                         Lanes{{2, 1, 2}, {Pattern::gather_release}, WaitPolicy::park}),
                         kNameOf);
INSTANTIATE_TEST_SUITE_P(Explored, ExploredTwoLanes,
                         testing::Values(Lanes{{2, 2}, {Pattern::all_to_all}, WaitPolicy::park},
                                         Lanes{{1, 2}, {Pattern::gather_release}, WaitPolicy::park}),
                         kNameOf);

void add(const skein::Content&, const std::byte* left, const std::byte* right, std::byte* out) {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::memcpy(&a, left, sizeof(a));
  std::memcpy(&b, right, sizeof(b));
  a = a * 3 + b;  // so that the order shows
  std::memcpy(out, &a, sizeof(a));
}

// Defect: a rank leaves before all have arrived, gets another result than its lane's, or is not woken; contributions are
// overwritten while another lane reads them.
TEST_P(ExploredLanes, FoldsAndPayloads) {
  const int ranks = static_cast<int>(Shared(GetParam().carried()).size);
  const auto value = [](int round, int rank) { return static_cast<std::uint64_t>(round * 100 + rank); };
  const auto make = [&] {
    return trial([ranks, value](State& state, Lane&, int own, skein::Exchange<ExplorerAtomics>& exchange) {
      std::vector<std::uint64_t> results;
      for (int round = 1; round <= 2; ++round) {
        const std::uint64_t mine = value(round, own);
        state.write_note(own, exchange.arrived() + 1);
        const Episode episode = exchange.arrive(kSame, &mine, sizeof(mine));
        const auto fold = [] {
          return skein::Content{.need = skein::Content::Need::fold, .bytes = sizeof(std::uint64_t), .merge = &add};
        };
        const auto fold_lines = [&](void* out) {
          // The shape of fold.hpp, by contributions.
          std::vector<std::byte> memory(static_cast<std::size_t>(ranks) * skein::Contributions::kInlineStride);
          skein::Contributions all(memory);
          all.reset(sizeof(mine));
          for (int peer = 0; peer < ranks; ++peer) all.add({peer, 1}, exchange.payload(peer, episode, sizeof(mine)));
          all.fold_blocks(fold());
          all.fold_all(fold(), static_cast<std::byte*>(out));
        };
        std::uint64_t result = 0;
        Explorer::require(exchange.complete(fold_lines, fold, &result, sizeof(result)) == Progress::complete,
                          "an exchange did not complete");
        state.require_notes(episode);
        std::vector<std::byte> memory(static_cast<std::size_t>(ranks) * skein::Contributions::kInlineStride);
        skein::Contributions expected(memory);
        expected.reset(sizeof(mine));
        for (int peer = 0; peer < ranks; ++peer) {
          const std::uint64_t theirs = value(round, peer);
          expected.add({peer, 1}, reinterpret_cast<const std::byte*>(&theirs));
          std::uint64_t posted = 0;
          std::memcpy(&posted, exchange.payload(peer, episode, sizeof(mine)), sizeof(posted));
          Explorer::require(posted == theirs, "a wrong payload");
        }
        expected.fold_blocks(fold());
        std::uint64_t wanted = 0;
        expected.fold_all(fold(), reinterpret_cast<std::byte*>(&wanted));
        Explorer::require(result == wanted, "a wrong result");
      }
    });
  };
  explore(name_of(GetParam()), make, preemptions(), 1, kDrawn);
}

// Defect: a failure that leaves a rank waiting, on its own lane or another, or asleep in a queue of its lane.
TEST_P(ExploredTwoLanes, AFailureEndsEveryWait) {
  const int ranks = static_cast<int>(Shared(GetParam().carried()).size);
  for (int victim = 0; victim < ranks; ++victim) {
    const auto make = [&] {
      return trial(
          [victim](State& state, Lane&, int own, skein::Exchange<ExplorerAtomics>& exchange) {
            for (int round = 1; round <= 2; ++round) {
              if (own == victim && round == 2) {
                state.shared.failure.fail({own, skein::ExitCode::io, "disk full"});
                return;
              }
              exchange.arrive(kSame, nullptr, 0);
              if (exchange.complete(kNothing, kNoContent, nullptr, 0) != Progress::complete) break;
              state.completed[State::index(own)] = round;
            }
            Explorer::require(state.shared.failure.is_aborted(), "it ended without a failure");
          },
          [](const State& state) {
            const bool is_early =
                std::any_of(state.completed.begin(), state.completed.end(), [](int r) { return r > 1; });
            return std::string(is_early ? "an episode completed without the rank that failed" : "");
          });
    };
    explore(name_of(GetParam()) + ", rank " + std::to_string(victim) + " fails", make, preemptions(), 1, kDrawn);
  }
}

// Defect: a rank that calls something else than the others, on its lane or another, leaves them waiting or gets a result.
TEST_P(ExploredTwoLanes, AMismatchIsFound) {
  const int ranks = static_cast<int>(Shared(GetParam().carried()).size);
  for (int odd = 0; odd < ranks; ++odd) {
    const auto make = [&] {
      return trial(
          [odd](State& state, Lane&, int own, skein::Exchange<ExplorerAtomics>& exchange) {
            exchange.arrive(own == odd ? kSame + 1 : kSame, nullptr, 0);
            const Progress progress = exchange.complete(kNothing, kNoContent, nullptr, 0);
            if (progress == Progress::mismatched)
              state.shared.failure.fail({own, skein::ExitCode::parallel, "mismatch"});
            if (progress == Progress::complete) state.completed[State::index(own)] = 1;
          },
          [](const State& state) {
            if (!state.shared.abort.is_set()) return std::string("nobody found the mismatch");
            return std::string();
          });
    };
    explore(name_of(GetParam()) + ", rank " + std::to_string(odd) + " differs", make, 1, 1, kDrawn);
  }
}

}  // namespace
