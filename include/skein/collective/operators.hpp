// SPDX-License-Identifier: Apache-2.0
//
// Operators of reductions, and the names under which ranks compare them. Any callable op(left, right) works; operators
// that are not listed here compare equal to each other ("user operator").
//
// With one argument an operator makes an operand, of which an allreduce takes several: team.allreduce(sum(a), max(b)).
// operand(value, op) does so for any callable.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <functional>
#include <source_location>
#include <string_view>
#include <type_traits>

namespace skein {

/// A value, and how it is combined.
template <class Op, class T>
struct Operand {
  using IsOperand = void;

  T value;
  Op op;
  std::source_location where;
};

template <class T, class Op>
Operand<Op, T> operand(const T& value, Op op, std::source_location where = std::source_location::current()) {
  return {value, op, where};
}

/// A value and where it was found, such as a rank or an index: the operand of minloc and maxloc.
template <class T>
struct Located {
  T value;
  std::int64_t location;

  friend bool operator==(const Located&, const Located&) = default;
};
template <class T>
Located(T, std::integral auto) -> Located<T>;

/// Permits any order of the operands, and so other bits in other layouts, for the speed that is in it: ranks of a host that are
/// no neighbours are combined before they travel. The bits are still the same on all ranks. `op` must commute.
template <class Op>
struct any_order {  // NOLINT(readability-identifier-naming): reads like an execution policy
  explicit any_order(Op wrapped) : op(wrapped) {}

  template <class T>
    requires std::invocable<Op&, const T&, const T&>
  T operator()(const T& left, const T& right) {
    return static_cast<T>(op(left, right));
  }
  template <class T>
    requires std::invocable<const Op&, const T&, const T&>
  T operator()(const T& left, const T& right) const {
    return static_cast<T>(op(left, right));
  }

