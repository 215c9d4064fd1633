// SPDX-License-Identifier: Apache-2.0
#include "landau/transpose.hpp"

namespace landau {
Transpose::Transpose(skein::Team& team, const Kernels& kernels, std::size_t rows, std::size_t columns,
                     std::size_t rider)
    : team_(&team),
      kernels_(kernels),
      rank_(static_cast<std::size_t>(team.rank())),
      rows_(rows),
      columns_(columns),
      stride_(odd_strides(columns)),
      rider_(rider),
      rider_stride_(odd_strides(rider)),
      my_rows_(skein::block_range(rows, team.size(), team.rank())),
      my_columns_(skein::block_range(columns, team.size(), team.rank())),
      cells_(team.shared<double>(rows * stride_)),
      riders_(team.shared<std::uint64_t>(static_cast<std::size_t>(team.size()) * rider_stride_)) {}

void Transpose::read_columns(std::size_t first, std::size_t count, double* lines, std::size_t line_stride) const {
  const double* cells = cells_.data() + first;
  if (count == kGroup) return kernels_.turn_group(cells, stride_, rows_, lines, line_stride);
  for (std::size_t r = 0; r < rows_; ++r) {
    for (std::size_t c = 0; c < count; ++c) lines[c * line_stride + r] = cells[r * stride_ + c];
  }
}

void Transpose::prefetch_columns(std::size_t first, std::size_t part, std::size_t parts) const {
  const double* cells = cells_.data() + first;
  const auto share = skein::block_range(rows_, static_cast<int>(parts), static_cast<int>(part));
  for (std::size_t r = share.begin; r < share.end; ++r) __builtin_prefetch(cells + r * stride_);
}

}  // namespace landau
