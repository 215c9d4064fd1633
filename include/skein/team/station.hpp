// SPDX-License-Identifier: Apache-2.0
//
// One lane's place in a formation: whose lines it waits for, which line releases it, and which ones it posts itself.
// Worked out once, when a team is made.
#pragma once

#include <cstddef>
#include <vector>

#include "skein/team/contributions.hpp"
#include "skein/team/pattern.hpp"
#include "skein/team/rank_map.hpp"

namespace skein {

struct Station {
  struct Child {
    int lane = 0;
    bool leads = false;  ///< it posts an ascent for those that it speaks for; else its arrival is all there is
  };

  int lane = 0;
  LaneRanks carried;            ///< the team's ranks on it
  std::vector<int> seats;       ///< theirs
  std::vector<Child> children;  ///< those of the lowest group first; in all-to-all, all others
  int released_by = -1;         ///< release channel; negative where nobody releases: the root, and all-to-all
  std::vector<int> releases;    ///< release channels that it posts, those of the highest group first
  int own_release = -1;         ///< release channel for its own ranks, if it carries several
  bool ascends = false;         ///< it speaks for several ranks, and others listen

  /// The ranks that it speaks for, if they are one block; block.ranks is 0 if not, and their parts are in its part memory.
  Contributions::Block block;
  std::size_t parts_at = 0;    ///< its part memory, in parts from the start of all
  std::size_t most_parts = 0;  ///< 0 for lanes that speak for one rank
  int part_buffers = 1;        ///< by episode: who listens without releasing may read until the lane is in the next one
  std::size_t all_parts_at = 0;  ///< the same for the contributions of all ranks of the host, where it collects these
  std::size_t all_parts = 0;
};

struct Stations {
  /// `lanes` are those of the host that carry ranks of the team.
  Stations(const Formation& formation, const std::vector<LaneRanks>& lanes);

  std::vector<Station> of_lane;
  std::vector<int> lane_of_seat;
  int release_channels = 0;
  std::size_t parts = 0;  ///< part memory of all lanes
};

}  // namespace skein
