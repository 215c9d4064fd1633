// SPDX-License-Identifier: Apache-2.0
//
// The two distances that keep ranks from disturbing each other, and a wrapper that keeps them.
#pragma once

#include <cstddef>

namespace skein {

/// Bytes that move between cores as one. x86-64, and most AArch64.
inline constexpr std::size_t kCacheLine = 64;

/// Bytes between words of different writers: two lines, because the adjacent-line prefetcher of x86 fetches lines in
/// pairs and would drag a neighbour's line along.
inline constexpr std::size_t kStride = 128;

/// What one core writes all the time lies as far as this from what another does: prefetchers take lines along that follow in
/// the same page or a later one (skein-bench barrier --ranks 64).
inline constexpr std::size_t kApart = std::size_t{64} * 1024;

/// A value alone on its pair of cache lines.
template <class T>
struct alignas(kStride) Padded {
  T value{};
};

/// The smallest multiple of `step` that is not below `n`.
constexpr std::size_t round_up(std::size_t n, std::size_t step) { return (n + step - 1) / step * step; }

}  // namespace skein
