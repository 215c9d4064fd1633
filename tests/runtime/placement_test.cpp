// SPDX-License-Identifier: Apache-2.0
// Placement as a user meets it: what launchers do to masks, and the one warning that each pitfall is worth.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/child.hpp"
#include "skein/machine/machine.hpp"

namespace {

using child::count_of;
using child::Environment;
using child::Outcome;
using Command = std::vector<std::string>;

// What scripts/test_launch sets for all tests, undone: mpirun binds as it does by default.
const Environment kDefaultBinding = {{"OMPI_MCA_hwloc_base_binding_policy", "core"},
                                     {"ASAN_OPTIONS", "detect_leaks=0"}};

Outcome start(Command launcher, Environment variables) {
  variables.emplace("ASAN_OPTIONS", "detect_leaks=0");  // Open MPI keeps what it allocated until the end
  launcher.insert(launcher.end(), {SKEIN_START_PROGRAM, "log"});
  return child::run(launcher, variables);
}

Environment with(Environment variables, const Environment& more) {
  variables.insert(more.begin(), more.end());
  return variables;
}

/// Lines that Skein wrote.
int messages(const Outcome& outcome) { return count_of("\n" + outcome.err, "\nskein: "); }

std::string first_cpu() { return std::to_string(skein::allowed_cpus().front()); }

bool has_two_cpus() { return skein::allowed_cpus().size() >= 2; }

// Fails when a run without trouble talks.
TEST(Placement, WithoutTroubleNothingIsPrinted) {
  EXPECT_EQ(start({}, {{"SKEIN_RANKS", "1"}}).err, "");
  EXPECT_EQ(start({}, {}).err, "");
  EXPECT_EQ(start({}, {{"SKEIN_CPU_LOCKS", "0"}, {"SKEIN_BIND", "scatter"}}).err, "");
}

// Fails when lanes that share CPUs are silent about it, or each process or rank says so; or when ranks that share lanes are
// taken for lanes.
TEST(Placement, MoreLanesThanCpusAreOneWarning) {
  const std::size_t cpus = skein::allowed_cpus().size();
  EXPECT_EQ(start({}, {{"SKEIN_RANKS", std::to_string(cpus + 1)}}).err, "");
  const Outcome outcome = start({}, {{"SKEIN_RANKS", std::to_string(cpus + 1)}, {"SKEIN_LANES", "each"}});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(messages(outcome), 1) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "set SKEIN_LANES=" + std::to_string(cpus)), 1) << outcome.err;
}

// Fails when a narrow mask is taken for a small machine.
TEST(Placement, ATasksetIsNamedAsTheCause) {
  if (!has_two_cpus()) GTEST_SKIP() << "needs two CPUs";
  const Outcome outcome = start({"taskset", "-c", first_cpu()}, {{"SKEIN_RANKS", "4"}});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(messages(outcome), 1) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "4 ranks of process 0 share CPU " + first_cpu()), 1) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "taskset -c LIST"), 1) << outcome.err;
  EXPECT_EQ(start({"taskset", "-c", first_cpu()}, {}).err, "") << "one rank by default";
}

// Fails when a list that is too short is cut, wrapped or silent.
TEST(Placement, AShortListIsOneWarning) {
  if (!has_two_cpus()) GTEST_SKIP() << "needs two CPUs";
  const Outcome outcome =
      start({}, {{"SKEIN_RANKS", "2"}, {"SKEIN_LANES", "2"}, {"SKEIN_BIND", first_cpu()}, {"SKEIN_VERBOSE", "1"}});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(count_of(outcome.err, "SKEIN_BIND names 1 CPU (" + first_cpu() + ") for 2 lanes"), 1) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "on any allowed CPU"), 2) << outcome.err;
  EXPECT_EQ(start({}, {{"SKEIN_BIND", first_cpu()}}).out, "one team of 1 ranks in 1 processes\n");
}

// Fails when a job does not notice another one on its CPUs, takes a job without pinned ranks for one, or still sees it
// when it has ended.
TEST(Placement, AnotherJobOnTheSameCpuIsOneWarning) {
  const std::string cpu = first_cpu();
  const Environment locked = {{"SKEIN_CPU_LOCKS", "1"}, {"SKEIN_BIND", cpu}, {"SKEIN_VERBOSE", "1"}};
  const Command inner = {SKEIN_START_PROGRAM, "beside", SKEIN_START_PROGRAM, "log"};
  const Outcome beside = child::run(inner, locked);
  EXPECT_EQ(beside.status, 0) << beside.err;
  EXPECT_EQ(count_of(beside.err, "another Skein job runs on CPU " + cpu), 1) << beside.err;
  EXPECT_EQ(count_of(beside.err, "2 lanes on 1 CPUs"), 1) << "its ranks do not wait politely: " << beside.err;
  EXPECT_EQ(count_of(beside.out, "one team of 1 ranks"), 2) << beside.out;
  const Outcome after = child::run({SKEIN_START_PROGRAM, "log"}, locked);
  EXPECT_EQ(count_of(after.err, "another Skein job"), 0) << after.err;
  const Outcome off = child::run(inner, {{"SKEIN_CPU_LOCKS", "0"}, {"SKEIN_BIND", cpu}});
  EXPECT_EQ(count_of(off.err, "another Skein job"), 0) << off.err;
  const Outcome none = child::run(inner, {{"SKEIN_CPU_LOCKS", "1"}, {"SKEIN_BIND", "none"}});
  EXPECT_EQ(count_of(none.err, "another Skein job"), 0) << none.err;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they do not run with other preloaded libraries

// Fails when an OpenMP runtime inside goes unnoticed, or is still complained about when it is told to start no threads.
TEST(Placement, AnOpenmpRuntimeInsideIsOneWarning) {
  if (!has_two_cpus()) GTEST_SKIP() << "needs two CPUs";
  const Environment loaded = {{"LD_PRELOAD", "libgomp.so.1"}, {"SKEIN_RANKS", "1"}};
  const Outcome outcome = start({}, loaded);
  if (count_of(outcome.err, "LD_PRELOAD") > 0) GTEST_SKIP() << "no libgomp.so.1 here";
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(messages(outcome), 1) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "set OMP_NUM_THREADS=1"), 1) << outcome.err;
  EXPECT_EQ(start({}, with(loaded, {{"OMP_NUM_THREADS", "1"}})).err, "");
  EXPECT_EQ(start({}, with(loaded, {{"SKEIN_BIND", "none"}})).err, "") << "one rank with all CPUs for its threads";
  EXPECT_EQ(count_of(start({}, with(loaded, {{"OMP_NUM_THREADS", "3,2"}})).err, "OpenMP may start 3 threads"), 1);
}

