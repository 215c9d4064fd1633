// SPDX-License-Identifier: Apache-2.0
#include "landau/transpose.hpp"

namespace landau {
namespace {

// The smallest number of elements that holds n and is an odd multiple of skein::kStride bytes.
std::size_t padded(std::size_t n) {
  constexpr std::size_t kWords = skein::kStride / sizeof(double);
  const std::size_t strides = (n + kWords - 1) / kWords;
  return (strides | 1) * kWords;
}

}  // namespace

Transpose::Transpose(skein::Team& team, std::size_t rows, std::size_t columns, std::size_t rider)
    : team_(&team),
      rank_(static_cast<std::size_t>(team.rank())),
      rows_(rows),
      columns_(columns),
      stride_(padded(columns)),
      rider_(rider),
      rider_stride_(padded(rider)),
      my_rows_(skein::block_range(rows, team.size(), team.rank())),
      my_columns_(skein::block_range(columns, team.size(), team.rank())),
      cells_(team.shared<double>(rows * stride_)),
      riders_(team.shared<std::uint64_t>(static_cast<std::size_t>(team.size()) * rider_stride_)) {}

void Transpose::read_columns(std::size_t first, std::size_t count, double* lines, std::size_t line_stride) const {
  const double* cells = cells_.data() + first;
  if (count == kGroup) {
    for (std::size_t r = 0; r < rows_; ++r) {
      for (std::size_t c = 0; c < kGroup; ++c) lines[c * line_stride + r] = cells[r * stride_ + c];
    }
    return;
  }
  for (std::size_t r = 0; r < rows_; ++r) {
    for (std::size_t c = 0; c < count; ++c) lines[c * line_stride + r] = cells[r * stride_ + c];
  }
}

}  // namespace landau
