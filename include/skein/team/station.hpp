// SPDX-License-Identifier: Apache-2.0
//
// One rank's place in a formation: whose lines it waits for, which line releases it, and which ones it posts itself.
// Worked out once, when a team is made.
#pragma once

#include <cstddef>
#include <vector>

#include "skein/team/contributions.hpp"
#include "skein/team/pattern.hpp"

namespace skein {

struct Station {
  struct Child {
    int seat = 0;
    bool leads = false;  ///< it posts an ascent when its own children have arrived; else its arrival is all there is
  };

  int seat = 0;
  int rank = 0;
  std::vector<Child> children;  ///< those of the lowest group first
  int released_by = -1;         ///< release channel; negative where nobody releases: the root, and all-to-all
  std::vector<int> releases;    ///< release channels that it posts, those of the highest group first
  bool ascends = false;         ///< it leads a group, and is led
  int wide_release = -1;        ///< release channel of the root's split-phase barriers; negative at the root

  /// The ranks that it speaks for, if they are one block; block.ranks is 0 if not, and their parts are in its part memory.
  Contributions::Block block;
  std::size_t parts_at = 0;    ///< its part memory, in parts from the start of all
  std::size_t most_parts = 0;  ///< 0 for ranks that lead nobody
};

struct Stations {
  Stations(const Formation& formation, const std::vector<int>& ranks_of_seats);

  std::vector<Station> of_seat;
  int release_channels = 0;
  int wide_releases_at = 0;  ///< the first of the wide release channels, which are the last ones
  std::size_t parts = 0;     ///< part memory of all seats
};

}  // namespace skein
