// SPDX-License-Identifier: Apache-2.0
//
// Values as bytes. Transferable types need no default constructor and no alignment where they travel.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>

#include "skein/team/line.hpp"

namespace skein {

template <class T>
T load(const std::byte* from) {
  if constexpr (std::is_trivially_copyable_v<T>) {
    std::array<std::byte, sizeof(T)> bytes;
    std::memcpy(bytes.data(), from, sizeof(T));
    return std::bit_cast<T>(bytes);
  } else {
    alignas(T) std::byte bytes[sizeof(T)];
    std::memcpy(bytes, from, sizeof(T));
    return *std::launder(reinterpret_cast<const T*>(bytes));
  }
}

template <class T>
void store(std::byte* to, const T& value) {
  std::memcpy(to, static_cast<const void*>(&value), sizeof(T));
}

template <class T>
const std::byte* bytes_of(const T* values) {
  return reinterpret_cast<const std::byte*>(values);
}
template <class T>
std::byte* writable_bytes_of(T* values) {
  return reinterpret_cast<std::byte*>(values);
}

/// Copies unless source and destination are the same place, as they are in the in-place forms.
inline void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes) {
  if (to != from && bytes != 0) std::memcpy(to, from, bytes);
}

/// Whether this many bytes travel in the line itself.
constexpr bool fits_line(std::size_t bytes) { return bytes <= kInlineBytes; }

}  // namespace skein