  Op op;
};

namespace operators {

template <class Own>
struct MakesOperand {
  template <class T>
  constexpr Operand<Own, T> operator()(const T& value,
                                       std::source_location where = std::source_location::current()) const {
    return {value, Own(), where};
  }
};

struct Sum : MakesOperand<Sum> {
  using MakesOperand::operator();
  template <class T>
  constexpr T operator()(const T& left, const T& right) const {
    return static_cast<T>(left + right);
  }
};
struct Prod : MakesOperand<Prod> {
  using MakesOperand::operator();
  template <class T>
  constexpr T operator()(const T& left, const T& right) const {
    return static_cast<T>(left * right);
  }
};
/// Of equal values the left one; a NaN on the left stays.
struct Min : MakesOperand<Min> {
  using MakesOperand::operator();
  template <class T>
  constexpr T operator()(const T& left, const T& right) const {
    return right < left ? right : left;
  }
};
struct Max : MakesOperand<Max> {
  using MakesOperand::operator();
  template <class T>
  constexpr T operator()(const T& left, const T& right) const {
    return left < right ? right : left;
  }
};

/// Of equal values the one with the lower location.
struct MinLoc : MakesOperand<MinLoc> {
  using MakesOperand::operator();
  template <class T>
  constexpr Located<T> operator()(const Located<T>& left, const Located<T>& right) const {
    if (left.value < right.value) return left;
    if (right.value < left.value) return right;
    return right.location < left.location ? right : left;
  }
};
struct MaxLoc : MakesOperand<MaxLoc> {
  using MakesOperand::operator();
  template <class T>
  constexpr Located<T> operator()(const Located<T>& left, const Located<T>& right) const {
    if (right.value < left.value) return left;
    if (left.value < right.value) return right;
    return right.location < left.location ? right : left;
  }
};

struct LogicalAnd : MakesOperand<LogicalAnd> {
  using MakesOperand::operator();
  template <class T>
  constexpr T operator()(const T& left, const T& right) const {
    return static_cast<T>(left && right);
  }
};
struct LogicalOr : MakesOperand<LogicalOr> {
  using MakesOperand::operator();
  template <class T>
  constexpr T operator()(const T& left, const T& right) const {
    return static_cast<T>(left || right);
  }
};
struct LogicalXor : MakesOperand<LogicalXor> {
  using MakesOperand::operator();
  template <class T>
  constexpr T operator()(const T& left, const T& right) const {
    return static_cast<T>(!left != !right);
  }
};
struct BitAnd : MakesOperand<BitAnd> {
  using MakesOperand::operator();
  template <class T>
  constexpr T operator()(const T& left, const T& right) const {
    return static_cast<T>(left & right);
  }
};
struct BitOr : MakesOperand<BitOr> {
  using MakesOperand::operator();
  template <class T>
  constexpr T operator()(const T& left, const T& right) const {
    return static_cast<T>(left | right);
  }
};
struct BitXor : MakesOperand<BitXor> {
  using MakesOperand::operator();
  template <class T>
  constexpr T operator()(const T& left, const T& right) const {
    return static_cast<T>(left ^ right);
  }
};

}  // namespace operators

inline constexpr operators::Sum sum{};
inline constexpr operators::Prod prod{};
inline constexpr operators::Min min{};
inline constexpr operators::Max max{};
inline constexpr operators::MinLoc minloc{};
inline constexpr operators::MaxLoc maxloc{};
inline constexpr operators::LogicalAnd logical_and{};
inline constexpr operators::LogicalOr logical_or{};
inline constexpr operators::LogicalXor logical_xor{};
inline constexpr operators::BitAnd bit_and{};
inline constexpr operators::BitOr bit_or{};
inline constexpr operators::BitXor bit_xor{};

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
template <>
inline constexpr std::string_view kOperatorName<operators::MinLoc> = "minloc";
template <>
inline constexpr std::string_view kOperatorName<operators::MaxLoc> = "maxloc";
template <>
inline constexpr std::string_view kOperatorName<operators::LogicalAnd> = "logical and";
template <>
inline constexpr std::string_view kOperatorName<operators::LogicalOr> = "logical or";
template <>
inline constexpr std::string_view kOperatorName<operators::LogicalXor> = "logical xor";
template <>
inline constexpr std::string_view kOperatorName<operators::BitAnd> = "bitwise and";
template <>
inline constexpr std::string_view kOperatorName<operators::BitOr> = "bitwise or";
template <>
inline constexpr std::string_view kOperatorName<operators::BitXor> = "bitwise xor";
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

namespace detail {

template <class Op>
inline constexpr auto kNameInAnyOrder = [] {
  constexpr std::string_view kSuffix = " in any order";
  std::array<char, kOperatorName<Op>.size() + kSuffix.size()> text{};
  std::copy(kSuffix.begin(), kSuffix.end(),
            std::copy(kOperatorName<Op>.begin(), kOperatorName<Op>.end(), text.begin()));
  return text;
}();

}  // namespace detail

template <class Op>
inline constexpr std::string_view kOperatorName<any_order<Op>> =
    std::string_view(detail::kNameInAnyOrder<Op>.data(), detail::kNameInAnyOrder<Op>.size());

/// The type is the program's, or the operator, whose code may do anything.
template <class T>
inline constexpr bool kIsProgramsType = !std::is_arithmetic_v<T>;
template <class T>
inline constexpr bool kIsProgramsType<Located<T>> = kIsProgramsType<T>;
template <class Op>
inline constexpr bool kIsProgramsOperator = kOperatorName<Op> == kOperatorName<void>;
template <class Op>
inline constexpr bool kIsProgramsOperator<any_order<Op>> = kIsProgramsOperator<Op>;
template <class T, class Op>
inline constexpr bool kRunsProgram = kIsProgramsType<T> || kIsProgramsOperator<Op>;

template <class Op>
inline constexpr bool kIsAnyOrder = false;
template <class Op>
inline constexpr bool kIsAnyOrder<any_order<Op>> = true;

}  // namespace skein
