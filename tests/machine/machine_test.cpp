// SPDX-License-Identifier: Apache-2.0
//
// Machines as hwloc describes them, and the mask of a thread.
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "skein/base/error.hpp"
#include "skein/machine/machine.hpp"

namespace {

using skein::Machine;
using skein::Pu;

template <class Member>
std::size_t distinct(const Machine& machine, Member member) {
  std::set<int> values;
  for (const Pu& pu : machine.pus) values.insert(pu.*member);
  return values.size();
}

// Defect: a level is taken for another, or all PUs are in the first L3 or NUMA domain.
TEST(Machine, HasTheLevelsOfItsDescription) {
  const Machine machine = skein::detect_machine("pack:2 numa:4 l3:4 core:4 pu:2");
  EXPECT_EQ(machine.pus.size(), 256U);
  EXPECT_EQ(machine.offered, 256);
  EXPECT_EQ(distinct(machine, &Pu::os_index), 256U);
  EXPECT_EQ(distinct(machine, &Pu::core), 128U);
  EXPECT_EQ(distinct(machine, &Pu::thread_of_core), 2U);
  EXPECT_EQ(distinct(machine, &Pu::l3), 32U);
  EXPECT_EQ(distinct(machine, &Pu::numa), 8U);
  EXPECT_EQ(distinct(machine, &Pu::package), 2U);
  const Pu& last = machine.pus.back();
  EXPECT_EQ(last.core, 127);
  EXPECT_EQ(last.thread_of_core, 1);
  EXPECT_EQ(last.l3, 31);
  EXPECT_EQ(last.numa, 7);
  EXPECT_EQ(last.package, 1);
}

// Defect: a machine without L3s, or of one CPU, is refused or crashes.
TEST(Machine, NeedsNoCachesOrPackages) {
  for (const char* description : {"pu:1", "core:1 pu:1", "core:3 pu:2", "pack:2 core:2 pu:1", "numa:2 core:2 pu:1"}) {
    const Machine machine = skein::detect_machine(description);
    ASSERT_FALSE(machine.pus.empty()) << description;
    EXPECT_EQ(distinct(machine, &Pu::l3), 1U) << description;
  }
}

// Defect: CPUs outside the cpuset are not known, so that processes in different cpusets count cores differently; or they
// are taken for CPUs that the process can have.
TEST(Machine, OfAnXmlFileKnowsWhatItsCpusetLeavesOut) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("skein_machine_" + std::to_string(getpid()) + ".xml");
  std::ofstream(path) << R"(<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE topology SYSTEM "hwloc2.dtd">
<topology version="2.0">
  <object type="Machine" os_index="0" cpuset="0x0000000f" complete_cpuset="0x0000000f" allowed_cpuset="0x0000000a"
          nodeset="0x00000001" complete_nodeset="0x00000001" allowed_nodeset="0x00000001" gp_index="1">
    <object type="NUMANode" os_index="0" cpuset="0x0000000f" complete_cpuset="0x0000000f" nodeset="0x00000001"
            complete_nodeset="0x00000001" gp_index="2" local_memory="1048576"/>
    <object type="Core" os_index="0" cpuset="0x00000005" complete_cpuset="0x00000005" nodeset="0x00000001"
            complete_nodeset="0x00000001" gp_index="3">
      <object type="PU" os_index="0" cpuset="0x00000001" complete_cpuset="0x00000001" nodeset="0x00000001"
              complete_nodeset="0x00000001" gp_index="4"/>
      <object type="PU" os_index="2" cpuset="0x00000004" complete_cpuset="0x00000004" nodeset="0x00000001"
              complete_nodeset="0x00000001" gp_index="5"/>
    </object>
    <object type="Core" os_index="1" cpuset="0x0000000a" complete_cpuset="0x0000000a" nodeset="0x00000001"
            complete_nodeset="0x00000001" gp_index="6">
      <object type="PU" os_index="1" cpuset="0x00000002" complete_cpuset="0x00000002" nodeset="0x00000001"
              complete_nodeset="0x00000001" gp_index="7"/>
      <object type="PU" os_index="3" cpuset="0x00000008" complete_cpuset="0x00000008" nodeset="0x00000001"
              complete_nodeset="0x00000001" gp_index="8"/>
    </object>
  </object>
</topology>
)";
  const Machine machine = skein::detect_machine(path.string());
  std::filesystem::remove(path);
  ASSERT_EQ(machine.pus.size(), 4U);
  EXPECT_EQ(machine.offered, 2);
  EXPECT_EQ(machine.pus[1].os_index, 2);
  EXPECT_EQ(machine.pus[1].core, 0);
  EXPECT_EQ(machine.pus[1].thread_of_core, 1);
}

// Defect: nonsense ends in another machine, silently, or in a crash.
TEST(Machine, OfNonsenseIsAnErrorThatNamesIt) {
  for (const char* source : {"nonsense", "core:0", "pack:2 core", "/does/not/exist.xml", "\x1B[2J"}) {
    try {
      skein::detect_machine(source);
      ADD_FAILURE() << source;
    } catch (const skein::Error& error) {
      EXPECT_EQ(error.code(), skein::ExitCode::environment);
      EXPECT_EQ(std::string(error.what()).find('\x1B'), std::string::npos);
    }
  }
}

// Defect: a thread that was moved is taken for one that is where it was pinned.
TEST(RunsOnlyOn, SeesThatAThreadWasMoved) {
  cpu_set_t original;
  ASSERT_EQ(sched_getaffinity(0, sizeof(original), &original), 0);
  const std::vector<int> allowed = skein::allowed_cpus();
  const int cpu = allowed.back();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(cpu), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_TRUE(skein::runs_only_on(cpu));
  EXPECT_FALSE(skein::runs_only_on(cpu + 1));
  ASSERT_EQ(sched_setaffinity(0, sizeof(original), &original), 0);
  EXPECT_EQ(skein::runs_only_on(cpu), allowed.size() == 1);
}

}  // namespace
