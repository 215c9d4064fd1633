// SPDX-License-Identifier: Apache-2.0
// Starts as seen from outside: the exit code that the shell gets, and one message however many processes there are.
// Under several processes, mpirun adds words of its own, so messages are counted and not compared.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/child.hpp"

namespace {

using child::count_of;
using child::Environment;
using child::Outcome;

Outcome start(int processes, Environment variables, const std::vector<std::string>& arguments = {"log"}) {
  variables.emplace("ASAN_OPTIONS", "detect_leaks=0");  // Open MPI keeps what it allocated until the end
  std::vector<std::string> command;
  if (processes > 1) command = {SKEIN_MPIEXEC, "-n", std::to_string(processes)};
  command.emplace_back(SKEIN_START_PROGRAM);
  command.insert(command.end(), arguments.begin(), arguments.end());
  return child::run(command, variables);
}

/// Every number of processes that this build can have.
std::vector<int> process_counts() { return SKEIN_HAS_MPI != 0 ? std::vector<int>{1, 2} : std::vector<int>{1}; }

// Fails when a bad variable is answered with another code, by each process, or with the raw value.
TEST(StartProcess, ABadVariableIsOneMessageAndCodeTwo) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"SKEIN_RANKS", "0"},
      {"SKEIN_RANKS", "16385"},
      {"SKEIN_LANES", "0"},
      {"SKEIN_SCHEDULE", "random"},
      {"SKEIN_RANKS", "\x1B[2Jgone"},
      {"SKEIN_RANKS", std::string(120'000, '9')},
      {"SKEIN_WAIT", "Spin"},
      {"SKEIN_BIND", "0-99999"},
      {"SKEIN_MPI", "maybe"},
      {"SKEIN_HOST", "shared\nskein: all is well"},
      {"SKEIN_PATTERN", " "},
      {"SKEIN_VERBOSE", ""},
      {"SKEIN_REPORT",
       "\xFF\xC2\x9B"
       "2J"},
  };
  for (const int processes : process_counts()) {
    for (const auto& [name, value] : table) {
      // A failed mpirun takes two seconds: one row of each step of the start is enough there.
      const bool is_telling =
          name == "SKEIN_BIND" || name == "SKEIN_MPI" || name == "SKEIN_HOST" || name == "SKEIN_REPORT";
      if (processes > 1 && !is_telling) continue;
      SCOPED_TRACE(name + " in " + std::to_string(processes) + " processes");
      const Outcome outcome = start(processes, {{name, value}});
      EXPECT_EQ(outcome.status, 2);
      EXPECT_EQ(count_of(outcome.err, "skein: " + name + "=\""), 1) << outcome.err;
      EXPECT_EQ(count_of("\n" + outcome.err, "\nskein: "), 1) << outcome.err;
      EXPECT_EQ(count_of(outcome.err, "allowed: "), 1) << outcome.err;
      for (const char* raw : {"\x1B", "\xFF", "\xC2\x9B", "\nskein: all is well"})
        EXPECT_EQ(count_of(outcome.err, raw), 0);
      EXPECT_EQ(outcome.out, "");
      EXPECT_LT(outcome.err.size(), 3000U);
    }
  }
}

// Fails when a mistyped variable is silently without effect, ends the run, or is complained about by every process.
TEST(StartProcess, AnUnknownVariableIsOneWarning) {
  for (const int processes : process_counts()) {
    const Outcome outcome = start(processes, {{"SKEIN_RNAKS", "3"}});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(count_of(outcome.err, "did you mean SKEIN_RANKS?"), 1) << outcome.err;
  }
}

// Fails when every rank or every process prints the line.
TEST(StartProcess, ALineIsLoggedOncePerTeam) {
  for (const int processes : process_counts()) {
    const Outcome outcome = start(processes, {{"SKEIN_RANKS", "3"}});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "one team of " + std::to_string(3 * processes) + " ranks in " + std::to_string(processes) +
                               " processes\n");
  }
}

// Fails when a process goes on after another's step has failed, with another code or another message, or when a thread
// has been started by then.
TEST(StartProcess, AStepThatFailsAnywhereEndsAllWithItsCodeAndOneMessage) {
  for (const int processes : process_counts()) {
    for (int failing = -1; failing < processes; ++failing) {
      SCOPED_TRACE(failing);
      const Outcome outcome = start(processes, {{"SKEIN_RANKS", "2"}}, {"agree", std::to_string(failing), "3"});
      EXPECT_EQ(outcome.status, 3);
      const std::string lowest = std::to_string(std::max(failing, 0));
      EXPECT_EQ(count_of(outcome.err, "the input of process " + lowest + " is bad"), 1) << outcome.err;
      EXPECT_EQ(count_of(outcome.err, "is bad"), 1) << outcome.err;
      EXPECT_EQ(count_of(outcome.err, "threads were started"), 0) << outcome.err;
    }
  }
}

