// SPDX-License-Identifier: Apache-2.0
//
// An array over x that all ranks fill, each its own block, and that rank 0's host reads as a whole.
//
// Who      the solver: what ranks observe of the state, now and then.
// Order    write, collect, another collective, read.
// Cost     collect(): nothing on one host; on several one gather.
// Memory   a shared array on each host; on several hosts also a block per rank and, at rank 0, a second array.
#pragma once

#include <skein/skein.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace landau {

template <class T>
class Gathered {
 public:
  /// *Collective.* `width` values for each of `items` places, all of them 0.
  Gathered(skein::Team& team, std::size_t items, std::size_t width)
      : team_(&team), items_(items), width_(width), values_(team.shared<T>(items * width)) {
    if (team.hosts() == 1) return;
    sent_.resize(block_of(0).size());
    if (team.rank() == 0) received_.resize(sent_.size() * static_cast<std::size_t>(team.size()));
  }

  /// The values of one place, to be written; it must be of this rank's block.
  std::span<T> item(std::size_t index) { return values_.span().subspan(index * width_, width_); }

  /// *Collective.* Brings what ranks of other hosts wrote to rank 0's host.
  void collect() {
    if (team_->hosts() == 1) return;
    std::ranges::copy(block_of(team_->rank()), sent_.begin());
    team_->gather(std::span<const T>(sent_), std::span<T>(received_), 0);
    if (team_->rank() != 0) return;
    for (int rank = 0; rank < team_->size(); ++rank) {
      if (team_->host_of(rank) == team_->host()) continue;
      const std::span<T> block = block_of(rank);
      std::copy_n(received_.data() + static_cast<std::size_t>(rank) * sent_.size(), block.size(), block.data());
    }
  }

  /// All values, on rank 0's host.
  std::span<const T> all() const { return values_.span(); }

 private:
  std::span<T> block_of(int rank) const {
    const auto block = skein::block_range(items_, team_->size(), rank);  // rank 0's is the largest
    return values_.span().subspan(block.begin * width_, block.size() * width_);
  }

  skein::Team* team_;
  std::size_t items_, width_;
  skein::SharedArray<T> values_;  // a block: written by its owner, and by rank 0 when that is of another host
  std::vector<T> sent_;           // blocks of one size; empty on one host
  std::vector<T> received_;       // at rank 0
};

}  // namespace landau
