// SPDX-License-Identifier: Apache-2.0
#include "skein/team/station.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace skein {
namespace {

/// The block that ascending ranks form; ranks = 0 if they form none.
Contributions::Block block_of(const std::vector<int>& ranks) {
  const auto count = static_cast<unsigned>(ranks.size());
  const int begin = ranks.front();
  const bool is_block = std::has_single_bit(count) && begin % static_cast<int>(count) == 0 &&
                        ranks.back() - begin + 1 == static_cast<int>(count);
  return {begin, is_block ? static_cast<int>(count) : 0};
}

}  // namespace

Stations::Stations(const Formation& formation, const std::vector<LaneRanks>& lanes) {
  const int count = static_cast<int>(lanes.size());
  std::vector<std::vector<int>> below;  // ranks that a lane speaks for
  std::vector<int> ranks_here;
  for (const LaneRanks& carried : lanes) {
    below.emplace_back(carried.begin(), carried.end());
    ranks_here.insert(ranks_here.end(), carried.begin(), carried.end());
  }
  std::sort(ranks_here.begin(), ranks_here.end());
  lane_of_seat.resize(ranks_here.size());
  for (int lane = 0; lane < count; ++lane) {
    Station& station = of_lane.emplace_back();
    station.lane = lane;
    station.carried = lanes[static_cast<std::size_t>(lane)];
    for (const int rank : station.carried) {
      const auto seat = std::lower_bound(ranks_here.begin(), ranks_here.end(), rank) - ranks_here.begin();
      station.seats.push_back(static_cast<int>(seat));
      lane_of_seat[static_cast<std::size_t>(seat)] = lane;
    }
    if (formation.pattern != Pattern::all_to_all) continue;
    station.ascends = station.carried.are_several() && count > 1;
    for (int peer = 0; peer < count; ++peer) {
      if (peer != lane) station.children.push_back({peer, lanes[static_cast<std::size_t>(peer)].are_several()});
    }
  }
  for (const Group& group : formation.groups) {
    Station& leader = of_lane[static_cast<std::size_t>(group.leader)];
    std::vector<int> lines;
    for (std::size_t i = 0; i < group.members.size(); ++i) {
      Station& member = of_lane[static_cast<std::size_t>(group.members[i])];
      member.ascends = !member.children.empty() || member.carried.are_several();
      leader.children.push_back({member.lane, member.ascends});
      if (i % kPollersPerLine == 0) lines.push_back(release_channels++);
      member.released_by = lines.back();
      auto& ranks = below[static_cast<std::size_t>(leader.lane)];
      const auto& more = below[static_cast<std::size_t>(member.lane)];
      ranks.insert(ranks.end(), more.begin(), more.end());
    }
    leader.releases.insert(leader.releases.begin(), lines.begin(), lines.end());
  }
  for (Station& station : of_lane) {
    if (station.carried.are_several()) station.own_release = release_channels++;
  }
  for (Station& station : of_lane) {
    auto& ranks = below[static_cast<std::size_t>(station.lane)];
    std::sort(ranks.begin(), ranks.end());
    station.block = block_of(ranks);
    const auto take = [this](std::size_t wanted) { return std::exchange(parts, parts + wanted); };
    if (ranks.size() > 1) {
      station.most_parts = ranks.size();
      if (formation.pattern == Pattern::all_to_all) station.part_buffers = 2;
      station.parts_at = take(ranks.size() * static_cast<std::size_t>(station.part_buffers));
    }
    // The root has all of them already.
    if (formation.pattern == Pattern::all_to_all && count > 1 && ranks_here.size() > lanes.size()) {
      station.all_parts = ranks_here.size();
      station.all_parts_at = take(ranks_here.size());
    }
  }
}

}  // namespace skein