// Hangs when the other processes run without the one whose lanes could not start.
TEST(StartProcess, AThreadThatCannotStartInOneProcessEndsAllWithCodeSix) {
  for (const int processes : process_counts()) {
    for (int failing = 0; failing < processes; ++failing) {
      const Outcome outcome =
          start(processes, {{"SKEIN_RANKS", "4"}, {"SKEIN_LANES", "each"}}, {"threads", std::to_string(failing), "2"});
      EXPECT_EQ(outcome.status, 6);
      EXPECT_EQ(count_of(outcome.err, "started 3 of 4 lanes"), 1) << outcome.err;
      EXPECT_EQ(outcome.out, "");
    }
  }
}

// Fails when the placement is not printed, or not for every rank.
TEST(StartProcess, VerboseTellsWhereEveryRankRuns) {
  for (const int processes : process_counts()) {
    const Outcome outcome = start(processes, {{"SKEIN_RANKS", "2"}, {"SKEIN_LANES", "each"}, {"SKEIN_VERBOSE", "1"}});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    for (int rank = 0; rank < 2 * processes; ++rank) {
      EXPECT_EQ(count_of(outcome.err, "  rank " + std::to_string(rank) + " on "), 1) << outcome.err;
    }
    EXPECT_EQ(count_of(outcome.err, "pattern "), processes) << outcome.err;
  }
}

// Fails when a table comes from every process, or lacks the ranks of the others.
TEST(StartProcess, TheReportIsOneTableWithARowForEveryRank) {
  for (const int processes : process_counts()) {
    const Outcome outcome = start(processes, {{"SKEIN_RANKS", "2"}, {"SKEIN_REPORT", "1"}});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(count_of(outcome.err, "waited [s]"), 1) << outcome.err;
    for (int rank = 0; rank < 2 * processes; ++rank) {
      EXPECT_EQ(count_of(outcome.err, "\n     " + std::to_string(rank) + "        " + std::to_string(rank / 2) + " "),
                1)
          << outcome.err;
    }
  }
}

#if SKEIN_HAS_MPI

// Hangs when only one process refuses.
TEST(StartProcess, WhatOneProcessRefusesEndsAllWithOneMessage) {
  for (const char* values : {"1 zero", "zero 1"}) {
    const std::string text = values;
    const std::string first = "SKEIN_RANKS=" + text.substr(0, text.find(' '));
    const std::string second = "SKEIN_RANKS=" + text.substr(text.find(' ') + 1);
    const Outcome outcome = child::run({SKEIN_MPIEXEC, "-n", "1", "env", first, SKEIN_START_PROGRAM, "log", ":", "-n",
                                        "1", "env", second, SKEIN_START_PROGRAM, "log"},
                                       {{"ASAN_OPTIONS", "detect_leaks=0"}});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(count_of(outcome.err, "skein: SKEIN_RANKS=\""), 1) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
}

// Fails when a list that does not fit the processes makes hosts of its own.
TEST(StartProcess, HostsAreGivenForEveryProcess) {
  EXPECT_EQ(start(1, {{"SKEIN_HOST", "process"}}).status, 0) << "one process is one host anyway";
  EXPECT_EQ(start(2, {{"SKEIN_HOST", "5,3"}}).status, 0);
  const Outcome outcome = start(2, {{"SKEIN_HOST", "0,1,2"}});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(count_of(outcome.err, "skein: SKEIN_HOST=\"0,1,2\": "), 1) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "3 numbers for 2 processes"), 1) << outcome.err;
}

// Overruns the bits of a watchers line when the limit is checked per process only.
TEST(StartProcess, MoreThan512LanesOnAHostAreRefused) {
  const Outcome outcome = start(2, {{"SKEIN_RANKS", "257"}, {"SKEIN_LANES", "each"}});
  EXPECT_EQ(outcome.status, 6);
  EXPECT_EQ(count_of(outcome.err, "514 lanes on one host: at most 512"), 1) << outcome.err;
}

// Fails when processes that were told to run alone join, or those told to join run alone.
TEST(StartProcess, MpiIsUsedAsTold) {
  const Outcome off = start(2, {{"SKEIN_RANKS", "2"}, {"SKEIN_MPI", "off"}});
  EXPECT_EQ(off.status, 0) << off.err;
  EXPECT_EQ(count_of(off.out, "one team of 2 ranks in 1 processes\n"), 2) << off.out;
  const Outcome on = start(1, {{"SKEIN_RANKS", "2"}, {"SKEIN_MPI", "on"}, {"SKEIN_VERBOSE", "1"}});
  EXPECT_EQ(on.status, 0) << on.err;
  EXPECT_EQ(count_of(on.err, "MPI: none"), 0) << on.err;
  const Outcome automatic = start(1, {{"SKEIN_RANKS", "2"}, {"SKEIN_VERBOSE", "1"}});
  EXPECT_EQ(count_of(automatic.err, "MPI: none"), 1) << automatic.err;
}

// Fails when the segment travels by Unix sockets only: containers may forbid them.
TEST(StartProcess, WithoutSocketsTheSegmentTravelsThroughProc) {
  for (const int processes : {2, 4}) {
    const Outcome outcome = start(processes, {{"SKEIN_RANKS", "1"}}, {"no-socket"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(count_of(outcome.out, "one team of "), 1) << outcome.out;
  }
}

#endif

}  // namespace
