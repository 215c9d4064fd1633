// SPDX-License-Identifier: Apache-2.0
//
// The types of elements that random programs use, the operators of each, and what their inputs are.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "collective/checked_types.hpp"
#include "skein/collective/operators.hpp"

namespace skein_oracle {

using skein_test::mix;

using LocatedDouble = skein::Located<double>;

using Types = std::tuple<unsigned char, int, std::int64_t, std::uint64_t, float, double, LocatedDouble,
                         skein_test::Odd3, skein_test::Weighted24, skein_test::Matrix16, skein_test::Term200>;
inline constexpr std::size_t kTypes = std::tuple_size_v<Types>;
inline constexpr std::array<std::string_view, kTypes> kTypeNames = {"unsigned char", "int",      "int64",   "uint64",
                                                                    "float",         "double",   "Located", "Odd3",
                                                                    "Weighted24",    "Matrix16", "Term200"};

template <class T>
struct OperatorsOf;
template <>
struct OperatorsOf<unsigned char> {
  using List = std::tuple<skein::operators::BitAnd, skein::operators::BitOr, skein::operators::LogicalXor,
                          skein::operators::Max, std::logical_or<>>;
};
template <>
struct OperatorsOf<int> {
  using List = std::tuple<skein::operators::Sum, skein::operators::Min, skein::operators::LogicalAnd, std::plus<>,
                          skein_test::Scramble>;
};
template <>
struct OperatorsOf<std::int64_t> {
  using List = std::tuple<skein::operators::Sum, skein::operators::Max, skein::operators::LogicalOr,
                          skein::any_order<skein::operators::Sum>>;
};
template <>
struct OperatorsOf<std::uint64_t> {
  using List = std::tuple<skein::operators::Prod, skein::operators::BitXor, std::bit_xor<>>;
};
template <>
struct OperatorsOf<float> {
  using List = std::tuple<skein::operators::Sum, skein::operators::Max>;
};
template <>
struct OperatorsOf<double> {
  using List = std::tuple<skein::operators::Sum, skein::operators::Prod, skein::operators::Min, std::plus<double>,
                          std::remove_const_t<decltype(skein_test::kDiscount)>>;
};
template <>
struct OperatorsOf<LocatedDouble> {
  using List = std::tuple<skein::operators::MinLoc, skein::operators::MaxLoc>;
};
template <>
struct OperatorsOf<skein_test::Odd3> {
  using List = std::tuple<skein_test::Scramble>;
};
template <>
struct OperatorsOf<skein_test::Weighted24> {
  using List = std::tuple<skein_test::Affine>;
};
template <>
struct OperatorsOf<skein_test::Matrix16> {
  using List = std::tuple<skein_test::Multiply>;
};
template <>
struct OperatorsOf<skein_test::Term200> {
  using List = std::tuple<skein_test::Join>;
};

/// Whether the result does not depend on how a fold in the order of ranks is nested.
template <class T, class Op>
inline constexpr bool kIsExact = (std::is_integral_v<T> && !std::is_same_v<Op, skein_test::Scramble>) ||
                                 std::is_same_v<T, LocatedDouble> || std::is_same_v<T, skein_test::Matrix16>;

/// Entry k of all inputs.
template <class T>
T entry(std::uint64_t k) {
  const std::uint64_t r = mix(k);
  if constexpr (std::is_same_v<T, std::int64_t>) {
    return static_cast<std::int64_t>(r >> 20U) - (std::int64_t{1} << 43U);  // 64 of them have a sum
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    return r | 1U;  // products of many stay apart
  } else if constexpr (std::is_same_v<T, float>) {
    return static_cast<float>(static_cast<double>(r >> 11U) * 0x1p-53 - 0.5) * (r % 8 == 0 ? 1e20F : 1.0F);
  } else if constexpr (std::is_same_v<T, LocatedDouble>) {
    return {static_cast<double>(r % 7), static_cast<std::int64_t>(r >> 32U) % 50};  // many ties
  } else {
    return skein_test::table_entry<T>(k);
  }
}

/// Calls use with the type of a list that a drawn number names.
template <class List, class Use>
auto with_entry(std::uint64_t drawn, const Use& use) {
  return skein_test::with_entry<List>(static_cast<int>(drawn % std::tuple_size_v<List>), use);
}

}  // namespace skein_oracle
