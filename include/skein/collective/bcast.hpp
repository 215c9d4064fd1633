// SPDX-License-Identifier: Apache-2.0
//
// bcast: one rank's values to all.
//
// Cost  in the line: one exchange. Larger: one exchange a piece and one to close; every rank reads root's memory.
#pragma once

#include "skein/collective/bytes.hpp"
#include "skein/collective/payload.hpp"

namespace skein {

template <class T>
void Team::bcast(std::span<T> data, int root, Where where) {
  static_assert(Transferable<T> && !std::is_const_v<T>,
                "bcast needs trivially copyable values that can be overwritten");
  const Call call{
      .operation = Operation::bcast, .root = root, .element_bytes = sizeof(T), .count = data.size(), .where = where};
  enter(call);
  guarded([&] {
    require_root(call);
    std::byte* bytes = writable_bytes_of(data.data());
    if (fits_line(data.size_bytes())) {
      std::byte result[kInlineBytes];
      exchange(
          signature(call), bytes, rank_ == root ? data.size_bytes() : 0, content_of(root, data.size_bytes()),
          [&](void* out) { std::memcpy(out, posted(root), data.size_bytes()); }, result, data.size_bytes());
      if (rank_ != root && !data.empty()) std::memcpy(bytes, result, data.size_bytes());
      return;
    }
    LargePayload large(*this, call, bytes, nullptr);
    large.cut(data.size_bytes(), 1, call);
    large.move_pieces(
        [&](BlockRange piece, int area) {
          if (rank_ == root) large.stage(area, 0, bytes + piece.begin, piece.size());
        },
        [&](BlockRange piece, int rank, int, const auto& send) {
          if (rank == root) send(0, piece.size());
        },
        [&](BlockRange piece, int area) {
          if (rank_ == root) return;
          const std::byte* from =
              large.is_own_process(root) ? large.published(root).in + piece.begin : large.staged(root, area);
          large.copy(bytes + piece.begin, from, piece.size());
        });
  });
}

template <class T>
T Team::bcast(const T& value, int root, Where where) {
  static_assert(Transferable<T>, "bcast needs a trivially copyable value, or a std::span<T> without a fixed size");
  T result = value;
  bcast(std::span<T>(&result, 1), root, where);
  return result;
}

}  // namespace skein
