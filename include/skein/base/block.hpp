// SPDX-License-Identifier: Apache-2.0
//
// How n items are divided among ranks: contiguous blocks in rank order, sizes differ by at most one, larger ones first.
// With fewer items than ranks the last ranks own empty blocks.
#pragma once

#include <algorithm>
#include <cstddef>

namespace skein {

/// Indices begin <= i < end.
struct BlockRange {
  std::size_t begin = 0;
  std::size_t end = 0;

  constexpr std::size_t size() const { return end - begin; }
  constexpr bool empty() const { return begin == end; }
  constexpr bool contains(std::size_t i) const { return begin <= i && i < end; }
  friend constexpr bool operator==(const BlockRange&, const BlockRange&) = default;
};

/// The block of `index` when `n` items are divided among `parts`. Needs parts >= 1 and 0 <= index < parts.
constexpr BlockRange block_range(std::size_t n, int parts, int index) {
  const auto p = static_cast<std::size_t>(parts);
  const auto i = static_cast<std::size_t>(index);
  const std::size_t small = n / p;
  const std::size_t larger_ones = n % p;
  const std::size_t begin = i * small + std::min(i, larger_ones);
  return {begin, begin + small + (i < larger_ones ? 1 : 0)};
}

}  // namespace skein
