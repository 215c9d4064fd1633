// SPDX-License-Identifier: Apache-2.0
//
// Reductions of more than ranks post (Member::fits_fold), of all collectives that fold.
//
// Cost  each rank folds one block of the elements of all ranks and the blocks are copied out; one exchange a piece and two
//       more in all, n / p elements folded and n moved per rank.
// Hosts each host first folds its own ranks as far as the shape of the fold allows, to one partial result when they are
//       2^k neighbours, and sends every other host the partial results of its share of the elements; the shares come back
//       folded. While they travel the ranks work on other pieces: two or five exchanges more in all; about 2 n elements
//       pass in and out of each host, whatever their number.
//       In any order each host sends one partial result, wherever its ranks are.
// Why   a rank writes only its own block of any output before all have read the inputs of a piece, and without hosts it reads
//       only that block, so `in` and `out` may be the same memory. With several, the inputs of a piece are read in the step
//       after they were staged, and outputs written later. The areas of the staging are written again only after an exchange
//       that all came to after they had read them (LargeReduce::run).
#pragma once

#include "skein/collective/bytes.hpp"
#include "skein/collective/fold.hpp"
#include "skein/collective/operators.hpp"
#include "skein/collective/owners.hpp"
#include "skein/collective/payload.hpp"

namespace skein {

/// One rank's part in such a reduction.
template <class T, class Op>
class LargeReduce {
 public:
  /// `out` has room for what the rank owns of the result.
  LargeReduce(Member& member, const Call& call, const Owners& owners, const T* in, T* out, Op& op)
      : large_(member, call, in, out),
        in_(in),
        out_(out),
        op_(op),
        owners_(owners),
        call_(call),
        spans_hosts_(member.hosts() > 1) {}

  /// Each piece passes through these steps, with an exchange after each step; several pieces are on their way at once.
  ///
  ///   step of piece i   what                       written: area         last read in step
  ///   i                 stage the inputs           inputs                i + 1
  ///   i + 1             fold those of the host     partials, if hosts    i + 2 + lag
  ///   folded_after      fold one block of all      results               i + collected_after
  ///   collected_after   copy out the other blocks
  ///
  /// What is written in a step begins to travel in the exchange after it and has arrived after `lag` more. Every area is
  /// read at most 1 + lag steps after it was written and written again kInputAreas or kTravellingAreas steps after, so at
  /// least one exchange lies between the two.
  void run(std::size_t n) {
    large_.cut(n, sizeof(T), call_);
    const std::size_t lag = large_.lag;
    const std::size_t folded_after = spans_hosts_ ? 2 + lag : 1;
    const std::size_t collected_after = folded_after + 1 + lag;
    for (std::size_t step = 0; step < large_.pieces + collected_after; ++step) {
      const auto has_piece = [&](std::size_t after) { return step >= after && step - after < large_.pieces; };
      if (has_piece(collected_after)) collect(step - collected_after);
      if (has_piece(folded_after)) fold_own_block(step - folded_after);
      if (spans_hosts_ && has_piece(1)) fold_host(step - 1);
      if (has_piece(0)) stage_inputs(step);
      large_.sync([&](int rank, int host, const auto& send) {
        if (has_piece(1)) send_partials(step - 1, rank, host, send);
        if (has_piece(folded_after)) send_results(step - folded_after, rank, host, send);
      });
    }
  }

 private:
  static constexpr std::size_t kInputAreas = 2;
  static constexpr std::size_t kTravellingAreas = 3;
  static_assert(kInputAreas + 2 * kTravellingAreas == Staging::kAreas);
  static constexpr std::size_t kTile = TileFold<T>::kTile;

  static int input_area(std::size_t i) { return static_cast<int>(i % kInputAreas); }
  static int partial_area(std::size_t i) { return static_cast<int>(kInputAreas + i % kTravellingAreas); }
  static int result_area(std::size_t i) {
    return static_cast<int>(kInputAreas + kTravellingAreas + i % kTravellingAreas);
  }

