// SPDX-License-Identifier: Apache-2.0
//
// reduce and allreduce: the fold of fold.hpp, element by element.
//
// Cost  in the line: one exchange; every reader folds, so there is no second hop among few ranks. Larger: each rank
//       folds one block of the elements of all ranks and the blocks are copied out; two exchanges a piece and one to
//       close, n / p elements folded and n moved per rank.
// Why   a rank writes only its own block of any output, and reads of the inputs only that block, so `in` and `out` may be
//       the same memory. Area 0 of the staging holds inputs: it is written again only after the second exchange of its
//       piece, when all have folded. Area 1 holds results: it is written only after the first exchange of the next
//       piece, when all have copied.
#pragma once

#include "skein/collective/bytes.hpp"
#include "skein/collective/fold.hpp"
#include "skein/collective/operators.hpp"
#include "skein/collective/payload.hpp"

namespace skein {

/// One rank's part in a reduction whose operands do not fit a line.
template <class T, class Op>
class LargeReduce {
 public:
  /// `root` is kNoRoot when every rank gets the result. `out` is null where it is not wanted.
  LargeReduce(Team& team, const Call& call, const T* in, T* out, Op& op)
      : large_(team, call, in, out), in_(in), out_(out), op_(op), root_(call.root), call_(call) {}

  void run(std::size_t n) {
    const std::size_t step = large_.piece_items(sizeof(T), n, call_);
    for (std::size_t begin = 0; begin < n; begin += step) {
      const BlockRange piece{begin, std::min(begin + step, n)};
      large_.stage(kInputs, 0, bytes_of(in_ + piece.begin), piece.size() * sizeof(T));
      large_.sync();
      fold_own_block(piece);
      large_.sync();
      collect(piece);
    }
    large_.sync();
  }

 private:
  static constexpr int kInputs = 0;
  static constexpr int kResults = 1;

  int rank() const { return large_.team.rank(); }
  int size() const { return large_.team.size(); }
  bool wants(int rank) const { return root_ == kNoRoot || root_ == rank; }

  /// Block of `rank` in a piece, as element indices of the whole.
  BlockRange block_of(int rank, BlockRange piece) const {
    const BlockRange block = block_range(piece.size(), size(), rank);
    return {piece.begin + block.begin, piece.begin + block.end};
  }

  const T* input(int rank, BlockRange piece, std::size_t element) const {
    if (large_.is_own_process(rank)) return reinterpret_cast<const T*>(large_.published(rank).in) + element;
    return reinterpret_cast<const T*>(large_.staged(rank, kInputs)) + (element - piece.begin);
  }

  /// Where this rank's block of the result goes first: to its reader's memory if that is in this process.
  T* result(BlockRange piece, std::size_t element) const {
    if (wants(rank())) return out_ + element;
    if (large_.is_own_process(root_)) return reinterpret_cast<T*>(large_.published(root_).out) + element;
    return reinterpret_cast<T*>(large_.staged(rank(), kResults)) + (element - piece.begin);
  }

  void fold_own_block(BlockRange piece) {
    constexpr std::size_t kTile = TileFold<T>::kTile;
    constexpr std::size_t kChunk = std::max<std::size_t>(1, kReadBytes / (kTile * sizeof(T))) * kTile;
    const BlockRange block = block_of(rank(), piece);
    for (std::size_t chunk = block.begin; chunk < block.end; chunk += kChunk) {
      const std::size_t chunk_end = std::min(chunk + kChunk, block.end);
      large_.touch_peers([&] {
        for (std::size_t tile = chunk; tile < chunk_end; tile += kTile) {
          tiles_(
              0, size(), [&](int peer) { return input(peer, piece, tile); }, std::min(kTile, chunk_end - tile),
              result(piece, tile), op_);
        }
      });
    }
    if (root_ == kNoRoot && !block.empty()) {
      large_.stage(kResults, (block.begin - piece.begin) * sizeof(T), bytes_of(out_ + block.begin),
                   block.size() * sizeof(T));
    }
  }

  // Starting after the own rank, so that not all read the same peer at once.
  void collect(BlockRange piece) {
    if (!wants(rank())) return;
    for (int i = 1; i < size(); ++i) {
      const int peer = (rank() + i) % size();
      const BlockRange block = block_of(peer, piece);
      const bool is_own_process = large_.is_own_process(peer);
      if (root_ != kNoRoot && is_own_process) continue;  // it wrote here
      const std::byte* from = is_own_process ? large_.published(peer).out + block.begin * sizeof(T)
                                             : large_.staged(peer, kResults) + (block.begin - piece.begin) * sizeof(T);
      large_.copy(writable_bytes_of(out_ + block.begin), from, block.size() * sizeof(T));
    }
  }

