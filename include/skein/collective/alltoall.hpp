// SPDX-License-Identifier: Apache-2.0
//
// alltoall: part q of every rank's input goes to rank q.
//
// Cost  all parts of a rank together in the line: one exchange. Larger: one exchange a piece and one to close; every rank
//       reads its parts where they are.
#pragma once

#include "skein/collective/bytes.hpp"
#include "skein/collective/payload.hpp"

namespace skein {

inline void Team::alltoall_bytes(const Call& call, const std::byte* in, std::byte* out) {
  const auto ranks = static_cast<std::size_t>(size_);
  const auto own = static_cast<std::size_t>(rank_);
  const std::size_t part = call.count * call.element_bytes;
  if (fits_line(part * ranks)) {
    exchange(signature(call), in, part * ranks, content_of_all(part * ranks), kNothing, nullptr, 0);
    if (part == 0) return;
    for (std::size_t peer = 0; peer < ranks; ++peer) {
      std::memcpy(out + peer * part, posted(static_cast<int>(peer)) + own * part, part);
    }
    return;
  }
  // A piece is a stretch of every part; staged, the stretches for rank 0, 1, ... follow each other without gaps, so that what
  // neighbours on a host need of a rank is one message.
  LargePayload large(*this, call, in, nullptr);
  large.cut(part, ranks, call);
  large.move_pieces(
      [&](BlockRange piece, int area) {
        for (std::size_t peer = 0; peer < ranks; ++peer) {
          if (large.is_own_process(static_cast<int>(peer))) continue;
          large.stage(area, peer * piece.size(), in + peer * part + piece.begin, piece.size());
        }
      },
      [&](BlockRange piece, int, int host, const auto& send) {
        for (const int peer : host_->map().ranks_of_host(host)) {
          const std::size_t begin = static_cast<std::size_t>(peer) * piece.size();
          send(begin, begin + piece.size());
        }
      },
      [&](BlockRange piece, int area) {
        for (std::size_t i = 0; i < ranks; ++i) {
          const std::size_t peer = (own + i) % ranks;
          const int peer_rank = static_cast<int>(peer);
          const std::byte* from = large.is_own_process(peer_rank)
                                      ? large.published(peer_rank).in + own * part + piece.begin
                                      : large.staged(peer_rank, area) + own * piece.size();
          large.copy(out + peer * part + piece.begin, from, piece.size());
        }
      });
}

template <class T>
void Team::alltoall(std::span<const std::type_identity_t<T>> in, std::span<T> out, Where where) {
  static_assert(Transferable<T>, "alltoall needs trivially copyable values");
  const Call call{.operation = Operation::alltoall, .element_bytes = sizeof(T), .count = in.size(), .where = where};
  enter(call);
  guarded([&] {
    require(in.size() == out.size(), call, "in and out must have the same size");
    require(in.size() % static_cast<std::size_t>(size_) == 0, call,
            "the size must be a multiple of the number of ranks");
    const Call part{.operation = Operation::alltoall,
                    .element_bytes = sizeof(T),
                    .count = in.size() / static_cast<std::size_t>(size_),
                    .where = where};
    alltoall_bytes(part, bytes_of(in.data()), writable_bytes_of(out.data()));
  });
}

}  // namespace skein
