// SPDX-License-Identifier: Apache-2.0
//
// alltoall: part q of every rank's input goes to rank q.
//
// Cost  up to kPostBytes of all parts of a rank: one exchange. Larger: one exchange a piece and one to close; every rank
//       reads its parts where they are.
#pragma once

#include "skein/collective/bytes.hpp"
#include "skein/collective/in_place.hpp"
#include "skein/collective/payload.hpp"
#include "skein/team/team.hpp"

namespace skein {

namespace detail {

/// `call.count` values go to each rank.
inline void alltoall_bytes(Member& member, const Call& call, const std::byte* in, std::byte* out) {
  const auto ranks = static_cast<std::size_t>(member.size());
  const auto own = static_cast<std::size_t>(member.rank());
  const std::size_t part = call.count * call.element_bytes;
  if (Member::fits_post(part * ranks)) {
    member.exchange(signature(call), in, part * ranks, Member::content_of_all(part * ranks), Member::kNothing, nullptr,
                    0);
    if (part == 0) return;
    for (std::size_t peer = 0; peer < ranks; ++peer) {
      std::memcpy(out + peer * part, member.posted(static_cast<int>(peer), part * ranks) + own * part, part);
    }
    return;
  }
  // A piece is a stretch of every part; staged, the stretches for rank 0, 1, ... follow each other without gaps, so that what
  // neighbours on a host need of a rank is one message.
  LargePayload large(member, call, in, nullptr);
  large.cut(part, ranks, call);
  large.move_pieces(
      [&](BlockRange piece, int area) {
        for (std::size_t peer = 0; peer < ranks; ++peer) {
          if (large.is_own_process(static_cast<int>(peer))) continue;
          large.stage(area, peer * piece.size(), in + peer * part + piece.begin, piece.size());
        }
      },
      [&](BlockRange piece, int, int host, const auto& send) {
        for (const int peer : large.map().ranks_of_host(host)) {
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

}  // namespace detail

template <Buffer In, OutBuffer<BufferValue<In>> Out>
void Team::alltoall(const In& in, Out&& out, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  BufferOut<Out> out_access(out);
  const std::span<const T> from = in_access.span();
  const std::span<T> to = out_access.span();
  const auto ranks = static_cast<std::size_t>(size_);
  Call call{.operation = Operation::alltoall, .element_bytes = sizeof(T), .count = from.size(), .where = where};
  enter(call);
  guarded([&] {
    require(from.size() % ranks == 0, call, "the size must be a multiple of the number of ranks");
    require(to.size() == from.size(), call, "in and out must have the same size");
    const T* values = detail::steady(*this, call, from, to);
    call.count /= ranks;
    detail::alltoall_bytes(*this, call, bytes_of(values), writable_bytes_of(to.data()));
  });
}

template <WritableBuffer Data>
void Team::alltoall(Data&& data, Where where) {
  BufferOut<Data> access(data);
  alltoall(access.span(), access.span(), where);
}

}  // namespace skein
