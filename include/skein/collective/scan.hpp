// SPDX-License-Identifier: Apache-2.0
//
// scan and exscan: rank i gets the fold of ranks 0 to i, or of those before i behind an initial value.
//
// Cost  what ranks post (Member::fits_post): one exchange. Larger: one exchange a piece and one to close; the last rank reads
//       all operands.
#pragma once

#include "skein/collective/in_place.hpp"
#include "skein/collective/reduce.hpp"

namespace skein {

namespace detail {

/// The fold of ranks 0 to `end`, to `out`; nothing where `end` is 0. `end` is the rank, or one more.
template <class T, class Op>
void scan_elements(Member& member, const Call& call, int end, const T* in, T* out, Op& op) {
  const std::size_t bytes = call.count * sizeof(T);
  if (fits_line(bytes)) {
    member.exchange(signature(call), in, bytes, Member::content_of_all(bytes), Member::kNothing, nullptr, 0);
    if (end == 0) return;
    fold_posted<T>(
        end, [&](int rank) { return member.posted(rank, bytes); }, call.count, writable_bytes_of(out), op);
    return;
  }
  if constexpr (sizeof(T) <= kPostBytes) {
    if (Member::fits_post(bytes, member.size())) {
      member.exchange(signature(call), in, bytes, Member::content_of_all(bytes), Member::kNothing, nullptr, 0);
      if (end != 0) fold_long_posts(member, end, {0, call.count}, bytes, out, op);
      return;
    }
  }
  const int excluded = member.rank() + 1 - end;
  LargePayload large(member, call, in, nullptr);
  TileFold<T> tiles;
  constexpr std::size_t kTile = TileFold<T>::kTile;
  large.cut(call.count, sizeof(T), call);
  large.move_pieces(
      [&](BlockRange piece, int area) { large.stage(area, 0, bytes_of(in + piece.begin), piece.size() * sizeof(T)); },
      [&](BlockRange piece, int rank, int host, const auto& send) {
        if (large.map().ranks_of_host(host).back() - excluded >= rank) send(0, piece.size() * sizeof(T));
      },
      [&](BlockRange piece, int area) {
        if (end == 0) return;
        for (std::size_t tile = piece.begin; tile < piece.end; tile += kTile) {
          const auto known = [&](int peer, int after) -> const T* {
            if (after - peer != 1) return nullptr;
            return large.is_own_process(peer)
                       ? reinterpret_cast<const T*>(large.published(peer).in) + tile
                       : reinterpret_cast<const T*>(large.staged(peer, area)) + (tile - piece.begin);
          };
          large.touch_peers([&] { tiles(0, end, known, std::min(kTile, piece.end - tile), out + tile, op); });
        }
      });
}

}  // namespace detail

template <Buffer In, OutBuffer<BufferValue<In>> Out, class Op>
void Team::scan(const In& in, Out&& out, Op op, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  BufferOut<Out> out_access(out);
  const std::span<const T> from = in_access.span();
  const std::span<T> to = out_access.span();
  const Call call{.operation = Operation::scan,
                  .operator_name = kOperatorName<Op>,
                  .element_bytes = sizeof(T),
                  .count = from.size(),
                  .where = where};
  enter(call);
  guarded([&] {
    require(from.size() == to.size(), call, "in and out must have the same size");
    const T* values = detail::steady(*this, call, from, to);
    detail::scan_elements(*this, call, rank_ + 1, values, to.data(), op);
  });
}

template <InPlaceBuffer Data, class Op>
void Team::scan(Data&& data, Op op, Where where) {
  BufferOut<Data> access(data);
  scan(access.span(), access.span(), op, where);
}

template <Value T, class Op>
T Team::scan(const T& value, Op op, Where where) {
  T result = value;
  scan(detail::operand_of<Op>(value), detail::operand_of<Op>(result), op, where);
  return result;
}

namespace detail {

/// `initial(i)` is what element i begins with.
template <class T, class Op, class Initial>
void exscan_elements(Member& member, std::span<const T> in, std::span<T> out, Op& op, const Initial& initial,
                     std::source_location where) {
  const Call call{.operation = Operation::exscan,
                  .operator_name = kOperatorName<Op>,
                  .element_bytes = sizeof(T),
                  .count = in.size(),
                  .where = where};
  member.enter(call);
  member.guarded([&] {
    member.require(in.size() == out.size(), call, "in and out must have the same size");
    const T* values = steady(member, call, in, out);
    scan_elements(member, call, member.rank(), values, out.data(), op);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = member.rank() == 0 ? initial(i) : static_cast<T>(op(initial(i), out[i]));
    }
  });
}

}  // namespace detail

template <Buffer In, OutBuffer<BufferValue<In>> Out, class Op>
void Team::exscan(const In& in, Out&& out, Op op, const BufferValue<In>& initial, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  BufferOut<Out> out_access(out);
  const T first = initial;  // which may lie in `out`
  detail::exscan_elements<T>(
      *this, in_access.span(), out_access.span(), op, [&](std::size_t) { return first; }, where);
}

template <InPlaceBuffer Data, class Op>
void Team::exscan(Data&& data, Op op, const BufferValue<Data>& initial, Where where) {
  BufferOut<Data> access(data);
  exscan(access.span(), access.span(), op, initial, where);
}

template <Value T, class Op>
T Team::exscan(const T& value, Op op, const std::type_identity_t<T>& initial, Where where) {
  T result = value;
  const auto in = detail::operand_of<Op>(value);
  const auto initials = detail::operand_of<Op>(initial);
  const auto out = detail::operand_of<Op>(result);
  using Element = typename decltype(out)::element_type;
  detail::exscan_elements<Element>(
      *this, in, out, op, [&](std::size_t i) { return initials[i]; }, where);
  return result;
}

}  // namespace skein
