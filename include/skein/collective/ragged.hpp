// SPDX-License-Identifier: Apache-2.0
//
// Moving parts of different sizes: what gatherv, allgatherv, scatterv and alltoallv have in common. Each rank that sends has a
// stream: its parts for ranks r, r + 1, ..., r - 1 without gaps, where r is its own, so that ranks which send at the same time
// send to different ones. The stream is what travels between processes; inside a process parts are read where they are.
//
// Cost     when ranks can post the longest stream (Member::fits_post): one exchange. Larger: one exchange a piece of
//          the longest stream and one to close.
// Source   the order of the parts: Thakur, Rabenseifner and Gropp, IJHPCA 19(1), 2005, doi:10.1177/1094342005051521,
//          section 4.
#pragma once

#include <algorithm>
#include <cstdint>

#include "skein/collective/bytes.hpp"
#include "skein/collective/payload.hpp"
#include "skein/team/parts.hpp"

namespace skein::detail {

/// One rank's part for another, in bytes.
struct Extent {
  std::uint64_t begin = 0;  ///< in the sender's memory
  std::uint64_t at = 0;     ///< in its stream
  std::uint64_t bytes = 0;
};

/// Where a piece of a stream and a part overlap.
struct Overlap {
  Overlap(const Extent& part, BlockRange piece)
      : begin(std::max<std::size_t>(part.at, piece.begin)),
        end(std::min<std::size_t>(part.at + part.bytes, piece.end)),
        in_part(begin - part.at),
        in_piece(begin - piece.begin) {}

  bool empty() const { return begin >= end; }
  std::size_t size() const { return end - begin; }

  std::size_t begin;
  std::size_t end;
  std::size_t in_part;
  std::size_t in_piece;
};

/// What moves. `outgoing(receiver)` is this rank's part for it, `incoming(sender)` what this rank gets of that one, and
/// `wanted(sender, host, send)` calls send(extent) for all that ranks of `host` get of a sender: only the leaders of hosts ask.
/// `place(sender)` says where the sender's part goes.
template <class Outgoing, class Incoming, class Wanted, class Place>
void move_streams(Member& member, const Call& call, const std::byte* in, std::size_t longest, const Outgoing& outgoing,
                  const Incoming& incoming, const Wanted& wanted, const Place& place) {
  const int ranks = member.size();
  if (Member::fits_post(longest, ranks)) {
    std::byte stream[kPostBytes];
    std::size_t bytes = 0;
    for (int i = 0; i < ranks; ++i) {
      const Extent part = outgoing((member.rank() + i) % ranks);
      if (part.bytes != 0) std::memcpy(stream + part.at, in + part.begin, part.bytes);
      bytes = std::max<std::size_t>(bytes, part.at + part.bytes);
    }
    std::memset(stream + bytes, 0, longest - bytes);  // all post as much, as where it lies depends on that
    member.exchange(signature(call), stream, longest, Member::content_of_all(longest), Member::kNothing, nullptr, 0);
    for (int peer = 0; peer < ranks; ++peer) {
      const Extent part = incoming(peer);
      if (part.bytes != 0) std::memcpy(place(peer), member.posted(peer, longest) + part.at, part.bytes);
    }
    return;
  }
  LargePayload large(member, call, in, nullptr);
  large.cut(longest, 1, call);
  large.move_pieces(
      [&](BlockRange piece, int area) {
        if (!large.is_staged) return;
        for (int i = 0; i < ranks; ++i) {
          const Extent part = outgoing((member.rank() + i) % ranks);
          const Overlap overlap(part, piece);
          if (overlap.empty()) continue;
          large.stage(area, overlap.in_piece, in + part.begin + overlap.in_part, overlap.size());
        }
      },
      [&](BlockRange piece, int sender, int host, const auto& send) {
        wanted(sender, host, [&](const Extent& part) {
          const Overlap overlap(part, piece);
          if (!overlap.empty()) send(overlap.in_piece, overlap.in_piece + overlap.size());
        });
      },
      [&](BlockRange piece, int area) {
        for (int i = 0; i < ranks; ++i) {
          const int peer = (member.rank() + i) % ranks;
          const Extent part = incoming(peer);
          // Where nothing is staged there is one piece, as long as the longest stream.
          const Overlap overlap(part, piece);
          if (overlap.empty()) continue;
          std::byte* to = place(peer) + overlap.in_part;
          if (peer == member.rank()) {
            copy_bytes(to, in + part.begin + overlap.in_part, overlap.size());
          } else if (large.is_own_process(peer)) {
            large.copy(to, large.published(peer).in + part.begin + overlap.in_part, overlap.size());
          } else {
            large.copy(to, large.staged(peer, area) + overlap.in_piece, overlap.size());
          }
        }
      });
}

}  // namespace skein::detail
