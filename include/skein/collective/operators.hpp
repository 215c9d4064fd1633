// SPDX-License-Identifier: Apache-2.0
//
// Operators of reductions, and the names under which ranks compare them. Any callable op(left, right) works; operators
// that are not listed here compare equal to each other ("user operator").
#pragma once

#include <functional>
#include <string_view>
#include <type_traits>

namespace skein {

namespace operators {

struct Sum {
  template <class T>
  constexpr T operator()(const T& left, const T& right) const {
    return static_cast<T>(left + right);
  }
};
struct Prod {
  template <class T>
  constexpr T operator()(const T& left, const T& right) const {
    return static_cast<T>(left * right);
  }
};
/// Of equal values the left one; a NaN on the left stays.
struct Min {
  template <class T>
  constexpr T operator()(const T& left, const T& right) const {
    return right < left ? right : left;
  }
};
struct Max {
  template <class T>
  constexpr T operator()(const T& left, const T& right) const {
    return left < right ? right : left;
  }
};

}  // namespace operators

inline constexpr operators::Sum sum{};
inline constexpr operators::Prod prod{};
inline constexpr operators::Min min{};
inline constexpr operators::Max max{};

template <class Op>
inline constexpr std::string_view kOperatorName = "user operator";
template <>
inline constexpr std::string_view kOperatorName<operators::Sum> = "sum";
template <>
inline constexpr std::string_view kOperatorName<operators::Prod> = "prod";
template <>
inline constexpr std::string_view kOperatorName<operators::Min> = "min";
template <>
inline constexpr std::string_view kOperatorName<operators::Max> = "max";
template <class T>
inline constexpr std::string_view kOperatorName<std::plus<T>> = "sum";
template <class T>
inline constexpr std::string_view kOperatorName<std::multiplies<T>> = "prod";
template <class T>
inline constexpr std::string_view kOperatorName<std::logical_and<T>> = "logical and";
template <class T>
inline constexpr std::string_view kOperatorName<std::logical_or<T>> = "logical or";
template <class T>
inline constexpr std::string_view kOperatorName<std::bit_and<T>> = "bitwise and";
template <class T>
inline constexpr std::string_view kOperatorName<std::bit_or<T>> = "bitwise or";
template <class T>
inline constexpr std::string_view kOperatorName<std::bit_xor<T>> = "bitwise xor";

/// The operator, or the type that it works on, is the program's, whose code may do anything.
template <class T, class Op>
inline constexpr bool kRunsProgram = !std::is_arithmetic_v<T> || kOperatorName<Op> == kOperatorName<void>;

}  // namespace skein
