// SPDX-License-Identifier: Apache-2.0
//
// The fold as it is defined, by one thread, sharing no line with the library's.
#pragma once

namespace skein_test {

/// fold[begin, end): the one item, or op(fold[begin, m), fold[m, end)) with m - begin the largest power of two strictly
/// below end - begin.
template <class T, class Item, class Op>
T oracle_fold(int begin, int end, const Item& item, const Op& op) {
  if (end - begin == 1) return item(begin);
  int left = 1;
  while (2 * left < end - begin) left *= 2;
  const T first = oracle_fold<T>(begin, begin + left, item, op);
  const T second = oracle_fold<T>(begin + left, end, item, op);
  return static_cast<T>(op(first, second));
}

}  // namespace skein_test