  int rank() const { return large_.team.rank(); }
  int size() const { return large_.team.size(); }
  const RankMap& map() const { return large_.map(); }
  int first_of_host(int host) const { return map().ranks_of_host(host).front(); }

  /// Elements of a piece that the ranks of `host` fold.
  BlockRange share_of(int host, BlockRange piece) const {
    const BlockRange share = block_range(piece.size(), map().hosts(), host);
    return {piece.begin + share.begin, piece.begin + share.end};
  }

  /// Elements of a piece that `rank` folds.
  BlockRange block_of(int rank, BlockRange piece) const {
    const int host = map().host_of(rank);
    const BlockRange share = share_of(host, piece);
    const auto ranks = static_cast<int>(map().ranks_of_host(host).size());
    const BlockRange block = block_range(share.size(), ranks, map().seat_of(rank));
    return {share.begin + block.begin, share.begin + block.end};
  }

  const T* input(int rank, std::size_t i, std::size_t element) const {
    if (large_.is_own_process(rank)) return reinterpret_cast<const T*>(large_.published(rank).in) + element;
    return staged(rank, input_area(i), i, element);
  }

  /// An element of piece i in an area of a rank; partial results of a block of ranks are in those of its first.
  T* staged(int rank, int area, std::size_t i, std::size_t element) const {
    return reinterpret_cast<T*>(large_.staged(rank, area)) + (element - large_.piece(i).begin);
  }

  /// Where this rank's share of the result goes first: to its owner's memory if that is in this process. `at` says where in the
  /// owner's output `element` lies.
  T* result(int owner, std::size_t at, std::size_t i, std::size_t element) const {
    if (owner == kNoRoot || owner == rank()) return out_ + at;
    if (large_.is_own_process(owner)) return reinterpret_cast<T*>(large_.published(owner).out) + at;
    return staged(rank(), result_area(i), i, element);
  }

  /// Folds the elements of `range` over ranks [begin, end), in bounded pieces. `known(a, b, element)` as for TileFold.
  template <class Known, class Out>
  void fold_range(BlockRange range, int begin, int end, const Known& known, const Out& out) {
    constexpr std::size_t kChunk = std::max<std::size_t>(1, kReadBytes / (kTile * sizeof(T))) * kTile;
    for (std::size_t chunk = range.begin; chunk < range.end; chunk += kChunk) {
      const std::size_t chunk_end = std::min(chunk + kChunk, range.end);
      large_.touch_peers([&] {
        for (std::size_t tile = chunk; tile < chunk_end; tile += kTile) {
          tiles_(
              begin, end, [&](int a, int b) { return known(a, b, tile); }, std::min(kTile, chunk_end - tile), out(tile),
              op_);
        }
      });
    }
  }

  /// What `rank`, of this host, folds of the inputs of piece i.
  BlockRange folded_by(int rank, std::size_t i) const {
    const BlockRange piece = large_.piece(i);
    if (!spans_hosts_) return block_of(rank, piece);
    const BlockRange block = block_range(piece.size(), map().seats(), map().seat_of(rank));
    return {piece.begin + block.begin, piece.begin + block.end};
  }

  /// What ranks of other processes fold of this rank's input; those of its own read it where it is.
  void stage_inputs(std::size_t i) {
    if (!large_.is_staged) return;
    const std::size_t first = large_.piece(i).begin;
    BlockRange stretch{first, first};
    const auto stage = [&] {
      large_.stage(input_area(i), (stretch.begin - first) * sizeof(T), bytes_of(in_ + stretch.begin),
                   stretch.size() * sizeof(T));
    };
    for (int seat = 0; seat < map().seats(); ++seat) {
      const int peer = map().rank_at(seat);
      const BlockRange block = folded_by(peer, i);
      if (large_.is_own_process(peer) || block.begin != stretch.end) {
        stage();
        stretch = {block.begin, block.begin};
      }
      if (!large_.is_own_process(peer)) stretch.end = block.end;
    }
    stage();
  }

