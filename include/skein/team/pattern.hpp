// SPDX-License-Identifier: Apache-2.0
//
// Who reads whose lines in an exchange, and the one place that chooses. A formation is a tree of groups over the ranks of
// a host: each group has a leader, who waits for its members and later releases them; leaders of lower groups are members
// of higher ones, up to seat 0, the root. The pattern changes speed, never results.
//
// Source  trees by the machine's levels with a static shape: Gao et al., "Optimizing Barrier Synchronization on ARMv8
//         Many-Core Architectures", IEEE CLUSTER 2021, pp. 542-552.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skein {

enum class Pattern {
  automatic,
  all_to_all,      ///< every rank reads every rank; one host only
  gather_release,  ///< seat 0 reads every rank; the others read a release line, kPollersPerLine to a line
  levels,  ///< as gather_release within each L3, then among their leaders within each NUMA domain, then the host
};

/// Ranks that poll one release line.
inline constexpr int kPollersPerLine = 16;

/// Most ranks of one group of levels, its leader included: its leader waits for the others line by line.
inline constexpr int kRanksPerGroup = 16;

/// What SKEIN_PATTERN asks for.
struct PatternChoice {
  PatternChoice(Pattern wanted = Pattern::automatic, int group = kRanksPerGroup)  // NOLINT: a pattern is a choice
      : pattern(wanted), ranks_per_group(group) {}

  Pattern pattern;
  int ranks_per_group;  ///< of levels; small ones make deep trees for tests
};

/// Where a rank runs. Equal numbers mean the same cache or domain; ranks that are not pinned share one seat.
struct Seat {
  int l3 = 0;
  int numa = 0;
};

enum class Level { l3, numa, host };
std::string_view level_name(Level level);

struct Group {
  Level level = Level::host;
  int leader = 0;            ///< a seat
  std::vector<int> members;  ///< seats, without the leader
};

struct Formation {
  Pattern pattern = Pattern::all_to_all;
  std::vector<Group> groups;  ///< lower ones first; none for all_to_all
  std::string reason;         ///< why this pattern, for people
};

/// The formation of a host's ranks. `hosts` is how many hosts the team spans.
Formation choose_formation(PatternChoice wanted, std::span<const Seat> seats, int hosts);

std::string_view pattern_name(Pattern pattern);

}  // namespace skein
