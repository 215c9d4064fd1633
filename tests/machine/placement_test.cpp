// SPDX-License-Identifier: Apache-2.0
//
// The parts of a placement that are not cases of placement_cases.txt.
#include "skein/machine/placement.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "skein/base/error.hpp"

namespace {

using skein::Binding;
using skein::ProcessFacts;
using Cpus = std::vector<int>;

// Defect: two processes of a machine with more CPUs than a team may have ranks start more than that.
TEST(PlanHost, StaysBelowTheLargestTeamByDefault) {
  skein::HostFacts host;
  host.machine = skein::detect_machine("core:16 pu:1");
  host.most_lanes = 5;
  ProcessFacts half;
  half.offered = 16;
  half.allowed = {0, 1, 2, 3, 4, 5, 6, 7};
  host.processes = {half, half};
  const skein::HostPlan plan = skein::plan_host(host);
  EXPECT_EQ(plan.processes[0].cpus, (Cpus{0, 1, 2}));
  EXPECT_EQ(plan.processes[1].cpus, (Cpus{3, 4}));
}

// Defect: a fact is lost or changed on the way to the other processes, which then plan something else.
TEST(ProcessFacts, AreTheSameAfterTheirJourney) {
  ProcessFacts facts;
  facts.allowed = {3, 5, 900};
  facts.offered = 77;
  facts.limits = {{0xFFFF'FFFF'FFFF'FFFF, 1.5}, {7, 0.25}};
  facts.ranks = 12;
  facts.binding = {Binding::Kind::list, {5, 3}};
  facts.inner_threads = {skein::kNotLoaded, skein::kOnePerCpu, 4};
  facts.is_bound_by_openmp = true;
  const ProcessFacts other = skein::facts_from(skein::to_bytes(facts));
  EXPECT_EQ(other.allowed, facts.allowed);
  EXPECT_EQ(other.offered, 77);
  ASSERT_EQ(other.limits.size(), 2U);
  EXPECT_EQ(other.limits[0].group, 0xFFFF'FFFF'FFFF'FFFF);
  EXPECT_EQ(other.limits[0].cpus, 1.5);
  EXPECT_EQ(other.limits[1].group, 7U);
  EXPECT_EQ(other.limits[1].cpus, 0.25);
  EXPECT_EQ(other.ranks, 12);
  EXPECT_EQ(other.binding.kind, Binding::Kind::list);
  EXPECT_EQ(other.binding.cpus, (Cpus{5, 3}));
  EXPECT_EQ(other.inner_threads, facts.inner_threads);
  EXPECT_TRUE(other.is_bound_by_openmp);
  EXPECT_FALSE(skein::facts_from(skein::to_bytes(ProcessFacts{})).ranks);
}

// Defect: this process's mask is not its own, or libraries are seen that are not there.
TEST(ProcessFacts, AreFoundInThisProcess) {
  const ProcessFacts facts = skein::facts_of_this_process();
  EXPECT_EQ(facts.allowed, skein::allowed_cpus());
  EXPECT_EQ(facts.inner_threads[static_cast<std::size_t>(skein::InnerLibrary::mkl)], skein::kNotLoaded);
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
