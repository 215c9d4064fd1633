// SPDX-License-Identifier: Apache-2.0
//
// The types that checks use, the operators of each, and how one of a list is chosen by its number.
#pragma once

#include <array>
#include <functional>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "skein/collective/operators.hpp"
#include "values.hpp"

namespace skein_test {

using Types = std::tuple<char, int, double, Odd3, Weighted24, Matrix16, Term200>;
inline constexpr std::size_t kTypes = std::tuple_size_v<Types>;
inline constexpr std::array<std::string_view, kTypes> kTypeNames = {"char",       "int",      "double", "Odd3",
                                                                    "Weighted24", "Matrix16", "Term200"};

/// A lambda, as users write them.
inline constexpr auto kDiscount = [](double left, double right) { return left - 0.5 * right; };

template <class T>
struct OperatorsOf {
  using List = std::tuple<Scramble>;
};
template <>
struct OperatorsOf<int> {
  using List = std::tuple<Scramble, skein::operators::Sum, std::bit_xor<>, skein::any_order<skein::operators::Sum>>;
};
template <>
struct OperatorsOf<double> {
  using List = std::tuple<skein::operators::Sum, skein::operators::Min, skein::operators::Max, std::plus<double>,
                          std::remove_const_t<decltype(kDiscount)>>;
};
template <>
struct OperatorsOf<Weighted24> {
  using List = std::tuple<Affine>;
};
template <>
struct OperatorsOf<Matrix16> {
  using List = std::tuple<Multiply>;
};
template <>
struct OperatorsOf<Term200> {
  using List = std::tuple<Join>;
};

template <class Op>
Op made() {
  if constexpr (skein::kIsAnyOrder<Op>) {
    return Op({});
  } else {
    return Op();
  }
}

template <class List, class Use, std::size_t I = 0>
auto with_entry(int index, const Use& use) {
  if constexpr (I + 1 < std::tuple_size_v<List>) {
    if (index != static_cast<int>(I)) return with_entry<List, Use, I + 1>(index, use);
  }
  return use(std::type_identity<std::tuple_element_t<I, List>>());
}

template <class Use>
auto with_type(int index, const Use& use) {
  return with_entry<Types>(index, use);
}

}  // namespace skein_test
