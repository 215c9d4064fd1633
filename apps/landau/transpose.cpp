// SPDX-License-Identifier: Apache-2.0
#include "landau/transpose.hpp"

namespace landau {
namespace {

// Rows of a matrix up to this size are still in the caches of those who read them when they are written again, so it pays
// to claim them ahead. Measured with 2 ranks under one L3 (AMD EPYC, 512 KiB of L2 each), us per step with and without:
// 32 x 128 points 6.0, 6.75; 32 x 512 20.4, 22.2; 64 x 512 35.0, 36.5; 128 x 512 67, 64; 256 x 1024 268, 252.
constexpr std::size_t kClaimedBytes = 256 * 1024;

}  // namespace
Transpose::Transpose(skein::Team& team, const Kernels& kernels, std::size_t rows, std::size_t columns,
                     std::size_t rider)
    : team_(&team),
      kernels_(kernels),
      claims_(team.size() > 1 && rows * columns * sizeof(double) <= kClaimedBytes),
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

}  // namespace landau
