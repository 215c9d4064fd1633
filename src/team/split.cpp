// SPDX-License-Identifier: Apache-2.0
//
// Teams of some of the ranks of a team. Two exchanges: all tell what they wish; then, in each new team, its lowest rank of a
// host tells where it has allocated the board there, and its rank 0 which channel it speaks through between hosts.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "skein/team/team.hpp"

namespace skein {
namespace {

struct Wish {
  std::int64_t color = 0;
  std::int32_t key = 0;
  std::uint32_t teams_led = 0;
};

/// What one rank does for the others of its new team.
struct Made {
  std::int32_t block = -1;
  std::uint32_t channel = 0;
};

}  // namespace

std::unique_ptr<Team> Team::split(int color, int key, Where where) {
  const Call call{.operation = Operation::split, .where = where};
  enter(call);
  return guarded([&] {
    if (color < 0 && color != kNoTeam) reject(call, fmt::format("color {}: must not be negative, or kNoTeam", color));
    return divide(call, color == kNoTeam ? kNoColor : color, key);
  });
}

std::unique_ptr<Team> Team::split_by(Level level, Where where) {
  const Call call{.operation = Operation::split_by, .count = static_cast<std::size_t>(level), .where = where};
  enter(call);
  return guarded([&] {
    const RankMap& run = context_->host().map();
    const int lane = run.lane_of(context_->rank());
    const Seat seat = context_->host().boards().seats[static_cast<std::size_t>(lane)];
    const auto of_host = [&](std::int64_t number) { return std::int64_t{run.own_host()} << 32U | number; };
    const auto color = [&]() -> std::int64_t {
      switch (level) {
        case Level::lane:
          return of_host(lane);
        case Level::process:
          return context_->host().process();
        case Level::l3:
          return of_host(std::int64_t{seat.numa} << 16U | seat.l3);
        case Level::numa:
          return of_host(seat.numa);
        case Level::host:
          return of_host(0);
      }
      reject(call, "no such level");
    };
    return divide(call, color(), 0);
  });
}

std::unique_ptr<Team> Team::dup(Where where) {
  const Call call{.operation = Operation::dup, .where = where};
  enter(call);
  return guarded([&] { return divide(call, 0, 0); });
}

std::unique_ptr<Team> Team::subset(std::span<const int> ranks, Where where) {
  Hash hash;
  for (const int rank : ranks) hash.mix(static_cast<std::uint64_t>(rank));
  const Call call{.operation = Operation::subset, .count = ranks.size(), .where = where, .parts = hash.value()};
  enter(call);
  return guarded([&] {
    std::vector<bool> is_named(static_cast<std::size_t>(size_));
    for (const int rank : ranks) {
      if (rank < 0 || rank >= size_) reject(call, fmt::format("rank {}: each must be a rank of the team", rank));
      if (is_named[static_cast<std::size_t>(rank)])
        reject(call, fmt::format("rank {}: no rank may be named twice", rank));
      is_named[static_cast<std::size_t>(rank)] = true;
    }
    const auto own = std::ranges::find(ranks, rank_);
    return divide(call, own == ranks.end() ? kNoColor : 0, static_cast<int>(own - ranks.begin()));
  });
}

std::optional<int> Team::translate(int rank, const Team& other) const {
  if (rank < 0 || rank >= size_) {
    throw Error(ExitCode::parallel, fmt::format("{}: translate: rank {}: must be a rank of the team", who(), rank));
  }
  if (&context_->host() != &other.context_->host()) return std::nullopt;
  const int there = other.map().rank_of_run(map().run_rank(rank));
  return there < 0 ? std::nullopt : std::optional(there);
}

std::unique_ptr<Team> Team::divide(const Call& call, std::int64_t color, int key) {
  const Wish own{color, key, context_->teams_led()};
  exchange(signature(call), &own, sizeof(own), content_of_all(sizeof(own)), kNothing, nullptr, 0);
  struct Mate {
    int key;
    int rank;
    std::uint32_t teams_led;
    auto order() const { return std::pair(key, rank); }
  };
  std::vector<Mate> mates;
  for (int rank = 0; rank < size_ && color != kNoColor; ++rank) {
    const auto wish = posted_value(rank, Wish{});
    if (wish.color == color) mates.push_back({wish.key, rank, wish.teams_led});
  }
  std::ranges::sort(mates, {}, &Mate::order);
  const auto own_mate = std::ranges::find(mates, rank_, &Mate::rank);
  const auto first_here = std::ranges::find_if(mates, [&](const Mate& mate) { return map().is_here(mate.rank); });
  const bool spans_hosts = std::ranges::any_of(mates, [&](const Mate& mate) { return !map().is_here(mate.rank); });

  Host& host = context_->host();
  const auto map_of_team = [&] {
    std::vector<int> run_ranks;
    for (const Mate& mate : mates) run_ranks.push_back(map().run_rank(mate.rank));
    return RankMap(host.map(), std::move(run_ranks));
  };
  Made made;
  if (color != kNoColor && own_mate == mates.begin()) {
    context_->lead_team();
    if (spans_hosts) made.channel = host.next_channel();
  }
  if (color != kNoColor && own_mate == first_here) {
    const Board board(map_of_team(), host.boards());
    const int handles = board.map().seats() + (board.has_relay() ? 1 : 0);  // one is the leader's
    made.block = host.heap().allocate("team", board.bytes(), handles);
  }
  exchange(signature(Call{.operation = Operation::piece}), &made, sizeof(made), content_of_all(sizeof(made)), kNothing,
           nullptr, 0);
  if (color == kNoColor) return nullptr;
  const TeamSide::Place place{posted_value(first_here->rank, Made{}).block,
                              posted_value(mates.front().rank, Made{}).channel};
  std::shared_ptr<TeamSide> side = context_->lane().side_of(
      place.block, [&] { return std::make_shared<TeamSide>(host, context_->lane(), map_of_team(), place); });
  const Mate& first = mates.front();
  return std::unique_ptr<Team>(new Team(*context_, HeapHandle(context_->share(), place.block), std::move(side),
                                        static_cast<int>(own_mate - mates.begin()),
                                        team_name(map().run_rank(first.rank), first.teams_led + 1), Strand::calls));
}

}  // namespace skein
