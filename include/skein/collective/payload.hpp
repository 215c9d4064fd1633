// SPDX-License-Identifier: Apache-2.0
//
// Payloads larger than what ranks post (Member::fits_post). They are published where they are and read by the others, who
// flag themselves (readers.hpp). Pointers mean something inside one process only; to other processes data passes through
// the segment, in pieces of bounded size. A rank posts its pointers in the exchange that announces each piece, so what is
// read from where follows from the peer's process alone.
//
// Cost     one process: no copy but the one into the destination. Several: one more copy, of what other processes read.
//          Several hosts: what a rank of another host staged arrives in the staging of this one, sent by the leader of that
//          host straight from its segment, while the ranks work on the pieces before and after; one exchange a piece, and
//          one to three more in all.
// Memory   Staging in the segment when there are several processes, else none.
#pragma once

#include "skein/team/member.hpp"

namespace skein {

/// One rank's side of a collective with large payloads.
struct LargePayload {
  struct Published {
    const std::byte* in;
    std::byte* out;
  };

  LargePayload(Member& member, const Call& call, const void* in, void* out)
      : team(member),
        sign(signature(call)),
        mine{static_cast<const std::byte*>(in), static_cast<std::byte*>(out)},
        is_staged(member.processes() > 1) {}

  /// Cuts n items into pieces: one when nothing has to be staged. Before any other use.
  void cut(std::size_t n, std::size_t item_bytes, const Call& call) {
    items = n;
    piece_items = std::max<std::size_t>(n, 1);
    if (!is_staged) return;
    const std::size_t piece_bytes = team.staging().piece_bytes();
    team.require(item_bytes <= piece_bytes, call,
                 "a piece, whose size SKEIN_PIECE and the number of ranks limit, has no room for a value of each part");
    piece_items = piece_bytes / item_bytes;
    pieces = std::max<std::size_t>(1, (n + piece_items - 1) / piece_items);
    lag = team.hosts() > 1 && pieces > 1 ? 1 : 0;
  }

  BlockRange piece(std::size_t i) const { return {i * piece_items, std::min((i + 1) * piece_items, items)}; }

  const RankMap& map() const { return team.map(); }
  bool is_own_process(int rank) const { return map().process_of(rank) == team.process(); }

  /// Announces what this rank has made readable, and waits until all others have. The first one carries the call's
  /// signature, so that nothing is touched before the ranks agree on the call.
  void sync() { meet(nullptr); }

  /// As sync, and starts to move between hosts what is staged; it has arrived when the exchange `lag` after this one is
  /// over. `parts(rank, host, send)` calls send(area, begin, end) for the bytes of `rank`'s area that `host` needs: the same
  /// on both sides.
  template <class Parts>
  void sync(const Parts& parts) {
    Movement<Parts> movement(*this, parts);
    meet(team.hosts() > 1 ? &movement : nullptr);
  }

  Published published(int rank) const { return team.posted_value(rank, Published{}); }

  /// Puts bytes where other processes can read them; nothing when there are none.
  void stage(int area, std::size_t offset, const std::byte* from, std::size_t bytes) const {
    if (!is_staged || bytes == 0) return;
    std::byte* to = staged(team.rank(), area) + offset;
    for (std::size_t done = 0; done < bytes; done += kReadBytes) {
      std::memcpy(to + done, from + done, std::min(kReadBytes, bytes - done));
      keep_moving();
    }
  }

  std::byte* staged(int rank, int area) const { return team.staging().area(rank, area); }

  /// Copies to or from a peer's memory, in bounded pieces.
  void copy(std::byte* to, const std::byte* from, std::size_t bytes) const {
    for (std::size_t done = 0; done < bytes; done += kReadBytes) {
      touch_peers([&] { std::memcpy(to + done, from + done, std::min(kReadBytes, bytes - done)); });
    }
  }

  /// Runs `touch` while the peers' memory is held alive. `touch` takes no longer than a bounded piece does.
  template <class Touch>
  void touch_peers(Touch touch) const {
    team.touch_peers(touch);
    keep_moving();
  }