  /// Folds the inputs of this host's ranks, block by block.
  void fold_host(std::size_t i) {
    const BlockRange range = folded_by(rank(), i);
    if constexpr (kIsAnyOrder<Op>) {
      return fold_range(
          range, 0, map().seats(),
          [&](int a, int b, std::size_t element) { return b - a == 1 ? input(map().rank_at(a), i, element) : nullptr; },
          [&](std::size_t element) { return staged(map().rank_at(0), partial_area(i), i, element); });
    }
    for (const Contributions::Block block : map().blocks()) {
      if (map().host_of(block.begin) != map().own_host()) continue;
      fold_range(
          range, block.begin, block.begin + block.ranks,
          [&](int a, int b, std::size_t element) { return b - a == 1 ? input(a, i, element) : nullptr; },
          [&](std::size_t element) { return staged(block.begin, partial_area(i), i, element); });
    }
  }

  template <class Send>
  void send_partials(std::size_t i, int rank, int host, const Send& send) const {
    const bool holds_partial =
        kIsAnyOrder<Op> ? rank == first_of_host(map().host_of(rank)) : map().block_ranks(rank) != 0;
    if (!holds_partial) return;
    const BlockRange piece = large_.piece(i);
    const BlockRange share = share_of(host, piece);
    send(partial_area(i), (share.begin - piece.begin) * sizeof(T), (share.end - piece.begin) * sizeof(T));
  }

  void fold_own_block(std::size_t i) {
    owners_.for_each(block_of(rank(), large_.piece(i)), [&](int owner, BlockRange owned, std::size_t at) {
      const auto out = [&](std::size_t element) { return result(owner, at + (element - owned.begin), i, element); };
      if (kIsAnyOrder<Op> && spans_hosts_) {
        fold_range(
            owned, 0, map().hosts(),
            [&](int a, int b, std::size_t element) {
              return b - a == 1 ? staged(first_of_host(a), partial_area(i), i, element) : nullptr;
            },
            out);
      } else if (spans_hosts_) {
        fold_range(
            owned, 0, size(),
            [&](int a, int b, std::size_t element) -> const T* {
              return map().block_ranks(a) == b - a ? staged(a, partial_area(i), i, element) : nullptr;
            },
            out);
      } else {
        fold_range(
            owned, 0, size(),
            [&](int a, int b, std::size_t element) { return b - a == 1 ? input(a, i, element) : nullptr; }, out);
      }
      if (owner != kNoRoot || owned.empty()) return;
      large_.stage(result_area(i), (owned.begin - large_.piece(i).begin) * sizeof(T), bytes_of(out_ + at),
                   owned.size() * sizeof(T));
    });
  }

  template <class Send>
  void send_results(std::size_t i, int rank, int host, const Send& send) const {
    const BlockRange piece = large_.piece(i);
    owners_.for_each(block_of(rank, piece), [&](int owner, BlockRange owned, std::size_t) {
      if (owner != kNoRoot && map().host_of(owner) != host) return;
      send(result_area(i), (owned.begin - piece.begin) * sizeof(T), (owned.end - piece.begin) * sizeof(T));
    });
  }

  // Starting after the own rank, so that not all read the same peer at once.
  void collect(std::size_t i) {
    const BlockRange piece = large_.piece(i);
    for (int offset = 1; offset < size(); ++offset) {
      const int peer = (rank() + offset) % size();
      const bool is_own_process = large_.is_own_process(peer);
      owners_.for_each(block_of(peer, piece), [&](int owner, BlockRange owned, std::size_t at) {
        if (owner != kNoRoot && (owner != rank() || is_own_process)) return;  // not this rank's, or there already
        const std::byte* from = is_own_process ? large_.published(peer).out + at * sizeof(T)
                                               : bytes_of(staged(peer, result_area(i), i, owned.begin));
        large_.copy(writable_bytes_of(out_ + at), from, owned.size() * sizeof(T));
      });
    }
  }

  LargePayload large_;
  const T* in_;
  T* out_;
  Op& op_;
  const Owners& owners_;
  const Call& call_;
  bool spans_hosts_;
  TileFold<T> tiles_;
};

}  // namespace skein
