// SPDX-License-Identifier: Apache-2.0
//
// Several values in one allreduce, each with an operator of its own: auto [mass, peak] = team.allreduce(sum(a), max(b)).
// They travel as one, so 48 bytes of them cost what one value does.
#pragma once

#include <array>
#include <string_view>
#include <tuple>
#include <utility>

#include "skein/collective/bytes.hpp"
#include "skein/collective/operators.hpp"
#include "skein/collective/reduce.hpp"

namespace skein {
namespace detail {

/// The values of several operands, one behind the other.
template <class... Ts>
struct Packed {
  static constexpr std::size_t kBytes = (sizeof(Ts) + ...);

  static constexpr std::array<std::size_t, sizeof...(Ts)> kOffsets = [] {
    std::array<std::size_t, sizeof...(Ts)> offsets{};
    std::size_t end = 0;
    std::size_t i = 0;
    ((offsets[i++] = end, end += sizeof(Ts)), ...);
    return offsets;
  }();

  template <std::size_t I>
  auto get() const {
    return load<std::tuple_element_t<I, std::tuple<Ts...>>>(bytes.data() + kOffsets[I]);
  }
  template <std::size_t I, class T>
  void set(const T& value) {
    store(bytes.data() + kOffsets[I], value);
  }

  std::array<std::byte, kBytes> bytes;
};

/// As the other forms have it: element by element, where the operator can.
template <class Op, class T>
T combine(Op& op, const T& left, const T& right) {
  if constexpr (Elementwise<T, Op>) {
    T result = left;
    const auto values = operand_of<Op>(result);
    const auto others = operand_of<Op>(right);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<BufferValue<T>>(op(std::as_const(values[i]), others[i]));
    }
    return result;
  } else {
    return static_cast<T>(op(left, right));
  }
}

template <class... Ops>
struct Each {
  std::tuple<Ops...> ops;

  template <class... Ts>
  Packed<Ts...> operator()(const Packed<Ts...>& left, const Packed<Ts...>& right) {
    Packed<Ts...> result;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (result.template set<I>(combine(std::get<I>(ops), left.template get<I>(), right.template get<I>())), ...);
    }(std::index_sequence_for<Ts...>());
    return result;
  }
};

/// "sum, max".
template <class... Ops>
inline constexpr auto kJoinedNames = [] {
  constexpr std::size_t kLength = ((kOperatorName<Ops>.size() + 2) + ...);
  std::array<char, kLength> text{};
  std::size_t end = 0;
  const auto append = [&](std::string_view part) {
    for (const char c : part) text[end++] = c;
  };
  ((append(kOperatorName<Ops>), append(", ")), ...);
  return text;
}();

}  // namespace detail

template <class... Ops>
inline constexpr std::string_view kOperatorName<detail::Each<Ops...>> =
    std::string_view(detail::kJoinedNames<Ops...>.data(), detail::kJoinedNames<Ops...>.size() - 2);

template <class... Ts, class... Ops>
inline constexpr bool kRunsProgram<detail::Packed<Ts...>, detail::Each<Ops...>> = (kRunsProgram<Ts, Ops> || ...);

template <class Op, Value T, class... Ops, Value... Ts>
std::tuple<T, Ts...> Team::allreduce(const Operand<Op, T>& first, const Operand<Ops, Ts>&... others) {
  using All = detail::Packed<T, Ts...>;
  All mine;
  [&]<std::size_t... I>(std::index_sequence<I...>, const auto&... operands) {
    (mine.template set<I>(operands.value), ...);
  }(std::index_sequence_for<T, Ts...>(), first, others...);
  const All all = allreduce(mine, detail::Each<Op, Ops...>{{first.op, others.op...}}, first.where);
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tuple<T, Ts...>(all.template get<I>()...);
  }(std::index_sequence_for<T, Ts...>());
}

}  // namespace skein
