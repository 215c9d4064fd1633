// SPDX-License-Identifier: Apache-2.0
//
// A team as the ranks of one lane see it: its board, and for each strand their side of the exchange if they are several, and
// the way to other hosts if the lane is the root of the team's host.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "skein/team/crew.hpp"
#include "skein/team/host.hpp"
#include "skein/team/host_exchange.hpp"

namespace skein {

class RankLane;

class alignas(kApart) TeamSide {  // several ranks of the lane write to it in every call
 public:
  /// Of the run's first team. Both outlive it.
  TeamSide(Host& host, RankLane& lane);

  /// Of a team whose board is a block of the heap.
  struct Place {
    int block = -1;
    std::uint32_t channel = 0;  ///< if it spans hosts: of its calls; its operations have the next
  };
  TeamSide(Host& host, RankLane& lane, RankMap map, Place place);
  ~TeamSide();
  TeamSide(const TeamSide&) = delete;
  TeamSide& operator=(const TeamSide&) = delete;

  const Board& board() const { return *board_; }
  int block() const { return place_.block; }
  int ranks_of_lane() const { return ranks_of_lane_; }

  /// Null for a rank that is alone on its lane in the team.
  Crew<StdAtomics>* crew(Strand strand) {
    auto& crew = of(strand).crew;
    return crew ? &*crew : nullptr;
  }

  /// Null but on the root of a team that spans hosts.
  HostExchange* others(Strand strand) {
    auto& others = of(strand).others;
    return others ? &*others : nullptr;
  }

 private:
  struct Side {
    std::optional<Crew<StdAtomics>> crew;
    std::unique_ptr<Link> own_link;
    std::optional<HostExchange> others;
  };
  Side& of(Strand strand) { return sides_[static_cast<std::size_t>(strand)]; }
  void join(RankLane& lane);
  Link& link(Strand strand);

  Host& host_;
  Place place_;
  std::optional<Board> own_board_;
  const Board* board_;
  int ranks_of_lane_ = 1;
  std::array<Side, kStrands> sides_;
  bool has_opened_relay_ = false;
};

}  // namespace skein
