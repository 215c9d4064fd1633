// SPDX-License-Identifier: Apache-2.0
//
// What the collectives are tested with: types that differ in size and in what they lack, operators that tell left from
// right and one nesting from another, and inputs that every rank can compute for every other rank.
//
// Inputs  a window of one table per type. All windows start at a multiple of 64 elements plus the rank, so that the same
//         element of two ranks always differs, and expected data can be compared as memory.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace skein_test {

/// splitmix64.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}
constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) { return mix(mix(a) ^ b); }

/// An odd size: elements are unaligned in any line or piece.
struct Odd3 {
  std::array<unsigned char, 3> bytes;
};
static_assert(sizeof(Odd3) == 3);

struct Weighted24 {
  std::uint64_t count;
  double weight;
  std::array<std::uint32_t, 2> tags;
};
static_assert(sizeof(Weighted24) == 24);

struct Matrix16 {
  std::array<std::uint32_t, 4> m;
};
static_assert(sizeof(Matrix16) == 16);

/// A term such as ((ab)c): the fold that made it can be read off. No default constructor, larger than a line.
class Term200 {
 public:
  static constexpr std::size_t kMostLeaves = 64;

  explicit Term200(char leaf) : text_{}, length_(1) { text_[0] = leaf; }
  Term200(const Term200& left, const Term200& right) : text_{}, length_(0) {
    append("(", 1);
    append(left.text_.data(), left.length_);
    append(right.text_.data(), right.length_);
    append(")", 1);
  }

 private:
  void append(const char* text, std::size_t n) {
    if (n > text_.size() - length_) n = text_.size() - length_;
    std::memcpy(text_.data() + length_, text, n);
    length_ = static_cast<std::uint8_t>(length_ + n);
  }

  std::array<char, 199> text_;
  std::uint8_t length_;
};
static_assert(sizeof(Term200) == 200);

// --- operators: none of them commutes, but those of the library ---

/// For any type, on its bytes; neither commutative nor associative.
struct Scramble {
  template <class T>
  T operator()(const T& left, const T& right) const {
    using Bytes = std::array<unsigned char, sizeof(T)>;
    const auto l = std::bit_cast<Bytes>(left);
    const auto r = std::bit_cast<Bytes>(right);
    Bytes result;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      result[i] = static_cast<unsigned char>(5 * l[i] + (3 * r[sizeof(T) - 1 - i] ^ 0x5AU));
    }
    return std::bit_cast<T>(result);
  }
};

struct Affine {
  Weighted24 operator()(const Weighted24& left, const Weighted24& right) const {
    return {3 * left.count + right.count,
            0.7 * left.weight + right.weight,
            {left.tags[0] * 7 + right.tags[1], left.tags[1] ^ (right.tags[0] << 1U)}};
  }
};

struct Multiply {
  Matrix16 operator()(const Matrix16& a, const Matrix16& b) const {
    return {{a.m[0] * b.m[0] + a.m[1] * b.m[2], a.m[0] * b.m[1] + a.m[1] * b.m[3], a.m[2] * b.m[0] + a.m[3] * b.m[2],
             a.m[2] * b.m[1] + a.m[3] * b.m[3]}};
  }
};

struct Join {
  Term200 operator()(const Term200& left, const Term200& right) const { return {left, right}; }
};

// --- inputs ---

template <class T>
T table_entry(std::uint64_t k) {
  std::array<unsigned char, sizeof(T)> bytes;
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    if (i % 8 == 0) word = mix(k, i);
    bytes[i] = static_cast<unsigned char>(word >> (8 * (i % 8)));
  }
  return std::bit_cast<T>(bytes);
}

/// Small enough that 64 of them have a sum.
template <>
inline int table_entry<int>(std::uint64_t k) {
  return static_cast<int>(mix(k) >> 40U) - (1 << 23);
}

/// Half of them are what sums are sensitive to.
template <>
inline double table_entry<double>(std::uint64_t k) {
  using Limits = std::numeric_limits<double>;
  const std::uint64_t r = mix(k);
  const double unit = static_cast<double>(r >> 11U) * 0x1p-53 - 0.5;
  switch (r % 32) {
    case 0:
    case 1:
    case 2:
      return 1e300;
    case 3:
    case 4:
    case 5:
      return -1e300;
    case 6:
    case 7:
      return 1e-300;
    case 8:
    case 9:
      return Limits::denorm_min() * static_cast<double>(r >> 60U);
    case 10:
    case 11:
      return -0.0;
    case 12:
    case 13:
      return 0.0;
    case 14:
      return (r >> 32U) % 8 == 0 ? Limits::infinity() : Limits::min() * unit;
    case 15:
      return (r >> 32U) % 8 == 0 ? -Limits::infinity() : unit * 0x1p60;
    default:
      return unit;
  }
}

template <>
inline Weighted24 table_entry<Weighted24>(std::uint64_t k) {
  const std::uint64_t r = mix(k);
  return {mix(r),
          static_cast<double>(r >> 12U) * 0x1p-51 - 1,
          {static_cast<std::uint32_t>(r), static_cast<std::uint32_t>(r >> 32U)}};
}

template <>
inline Term200 table_entry<Term200>(std::uint64_t k) {
  static constexpr char kLeaves[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
  return Term200(kLeaves[k % Term200::kMostLeaves]);
}

/// Most bytes in one buffer of a check.
inline constexpr std::size_t kMostBytes = (std::size_t{3} << 20U) + 64;

template <class T>
class Table {
 public:
  /// What `rank` passes in check `number`; at least kMostBytes long.
  static const T* window(std::uint64_t number, int rank) {
    static const Table table;
    return table.entries_.data() + mix(number) % kBases * 64 + static_cast<unsigned>(rank);
  }

 private:
  static constexpr std::size_t kBases = 64;
  static constexpr std::size_t kEntries = kMostBytes / sizeof(T) + kBases * 64 + 512;

  Table() {
    entries_.reserve(kEntries);
    for (std::size_t k = 0; k < kEntries; ++k) entries_.push_back(table_entry<T>(k));
  }

  std::vector<T> entries_;
};

}  // namespace skein_test
