// SPDX-License-Identifier: Apache-2.0
//
// Which process and which host each rank of a team lives in, as one host sees it. Ranks are numbered process by process;
// the processes of a host need not follow each other. On its own host a rank also has a seat: its number among the ranks
// of the host, in rank order. Lanes are numbered likewise; lane 0 is the only one that speaks to other hosts.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "skein/team/contributions.hpp"

namespace skein {

/// The ranks that one lane carries: `first` and those that follow.
struct LaneRanks {
  LaneRanks(int first_rank = 0, int count = 1) : first(first_rank), ranks(count) {}  // NOLINT: a rank is a lane's ranks

  int first;
  int ranks;
};

/// "rank 3", "ranks 4-7".
std::string describe(const LaneRanks& carried);

class RankMap {
 public:
  /// All processes on one host.
  explicit RankMap(const std::vector<int>& ranks_per_process)
      : RankMap(ranks_per_process, std::vector<int>(ranks_per_process.size(), 0), 0) {}

  /// `host_of_process` numbers hosts from 0, without gaps, in the order of their first processes.
  /// `lanes_per_process` carry their process's ranks in blocks; none given: each rank has a lane of its own.
  RankMap(const std::vector<int>& ranks_per_process, std::vector<int> host_of_process, int own_host,
          std::vector<int> lanes_per_process = {});

  int size() const { return static_cast<int>(process_of_.size()); }
  int processes() const { return static_cast<int>(first_of_.size()) - 1; }
  int process_of(int rank) const { return process_of_[index(rank)]; }
  int first_of(int process) const { return first_of_[index(process)]; }
  int ranks_of(int process) const { return first_of(process + 1) - first_of(process); }

  int hosts() const { return static_cast<int>(ranks_of_host_.size()); }
  int own_host() const { return own_host_; }
  int host_of(int rank) const { return host_of_process(process_of(rank)); }
  int host_of_process(int process) const { return host_of_process_[index(process)]; }
  const std::vector<int>& ranks_of_host(int host) const { return ranks_of_host_[index(host)]; }

  /// Seats of the own host.
  int seats() const { return static_cast<int>(ranks_of_host(own_host_).size()); }
  int rank_at(int seat) const { return ranks_of_host(own_host_)[index(seat)]; }
  bool is_here(int rank) const { return host_of(rank) == own_host_; }
  int seat_of(int rank) const { return seat_of_[index(rank)]; }  ///< on its own host, whichever that is

  /// The lanes of the own host, in rank order, and the one that carries a rank of it.
  const std::vector<LaneRanks>& lanes() const { return lanes_; }
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

  std::vector<int> process_of_;
  std::vector<int> first_of_;
  std::vector<int> host_of_process_;
  std::vector<std::vector<int>> ranks_of_host_;
  std::vector<int> seat_of_;
  std::vector<LaneRanks> lanes_;
  std::vector<int> lane_of_seat_;
  std::vector<Contributions::Block> blocks_;
  std::vector<int> block_ranks_;
  int own_host_;
  int processes_here_;
};

}  // namespace skein
