// SPDX-License-Identifier: Apache-2.0
//
// Collectives in which others still read a rank's input while it writes its output. In place they work on a copy.
#pragma once

#include <functional>
#include <span>

#include "skein/collective/bytes.hpp"
#include "skein/team/member.hpp"

namespace skein::detail {

template <class T>
void require_apart(const Member& member, const Call& call, std::span<const T> in, std::span<T> out) {
  constexpr std::less_equal<const T*> kNotAfter;
  member.require(kNotAfter(in.data() + in.size(), out.data()) || kNotAfter(out.data() + out.size(), in.data()), call,
                 "in and out must not overlap");
}

/// The input where it stays as it is: `in`, or where `out` is the same memory, a copy in the rank's scratch memory.
template <class T>
const T* steady(Member& member, const Call& call, std::span<const T> in, std::span<T> out) {
  if (in.data() == out.data()) {
    std::byte* copy = member.scratch(in.size_bytes());
    copy_bytes(copy, bytes_of(in.data()), in.size_bytes());
    return reinterpret_cast<const T*>(copy);
  }
  require_apart(member, call, in, out);
  return in.data();
}

}  // namespace skein::detail
