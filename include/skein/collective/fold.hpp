// SPDX-License-Identifier: Apache-2.0
//
// The order in which values of ranks are combined: one shape, whatever the pattern, the layout or the order of arrival,
// so that the bits of a result depend on the number of ranks only.
//
// fold[a, b) is the one item, or op(fold[a, m), fold[m, b)) with m = a + the largest power of two below b - a. Aligned
// groups pre-combine, and a scan at rank i is fold[0, i + 1).
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "skein/team/host.hpp"

namespace skein {

/// Where fold[begin, end) splits. Needs end - begin >= 2.
constexpr int fold_split(int begin, int end) {
  return begin + static_cast<int>(std::bit_floor(static_cast<unsigned>(end - begin - 1)));
}

/// fold[begin, end) of the items item(begin), ..., item(end - 1).
template <class T, class Item, class Op>
T fold_tree(int begin, int end, const Item& item, Op& op) {
  if (end - begin == 1) return item(begin);
  const int middle = fold_split(begin, end);
  const T left = fold_tree<T>(begin, middle, item, op);
  const T right = fold_tree<T>(middle, end, item, op);
  return static_cast<T>(op(left, right));
}

/// fold[0, end); two items without the calls that a tree takes.
template <class T, class Item, class Op>
[[gnu::always_inline]] inline T fold(int end, const Item& item, Op& op) {
  if (end == 2) [[likely]]
    return static_cast<T>(op(item(0), item(1)));
  return fold_tree<T>(0, end, item, op);
}

/// Of one value: rows of them are on the stack.
inline constexpr std::size_t kMostFoldedBytes = std::size_t{64} * 1024;

/// Folds elements of many ranks, a tile at a time so that the partials stay in the first-level cache.
template <class T>
class TileFold {
  static_assert(sizeof(T) <= kMostFoldedBytes,
                "a reduction takes values of at most 64 KiB; use a span of smaller ones");

 public:
  static constexpr std::size_t kTile = sizeof(T) >= 1024 ? 1 : 1024 / sizeof(T);

  /// out[i] = fold over ranks [begin, end) of the values i of what is known, for i < n <= kTile. `known(a, b)` is a
  /// const T*: to the folded values of ranks [a, b), or null where these are to be folded from their halves; never null for
  /// one rank. `out` may be the memory of one of them.
  template <class Known, class Op>
  void operator()(int begin, int end, const Known& known, std::size_t n, T* out, Op& op) {
    const T* whole = known(begin, end);
    if (whole == nullptr) return combine(begin, end, known, n, out, op, 0);
    if (whole != out) std::memcpy(static_cast<void*>(out), static_cast<const void*>(whole), n * sizeof(T));
  }

 private:
  // log2 of the most ranks of a process, where nothing is staged, and room; of a team whose pieces are staged: the larger the
  // values, the fewer ranks can have pieces that hold one (Staging::piece_bytes).
  static constexpr int kMaxDepth = std::clamp(30 - static_cast<int>(std::bit_width(sizeof(T))), 15, 22);

  // Partials go to rows of scratch, never to an item's memory. A left partial is overwritten by its parent.
  template <class Known, class Op>
  const T* partial(int begin, int end, const Known& known, std::size_t n, Op& op, int depth) {
    if (const T* whole = known(begin, end)) return whole;
    T* out = row(depth);
    combine(begin, end, known, n, out, op, depth);
    return out;
  }

  // Left first: it uses the rows from `depth` on, the right one those behind the row in which the left result stays.
  template <class Known, class Op>
  void combine(int begin, int end, const Known& known, std::size_t n, T* out, Op& op, int depth) {
    const int middle = fold_split(begin, end);
    const T* left = partial(begin, middle, known, n, op, depth);
    const T* right = partial(middle, end, known, n, op, depth + 1);
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<T>(op(left[i], right[i]));
  }

  T* row(int depth) { return reinterpret_cast<T*>(scratch_) + static_cast<std::size_t>(depth) * kTile; }

  alignas(T) alignas(64) std::byte scratch_[kMaxDepth * kTile * sizeof(T)];
};

}  // namespace skein
