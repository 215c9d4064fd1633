// SPDX-License-Identifier: Apache-2.0
//
// A buffer that notices what is written around it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

namespace skein_test {

/// n values between guards that nobody may write.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::size_t n, std::size_t skew = 0)
      : n_(n), begin_(kGuard + skew % 8 * alignof(T)), storage_(begin_ + n * sizeof(T) + kGuard, kFill) {}

  T* data() { return reinterpret_cast<T*>(storage_.data() + begin_); }
  std::span<T> span() { return n_ == 0 ? std::span<T>() : std::span<T>(data(), n_); }

  void fill(const T* from) {
    if (n_ != 0) std::memcpy(static_cast<void*>(data()), from, n_ * sizeof(T));
  }
  bool is_untouched(std::size_t i) const {
    const auto at = storage_.begin() + static_cast<std::ptrdiff_t>(begin_ + i * sizeof(T));
    return std::all_of(at, at + static_cast<std::ptrdiff_t>(sizeof(T)), is_fill);
  }
  bool is_untouched() const { return std::all_of(storage_.begin(), storage_.end(), is_fill); }
  bool are_guards_intact() const {
    const auto end = storage_.begin() + static_cast<std::ptrdiff_t>(begin_ + n_ * sizeof(T));
    return std::all_of(storage_.begin(), storage_.begin() + static_cast<std::ptrdiff_t>(begin_), is_fill) &&
           std::all_of(end, storage_.end(), is_fill);
  }

 private:
  static constexpr std::size_t kGuard = 64;
  static constexpr std::byte kFill{0xA5};
  static bool is_fill(std::byte b) { return b == kFill; }

  std::size_t n_;
  std::size_t begin_;
  std::vector<std::byte> storage_;
};

}  // namespace skein_test
