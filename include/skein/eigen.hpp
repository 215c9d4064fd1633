// SPDX-License-Identifier: Apache-2.0
//
// Eigen objects as operands and buffers of collectives: include it in programs that use Eigen.
//
// Values   matrices and arrays of fixed size, such as Eigen::Vector3d: team.allreduce(momentum, skein::sum) returns one.
//          Elements of buffers too: std::vector<Eigen::Vector3d>.
// Buffers  those of dynamic size, maps, references and blocks: their coefficients in storage order. What is not contiguous,
//          such as a row of a column-major matrix, is copied, which allocates.
#pragma once

#include <Eigen/Core>

#include <cstddef>
#include <span>
#include <type_traits>

#include "skein/team/buffer.hpp"

namespace skein {
namespace detail {

/// Matrices and all that is made of them; blocks derive from other blocks.
template <class B>
void take_eigen(const Eigen::DenseBase<B>& object);
template <class D>
concept EigenObject = requires(const D& object) { take_eigen(object); };

/// Matrix and Array themselves, which own their coefficients.
template <class D>
concept EigenPlain =
    EigenObject<D> && std::is_base_of_v<Eigen::PlainObjectBase<std::remove_const_t<D>>, std::remove_const_t<D>>;

template <class D>
concept EigenFixed = EigenPlain<D> && D::SizeAtCompileTime != Eigen::Dynamic;

template <class D>
bool is_contiguous(const D& object) {
  if constexpr ((int(D::Flags) & Eigen::DirectAccessBit) == 0) {
    return false;
  } else if constexpr (D::IsVectorAtCompileTime) {
    return object.innerStride() == 1 || object.size() <= 1;
  } else {
    return object.innerStride() == 1 && (object.outerStride() == object.innerSize() || object.outerSize() <= 1);
  }
}

/// The coefficients where they are, or a copy of them.
template <class D>
class EigenIn {
 public:
  using Scalar = typename D::Scalar;

  explicit EigenIn(const D& object) : size_(static_cast<std::size_t>(object.size())) {
    if constexpr ((int(D::Flags) & Eigen::DirectAccessBit) != 0) {
      if (is_contiguous(object)) {
        data_ = object.data();
        return;
      }
    }
    copy_ = object;
    data_ = copy_.data();
  }
  EigenIn(const EigenIn&) = delete;
  EigenIn& operator=(const EigenIn&) = delete;

  std::span<const Scalar> span() const { return {data_, size_}; }

 private:
  typename D::PlainObject copy_;
  const Scalar* data_ = nullptr;
  std::size_t size_;
};

/// The same, and what was written to a copy goes back at the end.
template <class D>
class EigenOut {
 public:
  using Scalar = typename D::Scalar;

  explicit EigenOut(D& object) : object_(object), is_copy_(!is_contiguous(object)) {
    if (is_copy_) copy_ = object;
  }
  ~EigenOut() {
    if (is_copy_) object_ = copy_;
  }
  EigenOut(const EigenOut&) = delete;
  EigenOut& operator=(const EigenOut&) = delete;

  std::span<Scalar> span() {
    return {is_copy_ ? copy_.data() : object_.data(), static_cast<std::size_t>(object_.size())};
  }

 private:
  D& object_;
  typename D::PlainObject copy_;
  bool is_copy_;
};

}  // namespace detail

template <detail::EigenObject D>
inline constexpr bool kHasOwnAccess<D> = true;

template <detail::EigenFixed D>
inline constexpr bool kCopiesAsBytes<D> = std::is_trivially_copyable_v<typename D::Scalar>;

template <detail::EigenObject D>
struct BufferAccess<D> {
  using Value = typename D::Scalar;
  using In = detail::EigenIn<std::remove_const_t<D>>;
  using Out = std::conditional_t<(int(D::Flags) & Eigen::LvalueBit) != 0, detail::EigenOut<D>, void>;
  static constexpr bool kIsView = !detail::EigenPlain<D>;
  static constexpr bool kIsFixed = detail::EigenFixed<D>;
};

}  // namespace skein
