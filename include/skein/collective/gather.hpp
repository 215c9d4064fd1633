// SPDX-License-Identifier: Apache-2.0
//
// gather and allgather: the values of all ranks, in rank order.
//
// Cost  what ranks post (Member::fits_post): one exchange. Larger: one exchange a piece and one to close; the receiver reads
//       each peer's memory.
#pragma once

#include "skein/collective/bytes.hpp"
#include "skein/collective/payload.hpp"
#include "skein/team/team.hpp"

namespace skein {

namespace detail {

/// `out` is null where the result is not wanted.
inline void gather_bytes(Member& member, const Call& call, const std::byte* in, std::byte* out) {
  const std::size_t bytes = call.count * call.element_bytes;
  const int ranks = member.size();
  if (Member::fits_post(bytes, ranks)) {
    member.exchange(signature(call), in, bytes, Member::content_of_all(bytes), Member::kNothing, nullptr, 0);
    if (out == nullptr || bytes == 0) return;
    for (int peer = 0; peer < ranks; ++peer)
      std::memcpy(out + static_cast<std::size_t>(peer) * bytes, member.posted(peer, bytes), bytes);
    return;
  }
  LargePayload large(member, call, in, nullptr);
  large.cut(bytes, 1, call);
  large.move_pieces([&](BlockRange piece, int area) { large.stage(area, 0, in + piece.begin, piece.size()); },
                    [&](BlockRange piece, int, int host, const auto& send) {
                      if (call.root == kNoRoot || large.map().host_of(call.root) == host) send(0, piece.size());
                    },
                    [&](BlockRange piece, int area) {
                      if (out == nullptr) return;
                      for (int i = 0; i < ranks; ++i) {
                        const int peer = (member.rank() + i) % ranks;
                        std::byte* to = out + static_cast<std::size_t>(peer) * bytes + piece.begin;
                        if (peer == member.rank()) {
                          copy_bytes(to, in + piece.begin, piece.size());
                        } else if (large.is_own_process(peer)) {
                          large.copy(to, large.published(peer).in + piece.begin, piece.size());
                        } else {
                          large.copy(to, large.staged(peer, area), piece.size());
                        }
                      }
                    });
}

}  // namespace detail

template <Buffer In, OutBuffer<BufferValue<In>> Out>
void Team::allgather(const In& in, Out&& out, Where where) {
  const BufferIn<In> in_access(in);
  BufferOut<Out> out_access(out);
  const std::span<const BufferValue<In>> from = in_access.span();
  const auto to = out_access.span();
  const Call call{.operation = Operation::allgather,
                  .element_bytes = sizeof(BufferValue<In>),
                  .count = from.size(),
                  .where = where};
  enter(call);
  guarded([&] {
    require(to.size() == from.size() * static_cast<std::size_t>(size_), call,
            "out must hold size() times as many values as in");
    detail::gather_bytes(*this, call, bytes_of(from.data()), writable_bytes_of(to.data()));
  });
}

template <class T, WritableBuffer Out>
  requires requires(const T& value) { BufferValue<Out>{value}; }
void Team::allgather(const T& value, Out&& out, Where where) {
  const auto own = static_cast<BufferValue<Out>>(value);
  allgather(std::span<const BufferValue<Out>>(&own, 1), out, where);
}

template <WritableBuffer Data>
void Team::allgather(Data&& data, Where where) {
  BufferOut<Data> access(data);
  const auto values = access.span();
  const std::size_t count = values.size() / static_cast<std::size_t>(size_);
  const Call call{
      .operation = Operation::allgather, .element_bytes = sizeof(BufferValue<Data>), .count = count, .where = where};
  enter(call);
  guarded([&] {
    require(values.size() % static_cast<std::size_t>(size_) == 0, call,
            "the size must be a multiple of the number of ranks");
    const auto own = values.subspan(static_cast<std::size_t>(rank_) * count, count);
    detail::gather_bytes(*this, call, bytes_of(own.data()), writable_bytes_of(values.data()));
  });
}

template <Buffer In, OutBuffer<BufferValue<In>> Out>
void Team::gather(const In& in, Out&& out, int root, Where where) {
  const BufferIn<In> in_access(in);
  BufferOut<Out> out_access(out);
  const std::span<const BufferValue<In>> from = in_access.span();
  const auto to = out_access.span();
  const Call call{.operation = Operation::gather,
                  .root = root,
                  .element_bytes = sizeof(BufferValue<In>),
                  .count = from.size(),
                  .where = where};
  enter(call);
  guarded([&] {
    require_root(call);
    require(rank_ != root || to.size() == from.size() * static_cast<std::size_t>(size_), call,
            "at root, out must hold size() times as many values as in");
    detail::gather_bytes(*this, call, bytes_of(from.data()), rank_ == root ? writable_bytes_of(to.data()) : nullptr);
  });
}

template <class T, WritableBuffer Out>
  requires requires(const T& value) { BufferValue<Out>{value}; }
void Team::gather(const T& value, Out&& out, int root, Where where) {
  const auto own = static_cast<BufferValue<Out>>(value);
  gather(std::span<const BufferValue<Out>>(&own, 1), out, root, where);
}

}  // namespace skein
