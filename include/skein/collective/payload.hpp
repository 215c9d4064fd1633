// SPDX-License-Identifier: Apache-2.0
//
// Payloads that do not fit a line. They are published where they are and read by the others, who flag themselves
// (readers.hpp). Pointers mean something inside one process only; to other processes data passes through the segment, in
// pieces of bounded size. A rank posts its pointers in the exchange that announces each piece, so what is read from where
// follows from the peer's process alone.
//
// Cost     one process: no copy but the one into the destination. Several: one more copy, into memory that stays in cache.
//          Several hosts: what a rank of another host staged arrives in the staging of this one before anybody leaves the
//          exchange, sent by the leader of that host straight from its segment.
// Memory   Staging in the segment when there are several processes, else none.
#pragma once

#include "skein/team/team.hpp"

namespace skein {

/// One rank's side of a collective with large payloads.
struct LargePayload {
  struct Published {
    const std::byte* in;
    std::byte* out;
  };

  LargePayload(Team& own_team, const Call& call, const void* in, void* out)
      : team(own_team),
        sign(signature(call)),
        mine{static_cast<const std::byte*>(in), static_cast<std::byte*>(out)},
        is_staged(own_team.processes() > 1) {}

  /// Items of `item_bytes` that go into one piece: all of them when nothing has to be staged.
  std::size_t piece_items(std::size_t item_bytes, std::size_t items, const Call& call) const {
    if (!is_staged) return std::max<std::size_t>(items, 1);
    const std::size_t piece_bytes = team.host_->staging().piece_bytes();
    team.require(item_bytes <= piece_bytes, call, "values this large cannot pass between the processes of this team");
    return piece_bytes / item_bytes;
  }

  const RankMap& map() const { return team.host_->map(); }
  bool is_own_process(int rank) const { return map().process_of(rank) == team.process(); }

  /// Announces what this rank has made readable, and waits until all others have. The first one carries the call's
  /// signature, so that nothing is touched before the ranks agree on the call.
  void sync() { sync(nullptr); }

  /// As sync; before anybody leaves, moves between hosts what is staged in `area`. `parts(rank, host, send)` calls
  /// send(begin, end) for the bytes of `rank`'s area that `host` needs: the same on both sides.
  template <class Parts>
  void sync(int area, const Parts& parts) {
    Movement<Parts> movement(*this, area, parts);
    sync(team.hosts() > 1 ? &movement : nullptr);
  }

  Published published(int rank) const { return team.posted_value(rank, Published{}); }

  /// Puts bytes where other processes can read them; nothing when there are none.
  void stage(int area, std::size_t offset, const std::byte* from, std::size_t bytes) const {
    if (is_staged && bytes != 0) std::memcpy(staged(team.rank(), area) + offset, from, bytes);
  }

  std::byte* staged(int rank, int area) const { return team.host_->staging().area(rank, area); }

  /// Copies to or from a peer's memory.
  void copy(std::byte* to, const std::byte* from, std::size_t bytes) const {
    if (bytes != 0 && team.readers_.copy(to, from, bytes) == WaitResult::aborted) team.throw_aborted();
  }

  /// Runs `touch` while the peers' memory is held alive. `touch` takes no longer than a bounded piece does.
  template <class Touch>
  void touch_peers(Touch touch) const {
    if (team.readers_.guard(touch) == WaitResult::aborted) team.throw_aborted();
  }

  /// Moves [0, items) in pieces. For each: `stage(piece, area)` puts this rank's part into the segment if it must,
  /// `parts(piece, rank, host, send)` says what other hosts need of it, `take(piece, area)` reads the peers'. Areas
  /// alternate, so one exchange a piece is enough: when a rank stages piece i + 2, all have arrived at i + 1 and so finished
  /// piece i. The last exchange keeps every buffer until all have read.
  template <class Stage, class Parts, class Take>
  void move_pieces(std::size_t items, std::size_t piece_length, Stage stage_piece, Parts parts, Take take_piece) {
    int area = 0;
    for (std::size_t begin = 0; begin < items || begin == 0; begin += piece_length, area ^= 1) {
      const BlockRange piece{begin, std::min(begin + piece_length, items)};
      stage_piece(piece, area);
      sync(area, [&](int rank, int host, const auto& send) { parts(piece, rank, host, send); });
      take_piece(piece, area);
    }
    sync();
  }

  Team& team;
  Signature sign;
  Published mine;
  bool is_staged;

 private:
  void sync(Transfer* bulk) {
    team.exchange(
        sign, &mine, sizeof(mine), [bulk] { return Content{.bulk = bulk}; }, Team::kNothing, nullptr, 0);
    sign = signature(Call{.operation = Operation::piece});
  }

  /// Starts the sends and receives of a leader. Both sides go through ranks in ascending order, so they match.
  template <class Parts>
  class Movement final : public Transfer {
   public:
    Movement(const LargePayload& payload, int area, const Parts& parts)
        : payload_(payload), area_(area), parts_(parts) {}

    void start(Network& network) override {
      const RankMap& map = payload_.team.host_->map();
      for (int rank = 0; rank < map.size(); ++rank) {
        std::byte* base = payload_.staged(rank, area_);
        for (int host = 0; host < map.hosts(); ++host) {
          if (host == map.host_of(rank)) continue;
          if (map.is_here(rank)) {
            parts_(rank, host, [&](std::size_t begin, std::size_t end) {
              if (begin < end) network.start_sending(host, {base + begin, end - begin});
            });
          } else if (host == map.own_host()) {
            parts_(rank, host, [&](std::size_t begin, std::size_t end) {
              if (begin < end) network.start_receiving(map.host_of(rank), {base + begin, end - begin});
            });
          }
        }
      }
    }

   private:
    const LargePayload& payload_;
    int area_;
    const Parts& parts_;
  };
};

}  // namespace skein
