// SPDX-License-Identifier: Apache-2.0
//
// gather and allgather: the values of all ranks, in rank order.
//
// Cost  in the line: one exchange. Larger: one exchange a piece and one to close; the receiver reads each peer's memory.
#pragma once

#include "skein/collective/bytes.hpp"
#include "skein/collective/payload.hpp"

namespace skein {

/// `out` is null where the result is not wanted.
inline void Team::gather_bytes(const Call& call, const std::byte* in, std::byte* out) {
  const std::size_t bytes = call.count * call.element_bytes;
  if (fits_line(bytes)) {
    exchange(signature(call), in, bytes, content_of_all(bytes), kNothing, nullptr, 0);
    if (out == nullptr || bytes == 0) return;
    for (int peer = 0; peer < size_; ++peer)
      std::memcpy(out + static_cast<std::size_t>(peer) * bytes, posted(peer), bytes);
    return;
  }
  LargePayload large(*this, call, in, nullptr);
  large.cut(bytes, 1, call);
  large.move_pieces([&](BlockRange piece, int area) { large.stage(area, 0, in + piece.begin, piece.size()); },
                    [&](BlockRange piece, int, int host, const auto& send) {
                      if (call.root == kNoRoot || host_of(call.root) == host) send(0, piece.size());
                    },
                    [&](BlockRange piece, int area) {
                      if (out == nullptr) return;
                      for (int i = 0; i < size_; ++i) {
                        const int peer = (rank_ + i) % size_;
                        std::byte* to = out + static_cast<std::size_t>(peer) * bytes + piece.begin;
                        if (peer == rank_) {
                          copy_bytes(to, in + piece.begin, piece.size());
                        } else if (large.is_own_process(peer)) {
                          large.copy(to, large.published(peer).in + piece.begin, piece.size());
                        } else {
                          large.copy(to, large.staged(peer, area), piece.size());
                        }
                      }
                    });
}

template <class T>
void Team::allgather(std::span<const std::type_identity_t<T>> in, std::span<T> out, Where where) {
  static_assert(Transferable<T>, "allgather needs trivially copyable values");
  const Call call{.operation = Operation::allgather, .element_bytes = sizeof(T), .count = in.size(), .where = where};
  enter(call);
  guarded([&] {
    require(out.size() == in.size() * static_cast<std::size_t>(size_), call,
            "out must hold size() times as many values as in");
    gather_bytes(call, bytes_of(in.data()), writable_bytes_of(out.data()));
  });
}

template <class T>
void Team::allgather(const std::type_identity_t<T>& value, std::span<T> out, Where where) {
  allgather(std::span<const T>(&value, 1), out, where);
}

template <class T>
void Team::gather(std::span<const std::type_identity_t<T>> in, std::span<T> out, int root, Where where) {
  static_assert(Transferable<T>, "gather needs trivially copyable values");
  const Call call{
      .operation = Operation::gather, .root = root, .element_bytes = sizeof(T), .count = in.size(), .where = where};
  enter(call);
  guarded([&] {
    require_root(call);
    require(rank_ != root || out.size() == in.size() * static_cast<std::size_t>(size_), call,
            "at root, out must hold size() times as many values as in");
    gather_bytes(call, bytes_of(in.data()), rank_ == root ? writable_bytes_of(out.data()) : nullptr);
  });
}

template <class T>
void Team::gather(const std::type_identity_t<T>& value, std::span<T> out, int root, Where where) {
  gather(std::span<const T>(&value, 1), out, root, where);
}

}  // namespace skein
