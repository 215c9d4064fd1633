// SPDX-License-Identifier: Apache-2.0
#include "skein/team/pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace skein {
namespace {

// Beyond this the p * (p - 1) line transfers of all-to-all cost more than the second hop of gather and release.
constexpr int kMostLanesAllToAll = 4;

// Beyond this one leader that reads all lines costs more than another level: 2 t + 2 (p - 2) c against 4 t + 4 (f - 2) c
// for groups of f, with t the latency of a line transfer and c = t / 8 the cost of each overlapped one.
constexpr int kMostLanesGathered = 16;

bool share_l3(std::span<const Seat> seats) {
  return std::all_of(seats.begin(), seats.end(),
                     [&](const Seat& seat) { return seat.l3 == seats.front().l3 && seat.numa == seats.front().numa; });
}

/// Groups of at most `most` seats, the first of each being the leader, until one is left.
int lead(Level level, std::vector<int> seats, std::size_t most, std::vector<Group>& groups) {
  while (seats.size() > 1) {
    std::vector<int> leaders;
    for (std::size_t begin = 0; begin < seats.size(); begin += most) {
      const std::size_t end = std::min(begin + most, seats.size());
      leaders.push_back(seats[begin]);
      if (end - begin == 1) continue;
      groups.push_back(
          {level,
           seats[begin],
           {seats.begin() + static_cast<std::ptrdiff_t>(begin) + 1, seats.begin() + static_cast<std::ptrdiff_t>(end)}});
    }
    seats = std::move(leaders);
  }
  return seats.front();
}

std::vector<Group> groups_by_level(std::span<const Seat> seats, std::size_t most) {
  std::vector<Group> groups;
  std::vector<int> left;
  for (int i = 0; i < static_cast<int>(seats.size()); ++i) left.push_back(i);
  for (const Level level : {Level::l3, Level::numa, Level::host}) {
    std::map<std::pair<int, int>, std::vector<int>> parts;
    for (const int i : left) {
      const Seat& seat = seats[static_cast<std::size_t>(i)];
      const std::pair key = level == Level::l3     ? std::pair(seat.numa, seat.l3)
                            : level == Level::numa ? std::pair(seat.numa, 0)
                                                   : std::pair(0, 0);
      parts[key].push_back(i);
    }
    left.clear();
    for (auto& [key, part] : parts) left.push_back(lead(level, std::move(part), most, groups));
    std::sort(left.begin(), left.end());  // so that seat 0 leads
  }
  return groups;
}

/// "2 groups within an L3, 1 within the host".
std::string summary(const std::vector<Group>& groups) {
  std::string text;
  for (const Level level : {Level::l3, Level::numa, Level::host}) {
    const auto count = std::count_if(groups.begin(), groups.end(), [&](const Group& g) { return g.level == level; });
    if (count != 0) text += fmt::format("{}{} in the {}", text.empty() ? "groups: " : ", ", count, level_name(level));
  }
  return text;
}

}  // namespace

Formation choose_formation(PatternChoice wanted, std::span<const Seat> seats, int hosts) {
  const int lanes = static_cast<int>(seats.size());
  const std::string counted = fmt::format("{} lane{}", lanes, lanes == 1 ? "" : "s");
  Formation formation{wanted.pattern, {}, "asked for"};
  if (wanted.pattern == Pattern::automatic) {
    if (!share_l3(seats)) {
      formation.pattern = Pattern::levels;
      formation.reason = fmt::format("{} under several L3 caches", counted);
    } else if (lanes > kMostLanesGathered) {
      formation.pattern = Pattern::levels;
      formation.reason = fmt::format("{}, more than {}", counted, kMostLanesGathered);
    } else if (hosts == 1 && lanes <= kMostLanesAllToAll) {
      formation.pattern = Pattern::all_to_all;
      formation.reason = fmt::format("{} under one L3, at most {}", counted, kMostLanesAllToAll);
    } else {
      formation.pattern = Pattern::gather_release;
      formation.reason = lanes <= kMostLanesAllToAll
                             ? fmt::format("the host's first lane speaks to the other hosts, {} in all", hosts)
                             : fmt::format("{} under one L3, more than {}", counted, kMostLanesAllToAll);
    }
  } else if (wanted.pattern == Pattern::all_to_all && hosts > 1) {
    formation.pattern = Pattern::gather_release;
    formation.reason = fmt::format("all-to-all was asked for, but the team spans {} hosts", hosts);
  }
  if (lanes == 1) return formation;
  if (formation.pattern == Pattern::gather_release) {
    lead(
        Level::host,
        [&] {
          std::vector<int> all;
          for (int i = 0; i < lanes; ++i) all.push_back(i);
          return all;
        }(),
        static_cast<std::size_t>(lanes), formation.groups);
  } else if (formation.pattern == Pattern::levels) {
    formation.groups = groups_by_level(seats, static_cast<std::size_t>(wanted.lanes_per_group));
    formation.reason += "; " + summary(formation.groups);
  }
  return formation;
}

std::string_view level_name(Level level) {
  constexpr std::array<std::string_view, 5> kNames = {"lane", "process", "L3", "NUMA domain", "host"};
  return kNames[static_cast<std::size_t>(level)];
}

std::string_view pattern_name(Pattern pattern) {
  constexpr std::array<std::string_view, 4> kNames = {"auto", "all-to-all", "gather-release", "levels"};
  return kNames[static_cast<std::size_t>(pattern)];
}

}  // namespace skein
