// SPDX-License-Identifier: Apache-2.0
//
// scatter: each rank gets its part of root's values.
//
// Cost  all parts together in the line: one exchange. Larger: one exchange a piece and one to close; each rank reads its
//       part of root's memory.
#pragma once

#include "skein/collective/bytes.hpp"
#include "skein/collective/payload.hpp"

namespace skein {

inline void Team::scatter_bytes(const Call& call, const std::byte* in, std::byte* out) {
  const int root = call.root;
  const std::size_t part = call.count * call.element_bytes;
  const std::size_t all = part * static_cast<std::size_t>(size_);
  const BlockRange mine{static_cast<std::size_t>(rank_) * part, static_cast<std::size_t>(rank_ + 1) * part};
  if (fits_line(all)) {
    exchange(signature(call), in, rank_ == root ? all : 0, content_of(root, all), kNothing, nullptr, 0);
    if (part != 0) std::memcpy(out, posted(root) + mine.begin, part);
    return;
  }
  LargePayload large(*this, call, in, nullptr);
  large.cut(all, 1, call);
  large.move_pieces(
      [&](BlockRange piece, int area) {
        if (rank_ == root) large.stage(area, 0, in + piece.begin, piece.size());
      },
      [&](BlockRange piece, int rank, int host, const auto& send) {
        if (rank != root) return;
        for (const int peer : host_->map().ranks_of_host(host)) {
          const std::size_t begin = std::max(piece.begin, static_cast<std::size_t>(peer) * part);
          const std::size_t end = std::min(piece.end, static_cast<std::size_t>(peer + 1) * part);
          if (begin < end) send(begin - piece.begin, end - piece.begin);
        }
      },
      [&](BlockRange piece, int area) {
        const std::size_t begin = std::max(piece.begin, mine.begin);
        const std::size_t end = std::min(piece.end, mine.end);
        if (begin >= end) return;
        std::byte* to = out + (begin - mine.begin);
        if (rank_ == root) {
          copy_bytes(to, in + begin, end - begin);
        } else if (large.is_own_process(root)) {
          large.copy(to, large.published(root).in + begin, end - begin);
        } else {
          large.copy(to, large.staged(root, area) + (begin - piece.begin), end - begin);
        }
      });
}

template <class T>
void Team::scatter(std::span<const std::type_identity_t<T>> in, std::span<T> out, int root, Where where) {
  static_assert(Transferable<T>, "scatter needs trivially copyable values");
  const Call call{
      .operation = Operation::scatter, .root = root, .element_bytes = sizeof(T), .count = out.size(), .where = where};
  enter(call);
  guarded([&] {
    require_root(call);
    require(rank_ != root || in.size() == out.size() * static_cast<std::size_t>(size_), call,
            "at root, in must hold size() times as many values as out");
    scatter_bytes(call, bytes_of(in.data()), writable_bytes_of(out.data()));
  });
}

template <class T>
std::remove_const_t<T> Team::scatter(std::span<T> in, int root, Where where) {
  using Value = std::remove_const_t<T>;
  alignas(Value) std::byte result[sizeof(Value)];
  scatter(std::span<const Value>(in), std::span<Value>(reinterpret_cast<Value*>(result), 1), root, where);
  return load<Value>(result);
}

}  // namespace skein
