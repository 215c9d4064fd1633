// SPDX-License-Identifier: Apache-2.0
#include "skein/team/rank_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "skein/base/block.hpp"

namespace skein {

std::string describe(const LaneRanks& carried) {
  if (carried.ranks == 1) return fmt::format("rank {}", carried.first);
  return fmt::format("ranks {}-{}", carried.first, carried.first + carried.ranks - 1);
}

RankMap::RankMap(const std::vector<int>& ranks_per_process, std::vector<int> host_of_process, int own_host,
                 std::vector<int> lanes_per_process)
    : first_of_(1, 0),
      host_of_process_(std::move(host_of_process)),
      ranks_of_host_(index(*std::max_element(host_of_process_.begin(), host_of_process_.end()) + 1)),
      own_host_(own_host),
      processes_here_(static_cast<int>(std::count(host_of_process_.begin(), host_of_process_.end(), own_host))) {
  if (lanes_per_process.empty()) lanes_per_process = ranks_per_process;
  for (std::size_t process = 0; process < ranks_per_process.size(); ++process) {
    const int lanes = lanes_per_process[process];
    for (int lane = 0; lane < lanes && host_of_process_[process] == own_host; ++lane) {
      const BlockRange block = block_range(index(ranks_per_process[process]), lanes, lane);
      lane_of_seat_.insert(lane_of_seat_.end(), block.size(), static_cast<int>(lanes_.size()));
      lanes_.emplace_back(size() + static_cast<int>(block.begin), static_cast<int>(block.size()));
    }
    std::vector<int>& here = ranks_of_host_[index(host_of_process_[process])];
    for (int i = 0; i < ranks_per_process[process]; ++i) {
      seat_of_.push_back(static_cast<int>(here.size()));
      here.push_back(size());
      process_of_.push_back(static_cast<int>(process));
    }
    first_of_.push_back(size());
  }
  for (int rank = 0; rank < size(); ++rank) {
    blocks_.push_back({rank, 1});
    while (blocks_.size() >= 2 && host_of(blocks_.back().begin) == host_of(blocks_[blocks_.size() - 2].begin) &&
           Contributions::are_halves(blocks_[blocks_.size() - 2], blocks_.back())) {
      blocks_.pop_back();
      blocks_.back().ranks *= 2;
    }
  }
  block_ranks_.resize(seat_of_.size());
  for (const Contributions::Block block : blocks_) block_ranks_[index(block.begin)] = block.ranks;
}

}  // namespace skein
