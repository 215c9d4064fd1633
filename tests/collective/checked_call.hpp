// SPDX-License-Identifier: Apache-2.0
//
// What all checks of one rank need: its inputs, and how outputs are compared with what they must be.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "check.hpp"
#include "either_form.hpp"
#include "guarded_buffer.hpp"
#include "values.hpp"

namespace skein_test {

inline std::string hex(const void* object, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(bytes, 24); ++i) {
    text += fmt::format("{:02x}", static_cast<const unsigned char*>(object)[i]);
  }
  return text;
}

template <class T>
class CheckedCall {
 public:
  CheckedCall(skein::Team& team, const Check& check, std::uint64_t number)
      : team_(team, number),
        check_(check),
        number_(number),
        ranks_(static_cast<std::size_t>(team.size())),
        rank_(static_cast<std::size_t>(team.rank())),
        n_(check.n),
        mine_(window(team.rank())) {}

  bool were_others_wrong() const { return team_.is_wrong(); }

 protected:
  const T* window(int rank) const { return Table<T>::window(number_, rank); }
  bool is_root() const { return team_.rank() == check_.root; }
  std::span<const T> in(std::size_t n) const { return n == 0 ? std::span<const T>() : std::span<const T>(mine_, n); }

  static std::string compare(const T* got, const T* expected, std::size_t n, std::string_view what) {
    if (n == 0 || std::memcmp(static_cast<const void*>(got), static_cast<const void*>(expected), n * sizeof(T)) == 0)
      return {};
    std::size_t i = 0;
    while (std::memcmp(static_cast<const void*>(got + i), static_cast<const void*>(expected + i), sizeof(T)) == 0) ++i;
    return fmt::format("{}: value {} of {} is {}, must be {}", what, i, n, hex(got + i, sizeof(T)),
                       hex(expected + i, sizeof(T)));
  }
  static void copy(T* to, const T* from, std::size_t n) {
    if (n != 0) std::memcpy(static_cast<void*>(to), from, n * sizeof(T));
  }
  static std::string guards(const Buffer<T>& buffer) {
    return buffer.are_guards_intact() ? "" : "memory around the output was written";
  }

  /// How many values `from` gives `to` where the counts differ: all, none, or some.
  std::size_t count(std::size_t from, std::size_t to) const {
    const std::uint64_t drawn = mix(number_ + 7 * from, to);
    return drawn % 4 == 0 ? 0 : drawn % 4 == 1 ? n_ : drawn / 4 % (n_ + 1);
  }

  EitherForm team_;
  const Check& check_;
  std::uint64_t number_;
  std::size_t ranks_;
  std::size_t rank_;
  std::size_t n_;
  const T* mine_;
};

}  // namespace skein_test