  LargePayload large_;
  const T* in_;
  T* out_;
  Op& op_;
  int root_;
  const Call& call_;
  TileFold<T> tiles_;
};

namespace detail {

/// Folds `count` elements that every rank posted in its line, as `combine` of an exchange.
template <class T, class Posted, class Op>
[[gnu::always_inline]] inline void fold_posted(int end, const Posted& posted, std::size_t count, std::byte* out,
                                               Op& op) {
  for (std::size_t i = 0; i < count; ++i) {
    store(out + i * sizeof(T), fold<T>(
                                   end, [&](int rank) { return load<T>(posted(rank) + i * sizeof(T)); }, op));
  }
}

}  // namespace detail

template <class T, class Op>
void Team::reduce_elements(const Call& call, const T* in, T* out, Op& op) {
  const std::size_t bytes = call.count * sizeof(T);
  if (!fits_line(bytes)) return LargeReduce<T, Op>(*this, call, in, out, op).run(call.count);
  std::byte result[kInlineBytes];
  exchange(
      signature(call), in, bytes,
      [&](void* folded) {
        detail::fold_posted<T>(size_, posted_with_own(bytes_of(in)), call.count, static_cast<std::byte*>(folded), op);
      },
      result, bytes);
  if (bytes != 0 && (call.root == kNoRoot || call.root == rank_)) std::memcpy(static_cast<void*>(out), result, bytes);
}

// The call that steps are made of: everything but the value is known when it is compiled.
template <class T, class Op>
T Team::allreduce(const T& value, Op op, Where where) {
  static_assert(Transferable<T>, "allreduce needs a trivially copyable value, or a std::span<T> without a fixed size");
  if constexpr (fits_line(sizeof(T))) {
    constexpr Signature kSignature = signature(Call{
        .operation = Operation::allreduce, .operator_name = kOperatorName<Op>, .element_bytes = sizeof(T), .count = 1});
    enter(Call{.operation = Operation::allreduce, .where = where});
    try {  // not guarded(): a closure costs a stall
      std::byte result[sizeof(T)];
      exchange(
          kSignature, &value, sizeof(T),
          [&](void* folded) {
            detail::fold_posted<T>(size_, posted_with_own(bytes_of(&value)), 1, static_cast<std::byte*>(folded), op);
          },
          result, sizeof(T));
      return load<T>(result);
    } catch (...) {
      leave_by_exception();
      throw;
    }
  } else {
    T result = value;
    allreduce(std::span<T>(&result, 1), op, where);
    return result;
  }
}

template <class T, class Op>
void Team::allreduce(std::span<T> data, Op op, Where where) {
  allreduce(std::span<const T>(data), data, op, where);
}

template <class T, class Op>
void Team::allreduce(std::span<const std::type_identity_t<T>> in, std::span<T> out, Op op, Where where) {
  static_assert(Transferable<T>, "allreduce needs trivially copyable values");
  const Call call{.operation = Operation::allreduce,
                  .operator_name = kOperatorName<Op>,
                  .element_bytes = sizeof(T),
                  .count = in.size(),
                  .where = where};
  enter(call);
  guarded([&] {
    require(in.size() == out.size(), call, "in and out must have the same size");
    reduce_elements(call, in.data(), out.data(), op);
  });
}

template <class T, class Op>
T Team::reduce(const T& value, Op op, int root, Where where) {
  T result = value;
  reduce(std::span<const T>(&value, 1), std::span<T>(&result, 1), op, root, where);
  return result;
}

template <class T, class Op>
void Team::reduce(std::span<const std::type_identity_t<T>> in, std::span<T> out, Op op, int root, Where where) {
  static_assert(Transferable<T>, "reduce needs trivially copyable values");
  const Call call{.operation = Operation::reduce,
                  .root = root,
                  .operator_name = kOperatorName<Op>,
                  .element_bytes = sizeof(T),
                  .count = in.size(),
                  .where = where};
  enter(call);
  guarded([&] {
    require_root(call);
    require(rank_ != root || in.size() == out.size(), call, "at root, in and out must have the same size");
    reduce_elements(call, in.data(), out.data(), op);
  });
}

}  // namespace skein
