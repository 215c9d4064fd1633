// SPDX-License-Identifier: Apache-2.0
//
// Board: the memory through which the ranks of one team on one host meet, a stretch of the host's segment, in two parts that
// are alike: one for each strand. Its layout follows from the team's ranks and their formation alone, so every process
// computes the same.
//
// Who      made by each lane of the team for itself, over memory that one of them has allocated.
// Cost     O(ranks) to lay out; touches nothing.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "skein/team/gathering.hpp"
#include "skein/team/rank_map.hpp"
#include "skein/team/relay.hpp"
#include "skein/team/station.hpp"

namespace skein {

/// Bytes of one piece of a large payload that passes between processes, unless SKEIN_PIECE says otherwise. Small enough
/// that a payload of 1 MiB has two, which are on their way at once; large enough that what a rank writes anew has mostly
/// left the caches of its reader, from which it would have to be taken back. Of 2 processes, pieces of 64, 128 and 256 KiB
/// take 2.2, 1.7 and 1.2 times as long for an allreduce of 1 MiB, beside MPI in the same run, and 2.3, 1.8 and 1.2 times
/// for a bcast (2026-11-23, a build with each size, skein-bench allreduce --count 1MiB --ranks 2 --only skein,mpi --rounds
/// 20; a line transfer took 40 ns).
inline constexpr std::size_t kPieceBytes = std::size_t{512} * 1024;

/// What the boards of all teams of a host have in common; the same in all processes of a run.
struct BoardSettings {
  PatternChoice pattern;
  std::vector<Seat> seats;                ///< of all lanes of the host
  std::size_t piece_bytes = kPieceBytes;  ///< the most of a piece
};

/// Through which large payloads pass to other processes: areas of one piece for every rank of the team. Those of ranks on
/// other hosts are filled by the leader with what their own host sent.
class Staging {
 public:
  static constexpr int kAreas = 8;  ///< LargeReduce uses that many

  Staging() = default;
  Staging(std::byte* base, std::size_t piece_bytes, int ranks)
      : base_(base), piece_bytes_(piece_bytes), ranks_(static_cast<std::size_t>(ranks)) {}

  /// Bytes of one piece in a team of that many ranks: at most `most`, and less in large teams, so that the areas of all ranks
  /// together stay a small part of a host's memory.
  static std::size_t piece_bytes(int ranks, std::size_t most);

  std::size_t piece_bytes() const { return piece_bytes_; }
  std::byte* area(int rank, int number) const {
    return base_ + (static_cast<std::size_t>(number) * ranks_ + static_cast<std::size_t>(rank)) * piece_bytes_;
  }

 private:
  std::byte* base_ = nullptr;
  std::size_t piece_bytes_ = 0;
  std::size_t ranks_ = 0;
};

class Board {
 public:
  Board(RankMap map, const BoardSettings& settings);
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  /// Bytes that it needs, from a multiple of kPageBytes on.
  std::size_t bytes() const { return kStrands * strand_bytes_; }

  /// Uses that memory, before anything below. It was zero-filled when the team was made, which is how channels and relays begin;
  /// nobody writes them anew, for a watchdog may still look at what a wait of the team before was for, and so that their
  /// writers' first touch places them.
  void attach(std::byte* base);

  const RankMap& map() const { return map_; }
  const Formation& formation() const { return formation_; }
  const Stations& stations() const { return stations_; }
  const Channels<StdAtomics>& channels(Strand strand) const { return part(strand).channels; }
  const Staging& staging(Strand strand) const { return part(strand).staging; }

  /// Where each lane says that the ranks which it carries have arrived at a call.
  std::vector<const Channel<StdAtomics>*> arrivals_of_lanes() const;

  /// Room for what is known of all ranks, for the root of a team that spans hosts.
  std::span<std::byte> known(Strand strand) const { return part(strand).known; }

  /// The way of the root to the lane that speaks to other hosts; null where that is the root's own, or not needed.
  RelayBox<StdAtomics>* relay(Strand strand) const { return part(strand).relay; }
  bool has_relay() const { return has_relay_; }

 private:
  struct Part {
    Channels<StdAtomics> channels;
    Staging staging;
    std::span<std::byte> known;
    RelayBox<StdAtomics>* relay = nullptr;
  };
  Part part_at(std::byte* base) const;
  const Part& part(Strand strand) const { return parts_[static_cast<std::size_t>(strand)]; }

  RankMap map_;
  Formation formation_;
  Stations stations_;
  std::size_t piece_bytes_, parts_bytes_, buffers_bytes_, mirror_bytes_, folded_bytes_, staging_bytes_, known_bytes_;
  bool has_relay_;
  std::size_t arrivals_at_, ascents_at_, releases_at_, parts_at_, buffers_at_, mirror_at_, folded_at_, known_at_,
      relay_at_, staging_at_;
  std::size_t strand_bytes_;
  std::array<Part, kStrands> parts_;
};

}  // namespace skein
