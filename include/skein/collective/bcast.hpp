// SPDX-License-Identifier: Apache-2.0
//
// bcast: one rank's values to all; and once, which broadcasts what rank 0 worked out.
//
// Cost  up to kPostBytes: one exchange. Larger: one exchange a piece and one to close; every rank reads root's memory.
#pragma once

#include "skein/collective/bytes.hpp"
#include "skein/collective/payload.hpp"
#include "skein/team/team.hpp"

namespace skein {

namespace detail {

inline void bcast_bytes(Member& member, const Call& call, std::byte* bytes) {
  const int root = call.root;
  const bool is_root = member.rank() == root;
  const std::size_t size = call.count * call.element_bytes;
  if (fits_line(size)) {
    std::byte result[kInlineBytes];
    member.exchange(
        signature(call), bytes, is_root ? size : 0, Member::content_of(root, size),
        [&](void* out) { std::memcpy(out, member.posted(root, size), size); }, result, size);
    if (!is_root && size != 0) std::memcpy(bytes, result, size);
    return;
  }
  if (Member::fits_post(size)) {
    member.exchange(signature(call), bytes, is_root ? size : 0, Member::content_of(root, size), Member::kNothing,
                    nullptr, 0);
    if (!is_root) std::memcpy(bytes, member.posted(root, size), size);
    return;
  }
  LargePayload large(member, call, bytes, nullptr);
  large.cut(size, 1, call);
  large.move_pieces(
      [&](BlockRange piece, int area) {
        if (is_root) large.stage(area, 0, bytes + piece.begin, piece.size());
      },
      [&](BlockRange piece, int rank, int, const auto& send) {
        if (rank == root) send(0, piece.size());
      },
      [&](BlockRange piece, int area) {
        if (is_root) return;
        const std::byte* from =
            large.is_own_process(root) ? large.published(root).in + piece.begin : large.staged(root, area);
        large.copy(bytes + piece.begin, from, piece.size());
      });
}

/// A container that takes the size of what it receives.
template <class T>
concept Resizable = Buffer<T> && requires(T container) { container.resize(container.size()); };

}  // namespace detail

template <InPlaceBuffer Data>
void Team::bcast(Data&& data, int root, Where where) {
  BufferOut<Data> access(data);
  const auto values = access.span();
  const Call call{.operation = Operation::bcast,
                  .root = root,
                  .element_bytes = sizeof(BufferValue<Data>),
                  .count = values.size(),
                  .where = where};
  enter(call);
  guarded([&] {
    require_root(call);
    detail::bcast_bytes(*this, call, writable_bytes_of(values.data()));
  });
}

template <Value T>
T Team::bcast(const T& value, int root, Where where) {
  T result = value;
  bcast(std::span<T>(&result, 1), root, where);
  return result;
}

template <class F>
std::invoke_result_t<F&> Team::once(F&& f, Where where) {
  using Result = std::invoke_result_t<F&>;
  Call call{.operation = Operation::once, .root = 0, .where = where};
  enter(call);
  const auto send = [&](std::byte* bytes, std::size_t element_bytes, std::size_t count) {
    call.element_bytes = element_bytes;
    call.count = count;
    detail::bcast_bytes(*this, call, bytes);
  };
  // Results live outside of guarded, which waits for those who read them.
  if constexpr (std::is_void_v<Result>) {
    guarded([&] {
      if (root()) f();
      send(nullptr, 0, 0);
    });
  } else if constexpr (detail::Resizable<Result>) {
    Result result;
    guarded([&] {
      if (root()) result = f();
      std::uint64_t size = result.size();
      send(writable_bytes_of(&size), sizeof(size), 1);
      result.resize(size);
      send(writable_bytes_of(std::ranges::data(result)), sizeof(BufferValue<Result>), size);
    });
    return result;
  } else {
    static_assert(Transferable<Result>, "once returns a value, a std::string or a std::vector of values, or nothing");
    alignas(Result) std::byte result[sizeof(Result)]{};
    guarded([&] {
      if (root()) store(result, f());
      send(result, sizeof(Result), 1);
    });
    return load<Result>(result);
  }
}

}  // namespace skein