// Fails when OpenMP's binding of the main thread, which leaves Skein one CPU, is blamed on somebody else.
TEST(Placement, OpenmpsBindingOfTheMainThreadIsNamedAsTheCause) {
  if (!has_two_cpus()) GTEST_SKIP() << "needs two CPUs";
  const Outcome outcome =
      start({}, {{"LD_PRELOAD", "libgomp.so.1"}, {"OMP_NUM_THREADS", "1"}, {"OMP_PROC_BIND", "true"}});
  if (count_of(outcome.err, "LD_PRELOAD") > 0) GTEST_SKIP() << "no libgomp.so.1 here";
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(messages(outcome), 1) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "unset OMP_PROC_BIND"), 1) << outcome.err;
}

#endif

#if SKEIN_HAS_MPI

Command mpirun(int processes, Command options = {}) {
  options.insert(options.begin(), {SKEIN_MPIEXEC, "-n", std::to_string(processes)});
  return options;
}

// Is silent or says it twice when mpirun binds a process to a core, and its ranks share that although there are others; or
// speaks when there are none.
TEST(Placement, RanksThatMpirunBindsToOneCoreAreOneWarning) {
  if (!has_two_cpus()) GTEST_SKIP() << "needs two CPUs";
  const Outcome outcome = start(mpirun(1), with(kDefaultBinding, {{"SKEIN_RANKS", "2"}}));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(messages(outcome), 1) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "2 ranks of process 0 share CPU"), 1) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "because mpirun binds it"), 1) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "use mpirun --bind-to none"), 1) << outcome.err;
  EXPECT_EQ(count_of(outcome.out, "one team of 2 ranks"), 1);
  const Environment lanes = with(kDefaultBinding, {{"SKEIN_RANKS", "2"}, {"SKEIN_LANES", "each"}});
  const Outcome crowded = start(mpirun(2), lanes);
  EXPECT_EQ(messages(crowded), 1) << crowded.err;
  EXPECT_EQ(count_of(crowded.out, "one team of 4 ranks"), 1);
  if (skein::allowed_cpus().size() > 2) return;
  EXPECT_EQ(messages(start(mpirun(2), with(kDefaultBinding, {{"SKEIN_RANKS", "2"}}))), 0);
}

// Fails when the remedy that the warning names does not help.
TEST(Placement, TheRemediesForMpirunAreQuiet) {
  if (!has_two_cpus()) GTEST_SKIP() << "needs two CPUs";
  EXPECT_EQ(messages(start(mpirun(1, {"--bind-to", "none"}), {{"SKEIN_RANKS", "2"}})), 0);
  const Environment unset = with(kDefaultBinding, {{"SKEIN_RANKS", "2"}});
  const Outcome elements = start(mpirun(1, {"--map-by", "slot:PE=2"}), unset);
  EXPECT_EQ(elements.status, 0) << elements.err;
  EXPECT_EQ(messages(elements), 0) << elements.err;
}

// Fails when the one rank that a bound process gets by default hides that the rest of the machine is idle.
TEST(Placement, OneRankWhereThereAreMoreCpusIsOneWarningUnlessAskedFor) {
  if (!has_two_cpus()) GTEST_SKIP() << "needs two CPUs";
  const Outcome outcome = start(mpirun(1), kDefaultBinding);
  EXPECT_EQ(messages(outcome), 1) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "if one rank per process is meant, set SKEIN_RANKS=1"), 1) << outcome.err;
  EXPECT_EQ(messages(start(mpirun(1), with(kDefaultBinding, {{"SKEIN_RANKS", "1"}}))), 0);
}

// Fails when the processes of a job take each other for another job.
TEST(Placement, ProcessesOfAJobDoNotDisturbEachOther) {
  const Outcome outcome = start(mpirun(2), {{"SKEIN_RANKS", "1"}, {"SKEIN_CPU_LOCKS", "1"}, {"SKEIN_BIND", "compact"}});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(count_of(outcome.err, "another Skein job"), 0) << outcome.err;
}

#endif

}  // namespace
