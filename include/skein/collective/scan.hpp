// SPDX-License-Identifier: Apache-2.0
//
// scan: rank i gets the fold of ranks 0 to i.
//
// Cost  in the line: one exchange. Larger: one exchange a piece and one to close; the last rank reads all operands.
#pragma once

#include <functional>

#include "skein/collective/reduce.hpp"

namespace skein {

template <class T, class Op>
void Team::scan(std::span<const std::type_identity_t<T>> in, std::span<T> out, Op op, Where where) {
  static_assert(Transferable<T>, "scan needs trivially copyable values");
  const Call call{.operation = Operation::scan,
                  .operator_name = kOperatorName<Op>,
                  .element_bytes = sizeof(T),
                  .count = in.size(),
                  .where = where};
  enter(call);
  guarded([&] {
    require(in.size() == out.size(), call, "in and out must have the same size");
    constexpr std::less_equal<const T*> kNotAfter;
    require(kNotAfter(in.data() + in.size(), out.data()) || kNotAfter(out.data() + out.size(), in.data()), call,
            "in and out must not overlap");
    const int end = rank_ + 1;
    if (fits_line(in.size_bytes())) {
      exchange(signature(call), in.data(), in.size_bytes(), content_of_all(in.size_bytes()), kNothing, nullptr, 0);
      detail::fold_posted<T>(
          end, [&](int rank) { return posted(rank); }, in.size(), writable_bytes_of(out.data()), op);
      return;
    }
    LargePayload large(*this, call, in.data(), nullptr);
    TileFold<T> tiles;
    constexpr std::size_t kTile = TileFold<T>::kTile;
    large.cut(in.size(), sizeof(T), call);
    large.move_pieces(
        [&](BlockRange piece, int area) {
          large.stage(area, 0, bytes_of(in.data() + piece.begin), piece.size() * sizeof(T));
        },
        [&](BlockRange piece, int rank, int host, const auto& send) {
          if (host_->map().ranks_of_host(host).back() > rank) send(0, piece.size() * sizeof(T));
        },
        [&](BlockRange piece, int area) {
          for (std::size_t tile = piece.begin; tile < piece.end; tile += kTile) {
            const auto known = [&](int peer, int after) -> const T* {
              if (after - peer != 1) return nullptr;
              return large.is_own_process(peer)
                         ? reinterpret_cast<const T*>(large.published(peer).in) + tile
                         : reinterpret_cast<const T*>(large.staged(peer, area)) + (tile - piece.begin);
            };
            large.touch_peers([&] { tiles(0, end, known, std::min(kTile, piece.end - tile), out.data() + tile, op); });
          }
        });
  });
}

template <class T, class Op>
T Team::scan(const T& value, Op op, Where where) {
  T result = value;
  scan(std::span<const T>(&value, 1), std::span<T>(&result, 1), op, where);
  return result;
}

}  // namespace skein
