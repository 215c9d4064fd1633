// SPDX-License-Identifier: Apache-2.0
//
// What collectives take and give: values, and buffers of values.
//
// Value    an object that travels as bytes, such as a double, a struct of numbers or a std::array.
// Buffer   many values that follow each other: std::vector, std::span, arrays, any contiguous range; with skein/eigen.hpp
//          vectors, matrices, maps and blocks of Eigen. A buffer that is written must not be a temporary that owns its values.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>

namespace skein {

/// Specialised as true for types that are as good as trivially copyable, and do not say so.
template <class T>
inline constexpr bool kCopiesAsBytes = false;

namespace detail {

/// Pointers, and what is one in disguise.
template <class T>
inline constexpr bool kPointsElsewhere = std::is_pointer_v<T> || std::ranges::enable_view<std::remove_cv_t<T>>;
template <class T>
inline constexpr bool kPointsElsewhere<std::reference_wrapper<T>> = true;
template <class T>
inline constexpr bool kPointsElsewhere<std::initializer_list<T>> = true;
template <class T, std::size_t N>
inline constexpr bool kPointsElsewhere<std::array<T, N>> = kPointsElsewhere<T>;

}  // namespace detail

/// What can travel between ranks: bytes that mean the same in every process. Not pointers, nor views.
template <class T>
concept Transferable =
    (std::is_trivially_copyable_v<T> || kCopiesAsBytes<T>)&&!std::is_array_v<T> && !detail::kPointsElsewhere<T>;

/// Whether a type has a BufferAccess of its own, though it may be a contiguous range.
template <class B>
inline constexpr bool kHasOwnAccess = false;

/// How a type serves as a buffer: `Value`; `In` and `Out`, which are made from a reference to it and have span(); kIsView,
/// which says that the values outlive it; and kIsFixed, that their number is part of the type, which is a value then.
template <class B>
struct BufferAccess;

namespace detail {

template <class B>
struct DirectAccess {
  explicit DirectAccess(B& buffer) : values(std::ranges::data(buffer), std::ranges::size(buffer)) {}
  auto span() const { return values; }
  std::span<std::remove_pointer_t<decltype(std::ranges::data(std::declval<B&>()))>> values;
};

template <class T>
inline constexpr bool kIsStdArray = false;
template <class T, std::size_t N>
inline constexpr bool kIsStdArray<std::array<T, N>> = true;

}  // namespace detail

template <class B>
  requires std::ranges::contiguous_range<B> && std::ranges::sized_range<B> && (!kHasOwnAccess<std::remove_const_t<B>>)
struct BufferAccess<B> {
  using Value = std::ranges::range_value_t<B>;
  using In = detail::DirectAccess<const B>;
  using Out = detail::DirectAccess<B>;
  static constexpr bool kIsView = std::ranges::borrowed_range<B>;
  static constexpr bool kIsFixed = detail::kIsStdArray<std::remove_const_t<B>>;
};

/// `B` may be a reference, and const.
template <class B>
concept Buffer = requires { typename BufferAccess<std::remove_cvref_t<B>>::Value; } &&
                 Transferable<typename BufferAccess<std::remove_cvref_t<B>>::Value>;

template <Buffer B>
using BufferValue = typename BufferAccess<std::remove_cvref_t<B>>::Value;

template <Buffer B>
using BufferIn = typename BufferAccess<std::remove_cvref_t<B>>::In;

/// Keeps the qualifiers of what is written to: a span of const values cannot be.
template <Buffer B>
using BufferOut = typename BufferAccess<std::remove_reference_t<B>>::Out;

/// A buffer that is a value: a std::array, or an Eigen object of fixed size. std::span(array) is none.
template <class T>
concept FixedBuffer = Buffer<T> && BufferAccess<T>::kIsFixed;

/// What the value forms take. Reductions work on a FixedBuffer element by element, unless `op` takes only the whole.
template <class T>
concept Value = FixedBuffer<T> || (Transferable<T> && !Buffer<T> && !requires { typename T::IsOperand; });

template <class T, class Op>
concept Elementwise = FixedBuffer<T> && std::is_invocable_v<Op&, const BufferValue<T>&, const BufferValue<T>&>;

/// What `out` may be, of `T`.
template <class B, class T>
concept OutBuffer =
    Buffer<B> && std::same_as<BufferValue<B>, T> &&
    (std::is_lvalue_reference_v<B> || BufferAccess<std::remove_cvref_t<B>>::kIsView) && requires(BufferOut<B> out) {
      { out.span().data() } -> std::same_as<T*>;
    };

/// What in-place forms take that have no form for values beside them, and the others.
template <class B>
concept WritableBuffer = OutBuffer<B, BufferValue<B>>;
template <class B>
concept InPlaceBuffer = WritableBuffer<B> && !Value<std::remove_cvref_t<B>>;

/// What non-blocking forms read: it has to outlive the call, so a temporary must be a view of what does.
template <class B>
concept KeptBuffer = Buffer<B> && (std::is_lvalue_reference_v<B> || std::ranges::borrowed_range<B>);

/// A buffer until a non-blocking call is complete: a view as it was when the call began, others where they are.
template <class B>
class Kept {
 public:
  explicit Kept(B& buffer) : kept_(make(buffer)) {}
  auto& get() {
    if constexpr (kIsView) {
      return kept_;
    } else {
      return *kept_;
    }
  }

 private:
  static constexpr bool kIsView = BufferAccess<std::remove_cv_t<B>>::kIsView;
  static auto make(B& buffer) {
    if constexpr (kIsView) {
      return std::remove_cv_t<B>(buffer);
    } else {
      return &buffer;
    }
  }
  decltype(make(std::declval<B&>())) kept_;
};

template <class B>
Kept<std::remove_reference_t<B>> keep(B&& buffer) {
  return Kept<std::remove_reference_t<B>>(buffer);
}

/// What forms return that make their containers.
template <class T>
concept Returnable = std::default_initializable<T> && !std::same_as<T, bool>;

}  // namespace skein
