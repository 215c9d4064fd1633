// SPDX-License-Identifier: Apache-2.0
//
// Which process and which host each rank of a team lives in, as one host sees it. In the run's first team, ranks are numbered
// process by process, and the processes of a host need not follow each other; other teams have any of its ranks in any order.
// On its own host a rank also has a seat: its number among the team's ranks of the host, in rank order. Lanes of the host that
// carry ranks of the team are numbered in the order of the run's; lane 0 of the run is the only one that speaks to other hosts.
#pragma once

#include <cstddef>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "skein/team/contributions.hpp"

namespace skein {

/// The ranks of a team that one lane carries, in ascending order.
class LaneRanks {
 public:
  LaneRanks(int first = 0, int count = 1)
      : ranks_(static_cast<std::size_t>(count)) {  // NOLINT: a rank is a lane's ranks
    std::iota(ranks_.begin(), ranks_.end(), first);
  }
  explicit LaneRanks(std::vector<int> ranks) : ranks_(std::move(ranks)) {}

  int first() const { return ranks_.front(); }
  int last() const { return ranks_.back(); }
  int count() const { return static_cast<int>(ranks_.size()); }
  bool are_several() const { return ranks_.size() > 1; }
  std::vector<int>::const_iterator begin() const { return ranks_.begin(); }
  std::vector<int>::const_iterator end() const { return ranks_.end(); }

 private:
  std::vector<int> ranks_;
};

/// "rank 3", "ranks 4-7".
std::string describe(const LaneRanks& carried);

class RankMap {
 public:
  /// All processes on one host.
  explicit RankMap(const std::vector<int>& ranks_per_process)
      : RankMap(ranks_per_process, std::vector<int>(ranks_per_process.size(), 0), 0) {}

  /// Of the run's first team. `host_of_process` numbers hosts from 0, without gaps, in the order of their first processes.
  /// `lanes_per_process` carry their process's ranks in blocks; none given: each rank has a lane of its own.
  RankMap(const std::vector<int>& ranks_per_process, std::vector<int> host_of_process, int own_host,
          std::vector<int> lanes_per_process = {});

  /// Of a team of some ranks of the run, whose numbers are given in the order of the team; one at least is of the run's own
  /// host. Processes and hosts are numbered anew, in the order of their lowest ranks in the team.
  RankMap(const RankMap& run, std::vector<int> run_ranks);

  int size() const { return static_cast<int>(process_of_.size()); }
  int processes() const { return static_cast<int>(first_of_.size()); }
  int process_of(int rank) const { return process_of_[index(rank)]; }
  int first_of(int process) const { return first_of_[index(process)]; }  ///< its lowest rank
  int ranks_of(int process) const { return ranks_of_process_[index(process)]; }

  int hosts() const { return static_cast<int>(ranks_of_host_.size()); }
  int own_host() const { return own_host_; }
  int host_of(int rank) const { return host_of_process(process_of(rank)); }
  int host_of_process(int process) const { return host_of_process_[index(process)]; }
  const std::vector<int>& ranks_of_host(int host) const { return ranks_of_host_[index(host)]; }

  /// What a rank and a host are called in the run, and who is called so there: -1 for a rank outside of the team.
  int run_rank(int rank) const { return run_ranks_[index(rank)]; }
  int run_host(int host) const { return run_hosts_[index(host)]; }
  int rank_of_run(int run_rank) const;

  /// Seats of the own host.
  int seats() const { return static_cast<int>(ranks_of_host(own_host_).size()); }
  int rank_at(int seat) const { return ranks_of_host(own_host_)[index(seat)]; }
  bool is_here(int rank) const { return host_of(rank) == own_host_; }
  int seat_of(int rank) const { return seat_of_[index(rank)]; }  ///< on its own host, whichever that is

  /// The lanes of the own host that carry ranks of the team, what the run calls them, and the one that carries a rank.
  const std::vector<LaneRanks>& lanes() const { return lanes_; }
  int run_lane(int lane) const { return run_lanes_[index(lane)]; }
  int lane_of(int rank) const { return lane_of_seat_[index(seat_of(rank))]; }

  /// The largest aligned blocks of ranks that share a host, for all hosts, in rank order: what a host can fold by itself.
  const std::vector<Contributions::Block>& blocks() const { return blocks_; }

  /// Ranks of the block that begins with `rank`; 0 when none does.
  int block_ranks(int rank) const { return block_ranks_[index(rank)]; }

  /// Processes of the own host, and the lowest of them.
  int processes_here() const { return processes_here_; }
  int first_process_here() const { return process_of(rank_at(0)); }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }

  /// What follows from process_of_ and host_of_process_.
  void seat_ranks();
  void find_blocks();

  std::vector<int> process_of_;
  std::vector<int> first_of_;
  std::vector<int> ranks_of_process_;
  std::vector<int> host_of_process_;
  std::vector<std::vector<int>> ranks_of_host_;
  std::vector<int> run_ranks_;
  std::vector<int> run_hosts_;
  std::vector<int> seat_of_;
  std::vector<LaneRanks> lanes_;
  std::vector<int> run_lanes_;
  std::vector<int> lane_of_seat_;
  std::vector<Contributions::Block> blocks_;
  std::vector<int> block_ranks_;
  int own_host_ = 0;
  int processes_here_ = 0;
};

}  // namespace skein
