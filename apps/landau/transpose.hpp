// SPDX-License-Identifier: Apache-2.0
//
// A matrix that ranks write by rows and read by columns: the exchange between advection in x and in v.
//
// Who      the solver, two of them: one towards lines of x, one towards lines of v. Every rank writes its own block of
//          rows, calls publish(), and then reads its own block of columns from everybody's rows.
// Rider    each rank sends a few words along that all ranks read: the partial sums of the density, so that they need no
//          collective of their own.
// Order    write, publish, read; the next write of the same matrix needs another collective in between, which the other
//          Transpose's publish is.
// Memory   one shared array of rows x columns; rows are a multiple of 128 bytes apart, an odd one, so that two ranks
//          never share a line and columns do not fall into one set of the cache. On several hosts, each has that array,
//          and each rank twice as many words as it moves.
// Hosts    where all ranks share memory, publish() is a barrier. On several hosts it is an alltoall of the blocks that ranks
//          of other hosts read, with the riders; each rank unpacks its own columns into the same layout, which only it
//          reads, so no further barrier is needed. Blocks and riders come with their bits as they are.
#pragma once

#include <skein/skein.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "landau/numerics/kernels.hpp"

namespace landau {

/// The smallest number of elements of 8 bytes that holds n and is an odd multiple of skein::kStride bytes.
constexpr std::size_t odd_strides(std::size_t n) {
  constexpr std::size_t kWords = skein::kStride / sizeof(double);
  return ((n + kWords - 1) / kWords | 1) * kWords;
}

class Transpose {
 public:
  /// *Collective.* A matrix of zeros; each rank sends `rider` words along.
  Transpose(skein::Team& team, const Kernels& kernels, std::size_t rows, std::size_t columns, std::size_t rider);

  skein::BlockRange my_rows() const { return my_rows_; }
  skein::BlockRange my_columns() const { return my_columns_; }

  /// A row to be written; it must be one of my_rows().
  std::span<double> row(std::size_t index) { return {cells_.data() + index * stride_, columns_}; }

  /// This rank's words to be written.
  std::span<std::uint64_t> rider() { return {riders_.data() + rank_ * rider_stride_, rider_}; }

  /// *Collective.* Makes rows and riders visible to all ranks.
  void publish() {
    if (sent_.empty()) [[likely]]
      team_->barrier();
    else
      exchange_parts();
  }

  /// Columns first .. first + count - 1 become lines: the one of column first + c starts at lines + c * line_stride.
  /// *Cost* a cache line per row; if `first` is a multiple of kGroup and count is kGroup, all of it is used.
  void read_columns(std::size_t first, std::size_t count, double* lines, std::size_t line_stride) const;

  /// Starts to fetch row `index` for writing, where that pays.
  void claim_row(std::size_t index) const {
    if (claims_) kernels_.claim(cells_.data() + index * stride_, columns_);
  }

  /// The words that `rank` published.
  std::span<const std::uint64_t> rider_of(int rank) const {
    return {published_riders_[static_cast<std::size_t>(rank)], rider_};
  }

 private:
  void prepare_parts();
  void exchange_parts();

  // Calls visit(rank, its part in `parts`) for the ranks of other hosts.
  template <class Visit>
  void for_remote_ranks(std::vector<std::uint64_t>& parts, Visit&& visit);

  skein::Team* team_;
  Kernels kernels_;
  bool claims_;
  std::size_t rank_;
  std::size_t rows_, columns_, stride_;
  std::size_t rider_, rider_stride_;
  skein::BlockRange my_rows_, my_columns_;
  skein::SharedArray<double> cells_;                    // a row: written by its owner, read by all, once per step
  skein::SharedArray<std::uint64_t> riders_;            // likewise, by ranks of this host
  std::vector<const std::uint64_t*> published_riders_;  // per rank: in riders_, or in received_ for one of another host
  // Empty on one host. One part per rank, all of one size: a block of cells, row after row, then the rider.
  std::size_t part_words_ = 0;
  std::vector<std::uint64_t> sent_, received_;
};

}  // namespace landau
