// SPDX-License-Identifier: Apache-2.0
//
// scatter: each rank gets its part of root's values.
//
// Cost  up to kPostBytes of all parts together: one exchange. Larger: one exchange a piece and one to close; each rank reads its
//       part of root's memory.
#pragma once

#include "skein/collective/bytes.hpp"
#include "skein/collective/payload.hpp"
#include "skein/team/team.hpp"

namespace skein {

namespace detail {

inline void scatter_bytes(Member& member, const Call& call, const std::byte* in, std::byte* out) {
  const int root = call.root;
  const bool is_root = member.rank() == root;
  const std::size_t part = call.count * call.element_bytes;
  const std::size_t all = part * static_cast<std::size_t>(member.size());
  const auto rank = static_cast<std::size_t>(member.rank());
  const BlockRange mine{rank * part, (rank + 1) * part};
  if (Member::fits_post(all)) {
    member.exchange(signature(call), in, is_root ? all : 0, Member::content_of(root, all), Member::kNothing, nullptr,
                    0);
    if (part != 0) std::memcpy(out, member.posted(root, all) + mine.begin, part);
    return;
  }
  LargePayload large(member, call, in, nullptr);
  large.cut(all, 1, call);
  large.move_pieces(
      [&](BlockRange piece, int area) {
        if (is_root) large.stage(area, 0, in + piece.begin, piece.size());
      },
      [&](BlockRange piece, int from, int host, const auto& send) {
        if (from != root) return;
        for (const int peer : large.map().ranks_of_host(host)) {
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
        if (is_root) {
          copy_bytes(to, in + begin, end - begin);
        } else if (large.is_own_process(root)) {
          large.copy(to, large.published(root).in + begin, end - begin);
        } else {
          large.copy(to, large.staged(root, area) + (begin - piece.begin), end - begin);
        }
      });
}

}  // namespace detail

template <Buffer In, OutBuffer<BufferValue<In>> Out>
void Team::scatter(const In& in, Out&& out, int root, Where where) {
  const BufferIn<In> in_access(in);
  BufferOut<Out> out_access(out);
  const std::span<const BufferValue<In>> from = in_access.span();
  const auto to = out_access.span();
  const Call call{.operation = Operation::scatter,
                  .root = root,
                  .element_bytes = sizeof(BufferValue<In>),
                  .count = to.size(),
                  .where = where};
  enter(call);
  guarded([&] {
    require_root(call);
    require(rank_ != root || from.size() == to.size() * static_cast<std::size_t>(size_), call,
            "at root, in must hold size() times as many values as out");
    detail::scatter_bytes(*this, call, bytes_of(from.data()), writable_bytes_of(to.data()));
  });
}

template <Buffer In>
BufferValue<In> Team::scatter(const In& in, int root, Where where) {
  using T = BufferValue<In>;
  alignas(T) std::byte result[sizeof(T)];
  scatter(in, std::span<T>(reinterpret_cast<T*>(result), 1), root, where);
  return load<T>(result);
}

}  // namespace skein
