// SPDX-License-Identifier: Apache-2.0
#include "skein/team/rank_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "skein/base/block.hpp"

namespace skein {
namespace {

/// Numbers things anew, in the order in which they are first asked for.
class Numbers {
 public:
  /// The number of `thing`; `add` is called when it is new.
  template <class Add>
  int of(int thing, const Add& add) {
    const auto [entry, is_new] = numbers_.try_emplace(thing, static_cast<int>(numbers_.size()));
    if (is_new) add();
    return entry->second;
  }

 private:
  std::map<int, int> numbers_;
};

}  // namespace

std::string describe(const LaneRanks& carried) {
  if (!carried.are_several()) return fmt::format("rank {}", carried.first());
  return fmt::format("ranks {}-{}", carried.first(), carried.last());
}

RankMap::RankMap(const std::vector<int>& ranks_per_process, std::vector<int> host_of_process, int own_host,
                 std::vector<int> lanes_per_process)
    : host_of_process_(std::move(host_of_process)), own_host_(own_host) {
  if (lanes_per_process.empty()) lanes_per_process = ranks_per_process;
  for (std::size_t process = 0; process < ranks_per_process.size(); ++process) {
    const int lanes = lanes_per_process[process];
    for (int lane = 0; lane < lanes && host_of_process_[process] == own_host; ++lane) {
      const BlockRange block = block_range(index(ranks_per_process[process]), lanes, lane);
      run_lanes_.push_back(static_cast<int>(lanes_.size()));
      lane_of_seat_.insert(lane_of_seat_.end(), block.size(), run_lanes_.back());
      lanes_.emplace_back(size() + static_cast<int>(block.begin), static_cast<int>(block.size()));
    }
    process_of_.insert(process_of_.end(), index(ranks_per_process[process]), static_cast<int>(process));
  }
  run_ranks_.resize(process_of_.size());
  std::iota(run_ranks_.begin(), run_ranks_.end(), 0);
  seat_ranks();
  run_hosts_.resize(ranks_of_host_.size());
  std::iota(run_hosts_.begin(), run_hosts_.end(), 0);
}

RankMap::RankMap(const RankMap& run, std::vector<int> run_ranks) : run_ranks_(std::move(run_ranks)) {
  Numbers processes;
  Numbers hosts;
  for (const int rank : run_ranks_) {
    const int run_host = run.host_of(rank);
    const int host = hosts.of(run_host, [&] { run_hosts_.push_back(run_host); });
    process_of_.push_back(processes.of(run.process_of(rank), [&] { host_of_process_.push_back(host); }));
  }
  own_host_ = static_cast<int>(std::find(run_hosts_.begin(), run_hosts_.end(), run.own_host()) - run_hosts_.begin());
  seat_ranks();
  std::map<int, std::vector<int>> ranks_of_lane;
  for (const int rank : ranks_of_host(own_host_)) ranks_of_lane[run.lane_of(run_rank(rank))].push_back(rank);
  lane_of_seat_.resize(index(seats()));
  for (auto& [run_lane, ranks] : ranks_of_lane) {
    for (const int rank : ranks) lane_of_seat_[index(seat_of(rank))] = static_cast<int>(lanes_.size());
    run_lanes_.push_back(run_lane);
    lanes_.emplace_back(std::move(ranks));
  }
}

int RankMap::rank_of_run(int run_rank) const {
  const auto found = std::find(run_ranks_.begin(), run_ranks_.end(), run_rank);
  return found == run_ranks_.end() ? -1 : static_cast<int>(found - run_ranks_.begin());
}

void RankMap::seat_ranks() {
  ranks_of_host_.resize(index(*std::max_element(host_of_process_.begin(), host_of_process_.end()) + 1));
  ranks_of_process_.resize(host_of_process_.size());
  for (int rank = 0; rank < size(); ++rank) {
    if (ranks_of_process_[index(process_of(rank))]++ == 0) first_of_.push_back(rank);
    std::vector<int>& here = ranks_of_host_[index(host_of(rank))];
    seat_of_.push_back(static_cast<int>(here.size()));
    here.push_back(rank);
  }
  processes_here_ = static_cast<int>(std::count(host_of_process_.begin(), host_of_process_.end(), own_host_));
  find_blocks();
}

void RankMap::find_blocks() {
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
