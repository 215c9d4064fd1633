// SPDX-License-Identifier: Apache-2.0
//
// A team as the ranks of one lane see it: its board, their side of the exchange if they are several, and the way to other
// hosts if the lane is the root of the team's host.
#pragma once

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
    std::uint32_t channel = 0;  ///< if it spans hosts
  };
  TeamSide(Host& host, RankLane& lane, RankMap map, Place place);
  ~TeamSide();
  TeamSide(const TeamSide&) = delete;
  TeamSide& operator=(const TeamSide&) = delete;

  const Board& board() const { return *board_; }
  int block() const { return place_.block; }
  int ranks_of_lane() const { return ranks_of_lane_; }

  /// Null for a rank that is alone on its lane in the team.
  Crew<StdAtomics>* crew() { return crew_ ? &*crew_ : nullptr; }

  /// Null but on the root of a team that spans hosts.
  HostExchange* others() { return others_ ? &*others_ : nullptr; }

 private:
  void join(RankLane& lane);

  Host& host_;
  Place place_;
  std::optional<Board> own_board_;
  const Board* board_;
  int ranks_of_lane_ = 1;
  std::optional<Crew<StdAtomics>> crew_;
  std::unique_ptr<Link> own_link_;
  std::optional<HostExchange> others_;
  bool has_opened_relay_ = false;
};

}  // namespace skein
