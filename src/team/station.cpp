// SPDX-License-Identifier: Apache-2.0
#include "skein/team/station.hpp"

#include <algorithm>
#include <bit>

namespace skein {
namespace {

constexpr int lines_for(int pollers) { return (pollers + kPollersPerLine - 1) / kPollersPerLine; }

/// The block that ascending ranks form; ranks = 0 if they form none.
Contributions::Block block_of(const std::vector<int>& ranks) {
  const auto count = static_cast<unsigned>(ranks.size());
  const int begin = ranks.front();
  const bool is_block = std::has_single_bit(count) && begin % static_cast<int>(count) == 0 &&
                        ranks.back() - begin + 1 == static_cast<int>(count);
  return {begin, is_block ? static_cast<int>(count) : 0};
}

}  // namespace

Stations::Stations(const Formation& formation, const std::vector<int>& ranks_of_seats) {
  const int seats = static_cast<int>(ranks_of_seats.size());
  std::vector<std::vector<int>> below(ranks_of_seats.size());  // ranks that a seat speaks for
  for (int seat = 0; seat < seats; ++seat) {
    Station& station = of_seat.emplace_back();
    station.seat = seat;
    station.rank = ranks_of_seats[static_cast<std::size_t>(seat)];
    below[static_cast<std::size_t>(seat)] = {station.rank};
    if (formation.pattern != Pattern::all_to_all) continue;
    for (int peer = 0; peer < seats; ++peer) {
      if (peer != seat) station.children.push_back({peer, false});
    }
  }
  for (const Group& group : formation.groups) {
    Station& leader = of_seat[static_cast<std::size_t>(group.leader)];
    std::vector<int> lines;
    for (std::size_t i = 0; i < group.members.size(); ++i) {
      Station& member = of_seat[static_cast<std::size_t>(group.members[i])];
      leader.children.push_back({member.seat, !member.children.empty()});
      member.ascends = !member.children.empty();
      if (i % kPollersPerLine == 0) lines.push_back(release_channels++);
      member.released_by = lines.back();
      auto& ranks = below[static_cast<std::size_t>(leader.seat)];
      const auto& more = below[static_cast<std::size_t>(member.seat)];
      ranks.insert(ranks.end(), more.begin(), more.end());
    }
    leader.releases.insert(leader.releases.begin(), lines.begin(), lines.end());
  }
  wide_releases_at = release_channels;
  release_channels += lines_for(seats - 1);
  for (Station& station : of_seat) {
    auto& ranks = below[static_cast<std::size_t>(station.seat)];
    std::sort(ranks.begin(), ranks.end());
    station.block = block_of(ranks);
    if (station.seat > 0) station.wide_release = wide_releases_at + (station.seat - 1) / kPollersPerLine;
    if (ranks.size() == 1) continue;
    station.parts_at = parts;
    station.most_parts = ranks.size();
    parts += ranks.size();
  }
}

}  // namespace skein