  /// Moves all items. `stage(piece, area)` puts this rank's part of a piece into the segment if it must, `parts(piece, rank,
  /// host, send)` calls send(begin, end) for what other hosts need of it, `take(piece, area)` reads the peers'.
  ///
  /// Areas are used in turn, so one exchange a piece is enough. Piece i is staged before exchange i, has come to all hosts
  /// after exchange i + lag, and is taken before the next; so when anybody stages piece i + kAreas, before which lie the
  /// exchanges up to i + kAreas - 1 >= i + lag + 1, all have taken piece i. The last exchange keeps every buffer until all
  /// have read.
  template <class Stage, class Parts, class Take>
  void move_pieces(Stage stage_piece, Parts parts, Take take_piece) {
    constexpr std::size_t kAreas = 3;
    const auto area_of = [](std::size_t i) { return static_cast<int>(i % kAreas); };
    const std::size_t taken_after = 1 + lag;
    for (std::size_t step = 0; step < pieces + taken_after; ++step) {
      if (step >= taken_after) take_piece(piece(step - taken_after), area_of(step - taken_after));
      if (step < pieces) stage_piece(piece(step), area_of(step));
      sync([&](int rank, int host, const auto& send) {
        if (step >= pieces) return;
        parts(piece(step), rank, host, [&](std::size_t begin, std::size_t end) { send(area_of(step), begin, end); });
      });
    }
  }

  Member& team;
  Signature sign;
  Published mine;
  bool is_staged;
  std::size_t items = 0;
  std::size_t piece_items = 1;
  std::size_t pieces = 1;
  std::size_t lag = 0;  ///< exchanges for which what is moved between hosts may be under way

 private:
  void meet(Transfer* bulk) {
    team.exchange(
        sign, &mine, sizeof(mine), [bulk] { return Content{.bulk = bulk}; }, Member::kNothing, nullptr, 0);
    sign = signature(Call{.operation = Operation::piece});
  }

  /// MPI moves what is under way only while it is called.
  void keep_moving() const {
    if (lag == 0) return;
    if (HostExchange* others = team.others(); others != nullptr) others->link().transfers_done();
  }

  /// Starts the sends and receives of a leader, one for parts that follow each other. Both sides go through ranks in ascending
  /// order, so they match.
  template <class Parts>
  class Movement final : public Transfer {
   public:
    Movement(const LargePayload& payload, const Parts& parts) : payload_(payload), parts_(parts) {}

    std::size_t start(Link& link) override {
      const RankMap& map = payload_.team.map();
      started_ = 0;
      for (int rank = 0; rank < map.size(); ++rank) {
        for (int host = 0; host < map.hosts(); ++host) {
          if (host == map.host_of(rank) || (!map.is_here(rank) && host != map.own_host())) continue;
          Stretch stretch;
          parts_(rank, host, [&](int area, std::size_t begin, std::size_t end) {
            if (area != stretch.area || begin != stretch.end) {
              move(link, rank, host, stretch);
              stretch = {area, begin, begin};
            }
            stretch.end = end;
          });
          move(link, rank, host, stretch);
        }
      }
      return payload_.lag == 0 ? 0 : started_;
    }

   private:
    /// Bytes that follow each other in an area.
    struct Stretch {
      int area = 0;
      std::size_t begin = 0;
      std::size_t end = 0;
    };

    void move(Link& link, int rank, int host, const Stretch& stretch) {
      if (stretch.begin == stretch.end) return;
      const std::span<std::byte> bytes(payload_.staged(rank, stretch.area) + stretch.begin,
                                       stretch.end - stretch.begin);
      const RankMap& map = payload_.team.map();
      if (map.is_here(rank)) {
        link.start_sending(map.run_host(host), bytes);
      } else {
        link.start_receiving(map.run_host(map.host_of(rank)), bytes);
      }
      ++started_;
    }

    const LargePayload& payload_;
    const Parts& parts_;
    std::size_t started_ = 0;
  };
};

}  // namespace skein
