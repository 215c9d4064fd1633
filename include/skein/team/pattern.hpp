// SPDX-License-Identifier: Apache-2.0
//
// Who reads whose lines in an exchange, and the one place that chooses. A formation is a tree of groups over the lanes of
// a host, each of which speaks for the ranks that it carries: each group has a leader, which waits for its members and later
// releases them; leaders of lower groups are members of higher ones, up to lane 0, the root. The pattern changes speed, never
// results.
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
  all_to_all,      ///< every lane reads every lane; one host only
  gather_release,  ///< lane 0 reads every lane; the others read a release line, kPollersPerLine to a line
  levels,  ///< as gather_release within each L3, then among their leaders within each NUMA domain, then the host
};

/// Lanes that poll one release line.
inline constexpr int kPollersPerLine = 16;

/// Most lanes of one group of levels, its leader included: its leader waits for the others line by line.
inline constexpr int kLanesPerGroup = 16;

/// What SKEIN_PATTERN asks for.
struct PatternChoice {
  PatternChoice(Pattern wanted = Pattern::automatic, int group = kLanesPerGroup)  // NOLINT: a pattern is a choice
      : pattern(wanted), lanes_per_group(group) {}

  Pattern pattern;
  int lanes_per_group;  ///< of levels; small ones make deep trees for tests
};

/// Where a lane runs. Equal numbers mean the same cache or domain; lanes that are not pinned share one seat.
struct Seat {
  int l3 = 0;
  int numa = 0;
};

/// Parts of a run, the smallest first.
enum class Level { lane, process, l3, numa, host };
std::string_view level_name(Level level);

struct Group {
  Level level = Level::host;
  int leader = 0;            ///< a lane of the host
  std::vector<int> members;  ///< lanes, without the leader
};

struct Formation {
  Pattern pattern = Pattern::all_to_all;
  std::vector<Group> groups;  ///< lower ones first; none for all_to_all
  std::string reason;         ///< why this pattern, for people
};

/// The formation of a host's lanes, which sit at `seats`. `hosts` is how many hosts the team spans.
Formation choose_formation(PatternChoice wanted, std::span<const Seat> seats, int hosts);

std::string_view pattern_name(Pattern pattern);

}  // namespace skein
