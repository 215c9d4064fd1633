// SPDX-License-Identifier: Apache-2.0
//
// One collective call of a random program: what all ranks of its team agree on, and the buffers of one of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "collective/kinds.hpp"
#include "elements.hpp"

namespace skein_oracle {

using skein_test::Kind;

enum class Form { buffers, in_place, value };

/// What all ranks of the team pass.
struct Shape {
  Kind kind;
  Form form;
  bool is_nonblocking;
  int root;
  std::size_t n;  ///< elements of a rank, or the mean where ranks differ
  std::uint64_t key;
};

inline bool is_fold(Kind kind) { return Kind::reduce <= kind && kind <= Kind::reduce_scatter; }
inline bool is_ragged(Kind kind) { return kind == Kind::reduce_scatter || kind >= Kind::gatherv; }

inline bool has_in_place(Kind kind) {
  switch (kind) {
    case Kind::reduce:
    case Kind::allreduce:
    case Kind::scan:
    case Kind::exscan:
    case Kind::reduce_scatter_block:
    case Kind::allgather:
    case Kind::alltoall:
      return true;
    default:
      return false;
  }
}

inline bool has_value(Kind kind) { return kind == Kind::bcast || (Kind::reduce <= kind && kind <= Kind::exscan); }

/// Buffers of all ranks together, for one element of Shape::n.
inline std::size_t elements_for_one(Kind kind, std::size_t ranks) {
  switch (kind) {
    case Kind::barrier:
      return SIZE_MAX / 256;  // none
    case Kind::bcast:
      return ranks;
    case Kind::reduce:
    case Kind::allreduce:
    case Kind::scan:
    case Kind::exscan:
      return 2 * ranks;
    default:
      return 2 * ranks * (ranks + 1);  // ragged ones may have twice the mean
  }
}

/// The elements that rank `from` has for rank `to`, or for all.
inline std::size_t count(const Shape& shape, int from, int to = 0) {
  if (!is_ragged(shape.kind)) return shape.n;
  const auto pair = static_cast<std::uint64_t>(from) << 32U | static_cast<std::uint64_t>(to);
  return mix(shape.key, pair) % (2 * shape.n + 1);
}

/// What one rank passes. In an in-place form `out` holds the input.
template <class T>
struct Buffers {
  Buffers(const Shape& shape, int rank, int ranks) : initial(entry<T>(mix(shape.key, 7))) {
    const auto size = static_cast<std::size_t>(ranks);
    const auto own = static_cast<std::size_t>(rank);
    const std::size_t n = shape.n;
    std::size_t sent = n;
    std::size_t received = n;
    switch (shape.kind) {
      case Kind::barrier:
        sent = received = 0;
        break;
      case Kind::reduce_scatter_block:
      case Kind::scatter:
        sent = n * size;
        break;
      case Kind::gather:
      case Kind::allgather:
        received = n * size;
        break;
      case Kind::alltoall:
        sent = received = n * size;
        break;
      case Kind::alltoallv:
        for (int q = 0; q < ranks; ++q) {
          parts.push_back(count(shape, rank, q));
          out_parts.push_back(count(shape, q, rank));
        }
        sent = sum(parts);
        received = sum(out_parts);
        break;
      case Kind::reduce_scatter:
      case Kind::gatherv:
      case Kind::allgatherv:
      case Kind::scatterv:
        for (int q = 0; q < ranks; ++q) parts.push_back(count(shape, q));
        sent = received = sum(parts);
        (shape.kind == Kind::gatherv || shape.kind == Kind::allgatherv ? sent : received) = parts[own];
        break;
      default:
        break;
    }
    results = received;
    const std::uint64_t base = mix(shape.key, static_cast<std::uint64_t>(rank) + 100);
    if (shape.kind == Kind::bcast || shape.form == Form::in_place) {
      fill(out, std::max(sent, received), shape.key);
      const std::size_t begin = shape.kind == Kind::allgather ? n * own : 0;
      for (std::size_t i = 0; i < sent; ++i) out[begin + i] = entry<T>(base + i);
    } else {
      fill(in, sent, base);
      fill(out, received, shape.key);
    }
  }

  static std::size_t sum(const std::vector<std::size_t>& counts) {
    std::size_t all = 0;
    for (const std::size_t n : counts) all += n;
    return all;
  }

  static void fill(std::vector<T>& to, std::size_t n, std::uint64_t base) {
    to.reserve(n);
    for (std::size_t i = 0; i < n; ++i) to.push_back(entry<T>(base + i));
  }

  std::vector<T> in, out;
  std::vector<std::size_t> parts, out_parts;
  T initial;
  std::size_t results;  ///< elements of `out` that the call defines
};

/// Of bytes in their order.
inline std::uint64_t digest(std::uint64_t seed, std::span<const std::byte> bytes) {
  std::uint64_t hash = mix(seed, bytes.size());
  std::size_t at = 0;
  for (; at + sizeof(hash) <= bytes.size(); at += sizeof(hash)) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 29U;
  }
  for (; at < bytes.size(); ++at) hash = (hash ^ static_cast<std::uint64_t>(bytes[at])) * 0x100000001b3U;
  return mix(hash);
}

}  // namespace skein_oracle
