// SPDX-License-Identifier: Apache-2.0
#include "skein/machine/placement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "skein/base/error.hpp"

namespace {

using skein::Binding;
using skein::kNotPinned;
using skein::Machine;
using skein::place_lanes;
using skein::ProcessShape;
using Cpus = std::vector<int>;

/// Two packages of two L3s of two cores of two hardware threads; the second threads are numbered last, as on most servers.
Machine sixteen_pus() {
  Machine machine;
  for (int i = 0; i < 16; ++i) {
    const int core = i % 8;
    machine.pus.push_back(
        {.os_index = i, .core = core, .thread_of_core = i / 8, .l3 = core / 2, .numa = core / 4, .package = core / 4});
  }
  return machine;
}

Cpus cpus(int begin, int end) {
  Cpus result(static_cast<std::size_t>(end - begin));
  std::iota(result.begin(), result.end(), begin);
  return result;
}

Cpus place(Binding binding, const std::vector<ProcessShape>& processes, int own = 0) {
  return place_lanes(sixteen_pus(), binding, processes, own);
}

const Binding kCompact{Binding::Kind::compact, {}};
const Binding kScatter{Binding::Kind::scatter, {}};

// Defect: second hardware threads before free cores, or neighbours apart.
TEST(PlaceLanes, CompactFillsCoresBeforeHardwareThreads) {
  EXPECT_EQ(place(kCompact, {{3, cpus(0, 16)}}), (Cpus{0, 1, 2}));
  EXPECT_EQ(place(kCompact, {{10, cpus(0, 16)}}), (Cpus{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

// Defect: scatter that stays in one package or shares a cache while others are free.
TEST(PlaceLanes, ScatterGivesEachLaneACacheOfItsOwn) {
  const Machine machine = sixteen_pus();
  const Cpus placed = place(kScatter, {{4, cpus(0, 16)}});
  std::set<int> caches;
  for (const int cpu : placed) caches.insert(machine.pus[static_cast<std::size_t>(cpu)].l3);
  EXPECT_EQ(caches.size(), 4U);
  const Cpus two = place(kScatter, {{8, cpus(0, 16)}});
  EXPECT_EQ(std::set<int>(two.begin(), two.end()).size(), 8U);
  for (const int cpu : two) EXPECT_LT(cpu, 8) << "a second hardware thread while cores are free";
}

// Defect: scatter of two lanes puts both into one package.
TEST(PlaceLanes, ScatterOfTwoUsesBothPackages) {
  const Machine machine = sixteen_pus();
  const Cpus placed = place(kScatter, {{2, cpus(0, 16)}});
  EXPECT_NE(machine.pus[static_cast<std::size_t>(placed[0])].package,
            machine.pus[static_cast<std::size_t>(placed[1])].package);
}

// Defect: two processes on the same CPUs; a CPU outside the mask; lanes without one although there are enough.
TEST(PlaceLanes, ProcessesDivideTheMaskTheyShare) {
  for (const Binding& binding : {kCompact, kScatter}) {
    const std::vector<ProcessShape> processes = {{1, cpus(4, 10)}, {3, cpus(4, 10)}, {2, cpus(4, 10)}};
    std::set<int> used;
    for (int own = 0; own < 3; ++own) {
      for (const int cpu : place(binding, processes, own)) {
        EXPECT_TRUE(4 <= cpu && cpu < 10) << cpu;
        EXPECT_TRUE(used.insert(cpu).second) << cpu;
      }
    }
    EXPECT_EQ(used.size(), 6U);
  }
}

// Defect: sparse masks, or those that do not begin at zero, are counted instead of used.
TEST(PlaceLanes, StaysInASparseMask) {
  const Cpus mask = {3, 6, 11, 14};
  Cpus placed = place(kCompact, {{4, mask}});
  std::sort(placed.begin(), placed.end());
  EXPECT_EQ(placed, mask);
}

// Defect: lanes pinned on top of each other when there are more of them than CPUs.
TEST(PlaceLanes, PinsNobodyWhenThereAreTooManyLanes) {
  EXPECT_EQ(place(kCompact, {{3, {0, 1}}}), (Cpus{kNotPinned, kNotPinned, kNotPinned}));
  EXPECT_EQ(place(kCompact, {{1, {0, 1}}, {2, {0, 1}}}, 0), (Cpus{kNotPinned}));
  EXPECT_EQ(place({Binding::Kind::list, {5}}, {{2, cpus(0, 16)}}), (Cpus{kNotPinned, kNotPinned}));
  EXPECT_EQ(place({Binding::Kind::none, {}}, {{2, cpus(0, 16)}}), (Cpus{kNotPinned, kNotPinned}));
}

// Defect: processes that mpirun has bound apart are counted together.
TEST(PlaceLanes, ProcessesWithMasksOfTheirOwnDoNotDivideThem) {
  const std::vector<ProcessShape> processes = {{2, {0, 1}}, {2, {2, 3}}};
  EXPECT_EQ(place(kCompact, processes, 0), (Cpus{0, 1}));
  EXPECT_EQ(place(kCompact, processes, 1), (Cpus{2, 3}));
}

// Defect: the order of a list is lost, or each process starts at its front.
TEST(PlaceLanes, AListIsDealtOutInItsOrder) {
  const Binding list{Binding::Kind::list, {9, 2, 7, 4}};
  const std::vector<ProcessShape> processes = {{1, cpus(0, 16)}, {3, cpus(0, 16)}};
  EXPECT_EQ(place(list, processes, 0), (Cpus{9}));
  EXPECT_EQ(place(list, processes, 1), (Cpus{2, 7, 4}));
}

// Defect: a CPU of the mask that hwloc does not show, as in some containers, is left unused or crashes.
TEST(PlaceLanes, UsesAllowedCpusThatTheTopologyDoesNotKnow) {
  for (const Binding& binding : {kCompact, kScatter}) {
    EXPECT_EQ(place_lanes(Machine{}, binding, {{2, {40, 41}}}, 0), (Cpus{40, 41}));
    EXPECT_EQ(place(binding, {{3, {1, 2, 99}}}).size(), 3U);
  }
}

// Defect: ranks of processes that share no CPU count as competitors, or those that share some do not.
TEST(LoadOf, CountsThoseWhoCompete) {
  const std::vector<ProcessShape> apart = {{2, {0, 1}}, {4, {2, 3}}};
  EXPECT_EQ(skein::load_of(apart, 0).lanes, 2);
  EXPECT_EQ(skein::load_of(apart, 0).cpus, 2);
  EXPECT_EQ(skein::load_of(apart, 1).lanes, 4);
  const std::vector<ProcessShape> together = {{2, {0, 1}}, {4, {0, 1}}};
  EXPECT_EQ(skein::load_of(together, 1).lanes, 6);
  EXPECT_EQ(skein::load_of(together, 1).cpus, 2);
  const std::vector<ProcessShape> overlapping = {{2, {0, 1}}, {4, {1, 2}}};
  EXPECT_EQ(skein::load_of(overlapping, 0).lanes, 6);
  EXPECT_EQ(skein::load_of(overlapping, 0).cpus, 3);
}

// Defect: each process takes all CPUs of the host, or more than its quota, or none.
TEST(DefaultLanes, AreAFairShareOfMaskAndQuota) {
  const std::vector<Cpus> alone = {cpus(0, 8)};
  EXPECT_EQ(skein::default_lanes(alone, 0, std::nullopt), 8);
  EXPECT_EQ(skein::default_lanes(alone, 0, 2.9), 2);
  EXPECT_EQ(skein::default_lanes(alone, 0, 0.5), 1);
  EXPECT_EQ(skein::default_lanes(alone, 0, 1000.0), 8);
  const std::vector<Cpus> three(3, cpus(0, 8));
  EXPECT_EQ(skein::default_lanes(three, 0, std::nullopt), 3);
  EXPECT_EQ(skein::default_lanes(three, 1, std::nullopt), 3);
  EXPECT_EQ(skein::default_lanes(three, 2, std::nullopt), 2);
  EXPECT_EQ(skein::default_lanes(three, 2, 2.0), 1);
  const std::vector<Cpus> crowd(5, Cpus{6});
  for (int own = 0; own < 5; ++own) EXPECT_EQ(skein::default_lanes(crowd, own, std::nullopt), 1);
  const std::vector<Cpus> bound = {{0, 1}, {2, 3, 4}};
  EXPECT_EQ(skein::default_lanes(bound, 0, std::nullopt), 2);
  EXPECT_EQ(skein::default_lanes(bound, 1, std::nullopt), 3);
}

// Defect: a word that is taken for a list, or a list beyond the machine.
TEST(ParseBinding, KnowsItsWordsAndLists) {
  EXPECT_EQ(skein::parse_binding("SKEIN_BIND", "compact", 4).kind, Binding::Kind::compact);
  EXPECT_EQ(skein::parse_binding("SKEIN_BIND", "scatter", 4).kind, Binding::Kind::scatter);
  EXPECT_EQ(skein::parse_binding("SKEIN_BIND", "none", 4).kind, Binding::Kind::none);
  const Binding list = skein::parse_binding("SKEIN_BIND", "3,0-1", 4);
  EXPECT_EQ(list.kind, Binding::Kind::list);
  EXPECT_EQ(list.cpus, (Cpus{3, 0, 1}));
  for (const char* text : {"", "Compact", "compact ", "spread", "4", "0-4", "none,0"}) {
    EXPECT_THROW(skein::parse_binding("SKEIN_BIND", text, 4), skein::Error) << text;
  }
}

}  // namespace
