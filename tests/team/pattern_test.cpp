// SPDX-License-Identifier: Apache-2.0
//
// The chooser of formations, on machines of 1 to 256 PUs, and what leaders pass up in them.
#include "skein/team/pattern.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "skein/collective/fold.hpp"
#include "skein/team/rank_map.hpp"
#include "skein/team/station.hpp"

namespace {

using skein::Content;
using skein::Contributions;
using skein::Formation;
using skein::Group;
using skein::Level;
using skein::Pattern;
using skein::PatternChoice;
using skein::Seat;
using skein::Station;
using skein::Stations;

struct Machine {
  int numas;
  int l3s_per_numa;
  int pus_per_l3;
};

std::vector<Seat> compact(const Machine& machine) {
  std::vector<Seat> seats;
  for (int numa = 0; numa < machine.numas; ++numa) {
    for (int l3 = 0; l3 < machine.l3s_per_numa; ++l3) {
      for (int pu = 0; pu < machine.pus_per_l3; ++pu) seats.push_back({numa * machine.l3s_per_numa + l3, numa});
    }
  }
  return seats;
}

/// Neighbouring ranks on different L3s, as SKEIN_BIND=scatter puts them.
std::vector<Seat> scattered(const Machine& machine) {
  std::vector<Seat> seats = compact(machine);
  std::vector<Seat> result;
  const std::size_t l3s = static_cast<std::size_t>(machine.numas) * static_cast<std::size_t>(machine.l3s_per_numa);
  for (std::size_t i = 0; i < seats.size(); ++i) {
    result.push_back(seats[i % l3s * static_cast<std::size_t>(machine.pus_per_l3) + i / l3s]);
  }
  return result;
}

const std::vector<Machine> kMachines = {
    {1, 1, 1}, {1, 1, 2}, {1, 1, 3}, {1, 1, 4},  {1, 1, 5},  {1, 1, 8},  {1, 1, 16}, {1, 1, 17}, {1, 1, 64},
    {1, 2, 1}, {1, 2, 4}, {1, 2, 8}, {1, 3, 5},  {1, 8, 8},  {2, 1, 1},  {2, 1, 16}, {2, 2, 3},  {2, 4, 8},
    {2, 8, 8}, {4, 1, 7}, {4, 2, 4}, {4, 4, 16}, {8, 2, 16}, {2, 8, 16}, {8, 1, 32}, {1, 1, 256}};

std::vector<skein::LaneRanks> numbers(std::size_t count) {
  std::vector<skein::LaneRanks> all;
  for (std::size_t i = 0; i < count; ++i) all.emplace_back(static_cast<int>(i));
  return all;
}

int count_of(const Formation& formation, Level level) {
  return static_cast<int>(std::count_if(formation.groups.begin(), formation.groups.end(),
                                        [&](const Group& group) { return group.level == level; }));
}

// The rows of the table in the order of the machines above: pattern, and groups in L3s, NUMA domains and the host.
// Fails when a cut-off moves without the table, or a level is left out.
TEST(ChooseFormation, FollowsTheMachine) {
  struct Row {
    Pattern pattern;
    int l3, numa, host;
  };
  constexpr Pattern kAll = Pattern::all_to_all;
  constexpr Pattern kGather = Pattern::gather_release;
  constexpr Pattern kLevels = Pattern::levels;
  const std::vector<Row> rows = {{kAll, 0, 0, 0},     {kAll, 0, 0, 0},     {kAll, 0, 0, 0},     {kAll, 0, 0, 0},
                                 {kGather, 0, 0, 1},  {kGather, 0, 0, 1},  {kGather, 0, 0, 1},  {kLevels, 2, 0, 0},
                                 {kLevels, 5, 0, 0},  {kLevels, 0, 1, 0},  {kLevels, 2, 1, 0},  {kLevels, 2, 1, 0},
                                 {kLevels, 3, 1, 0},  {kLevels, 8, 1, 0},  {kLevels, 0, 0, 1},  {kLevels, 2, 0, 1},
                                 {kLevels, 4, 2, 1},  {kLevels, 8, 2, 1},  {kLevels, 16, 2, 1}, {kLevels, 4, 0, 1},
                                 {kLevels, 8, 4, 1},  {kLevels, 16, 4, 1}, {kLevels, 16, 8, 1}, {kLevels, 16, 2, 1},
                                 {kLevels, 24, 0, 1}, {kLevels, 17, 0, 0}};
  ASSERT_EQ(rows.size(), kMachines.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& [numas, l3s, pus] = kMachines[i];
    SCOPED_TRACE(testing::Message() << numas << " NUMA domains of " << l3s << " L3s of " << pus << " PUs");
    const Formation formation = choose_formation({}, compact(kMachines[i]), 1);
    EXPECT_EQ(formation.pattern, rows[i].pattern) << formation.reason;
    if (formation.pattern == kAll) continue;
    EXPECT_EQ(count_of(formation, Level::l3), rows[i].l3) << formation.reason;
    EXPECT_EQ(count_of(formation, Level::numa), rows[i].numa) << formation.reason;
    EXPECT_EQ(count_of(formation, Level::host), rows[i].host) << formation.reason;
  }
}

// Fails when the reason is that of another choice.
TEST(ChooseFormation, SaysWhy) {
  const auto reason = [](int lanes, int hosts) {
    return choose_formation({}, std::vector<Seat>(static_cast<std::size_t>(lanes)), hosts).reason;
  };
  EXPECT_EQ(reason(4, 1), "4 lanes under one L3, at most 4");
  EXPECT_EQ(reason(4, 2), "the host's first lane speaks to the other hosts, 2 in all");
  EXPECT_EQ(reason(5, 1), "5 lanes under one L3, more than 4");
  EXPECT_EQ(reason(5, 2), "5 lanes under one L3, more than 4");
}

// Fails when all-to-all is chosen, or kept, where the leader alone hears of other hosts.
TEST(ChooseFormation, AHostAmongOthersHasOneLeader) {
  for (const Machine& machine : kMachines) {
    for (const Pattern wanted : {Pattern::automatic, Pattern::all_to_all, Pattern::gather_release, Pattern::levels}) {
      EXPECT_NE(choose_formation(wanted, compact(machine), 3).pattern, Pattern::all_to_all);
      EXPECT_NE(choose_formation(wanted, compact(machine), 1).pattern, Pattern::automatic);
    }
  }
}

/// Every formation of these tests: machines, orders of ranks, choices.
template <class Test>
void for_all_formations(Test test) {
  for (const Machine& machine : kMachines) {
    for (const std::vector<Seat>& seats : {compact(machine), scattered(machine)}) {
      for (const PatternChoice choice : {PatternChoice(),
                                         {Pattern::gather_release},
                                         {Pattern::levels},
                                         {Pattern::levels, 2},
                                         {Pattern::levels, 3},
                                         {Pattern::levels, 5}}) {
        SCOPED_TRACE(testing::Message() << machine.numas << "x" << machine.l3s_per_numa << "x" << machine.pus_per_l3
                                        << ", " << pattern_name(choice.pattern) << " " << choice.lanes_per_group);
        test(seats, choice, choose_formation(choice, seats, 1));
      }
    }
  }
}

// Hangs when a rank is in no group, or in two; several leaders write a line, or too many ranks poll it.
TEST(ChooseFormation, IsATreeWithSeatZeroAtItsRoot) {
  for_all_formations([](const std::vector<Seat>& seats, PatternChoice choice, const Formation& formation) {
    if (formation.pattern == Pattern::all_to_all) return;
    std::set<int> led;
    for (const Group& group : formation.groups) {
      EXPECT_FALSE(group.members.empty());
      EXPECT_FALSE(led.contains(group.leader)) << "a leader is released before it has gathered";
      for (const int member : group.members) {
        EXPECT_TRUE(led.insert(member).second) << "seat " << member << " is in two groups";
        EXPECT_GT(member, group.leader);
      }
      if (formation.pattern != Pattern::levels) continue;
      EXPECT_LT(group.members.size(), static_cast<std::size_t>(choice.lanes_per_group));
      const Seat& seat = seats[static_cast<std::size_t>(group.leader)];
      for (const int member : group.members) {
        const Seat& other = seats[static_cast<std::size_t>(member)];
        EXPECT_TRUE(group.level == Level::host || other.numa == seat.numa);
        EXPECT_TRUE(group.level != Level::l3 || other.l3 == seat.l3);
      }
    }
    EXPECT_EQ(led.size(), seats.size() - 1);
    EXPECT_FALSE(led.contains(0));

    const Stations stations(formation, numbers(seats.size()));
    std::vector<int> posters(static_cast<std::size_t>(stations.release_channels), 0);
    std::vector<int> pollers(static_cast<std::size_t>(stations.release_channels), 0);
    for (const Station& station : stations.of_lane) {
      for (const int line : station.releases) ++posters[static_cast<std::size_t>(line)];
      if (station.released_by >= 0) ++pollers[static_cast<std::size_t>(station.released_by)];
      EXPECT_EQ(station.released_by < 0, station.lane == 0);
    }
    EXPECT_TRUE(std::all_of(posters.begin(), posters.end(), [](int count) { return count == 1; }));
    EXPECT_TRUE(std::all_of(pollers.begin(), pollers.end(), [](int count) { return 1 <= count && count <= 16; }));
  });
}

// An operator that is neither associative nor commutative: every other order or shape shows.
std::uint64_t mix(std::uint64_t left, std::uint64_t right) {
  return (left * 0x9e3779b97f4a7c15U ^ (right >> 7U)) + right * 31;
}
void merge(const Content&, const std::byte* left, const std::byte* right, std::byte* out) {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::memcpy(&a, left, sizeof(a));
  std::memcpy(&b, right, sizeof(b));
  a = mix(a, b);
  std::memcpy(out, &a, sizeof(a));
}
const Content kFold{.need = Content::Need::fold, .bytes = sizeof(std::uint64_t), .merge = &merge};

std::uint64_t value_of(int rank) { return static_cast<std::uint64_t>(rank) * 1000 + 17; }

std::uint64_t expected(int ranks) {
  auto op = [](std::uint64_t a, std::uint64_t b) { return mix(a, b); };
  return skein::fold_tree<std::uint64_t>(0, ranks, value_of, op);
}

/// What a seat and all below it contribute.
void gather(const Stations& stations, int seat, Contributions& set, std::vector<std::byte>& memory) {
  const Station& station = stations.of_lane[static_cast<std::size_t>(seat)];
  set.reset(sizeof(std::uint64_t));
  const std::uint64_t own = value_of(station.carried.first());
  set.add({station.carried.first(), 1}, reinterpret_cast<const std::byte*>(&own));
  for (const Station::Child& child : station.children) {
    std::vector<std::byte> below(memory.size());
    Contributions more(below);
    gather(stations, child.lane, more, below);
    const Station& child_station = stations.of_lane[static_cast<std::size_t>(child.lane)];
    if (child_station.block.ranks != 0) {
      EXPECT_EQ(more.count(), 1) << "seat " << child.lane << " said it speaks for one block";
      EXPECT_EQ(more.block(0).begin, child_station.block.begin);
      EXPECT_EQ(more.block(0).ranks, child_station.block.ranks);
    } else {
      EXPECT_LE(static_cast<std::size_t>(more.count()), child_station.most_parts);
    }
    set.append(more.packed());
  }
  set.fold_blocks(kFold);
}

// Fails when a fold through levels has another shape than the one that every rank would compute alone.
TEST(Contributions, FoldInTheOneShapeThroughEveryFormation) {
  for_all_formations([](const std::vector<Seat>& seats, PatternChoice, const Formation& formation) {
    if (formation.pattern == Pattern::all_to_all) return;
    const Stations stations(formation, numbers(seats.size()));
    std::vector<std::byte> memory(seats.size() * Contributions::kInlineStride);
    Contributions all(memory);
    gather(stations, 0, all, memory);
    std::uint64_t result = 0;
    all.fold_all(kFold, reinterpret_cast<std::byte*>(&result));
    EXPECT_EQ(result, expected(static_cast<int>(seats.size())));
  });
}

// The same when hosts give their parts in any order; and the blocks of the map are those that a host can fold.
TEST(Contributions, FoldInTheOneShapeWhateverTheHosts) {
  for (int ranks = 1; ranks <= 70; ++ranks) {
    for (const int hosts : {1, 2, 3, 5}) {
      std::vector<int> host_of;
      std::vector<int> per_process(static_cast<std::size_t>(ranks), 1);
      for (int rank = 0; rank < ranks; ++rank) {
        host_of.push_back(ranks % 2 == 0 ? rank % std::min(hosts, ranks) : rank * std::min(hosts, ranks) / ranks);
      }
      std::vector<std::byte> memory(static_cast<std::size_t>(ranks) * Contributions::kInlineStride);
      Contributions all(memory);
      all.reset(sizeof(std::uint64_t));
      std::size_t blocks = 0;
      for (int host = std::min(hosts, ranks) - 1; host >= 0; --host) {
        const skein::RankMap map(per_process, host_of, host);
        std::vector<std::byte> own(memory.size());
        Contributions part(own);
        part.reset(sizeof(std::uint64_t));
        for (const int rank : map.ranks_of_host(host)) {
          const std::uint64_t value = value_of(rank);
          part.add({rank, 1}, reinterpret_cast<const std::byte*>(&value));
        }
        part.fold_blocks(kFold);
        for (int i = 0; i < part.count(); ++i) EXPECT_EQ(map.block_ranks(part.block(i).begin), part.block(i).ranks);
        blocks += static_cast<std::size_t>(part.count());
        EXPECT_LE(blocks, map.blocks().size());
        all.append(part.packed());
      }
      all.fold_blocks(kFold);
      std::uint64_t result = 0;
      all.fold_all(kFold, reinterpret_cast<std::byte*>(&result));
      EXPECT_EQ(result, expected(ranks)) << ranks << " ranks on " << hosts << " hosts";
    }
  }
}

}  // namespace
