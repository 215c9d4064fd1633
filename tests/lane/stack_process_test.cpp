// SPDX-License-Identifier: Apache-2.0
// Stacks as seen from outside: exit code, message, and what the shell's limits change.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <string>
#include <vector>

#include "runtime/child.hpp"

namespace {

using child::count_of;
using child::Environment;
using child::Outcome;

constexpr int kRanks = 4;
constexpr int kSegmentationFault = 1000 + SIGSEGV;

/// Runs the program on four ranks after shell commands such as ulimit.
Outcome run(const std::string& limits, const std::string& arguments, const std::string& stack,
            const std::string& lanes = "each") {
  return child::run({"sh", "-c", "ulimit -c 0; " + limits + "exec \"$0\" " + arguments, SKEIN_STACK_PROGRAM},
                    {{"SKEIN_RANKS", std::to_string(kRanks)}, {"SKEIN_LANES", lanes}, {"SKEIN_STACK", stack}});
}

void expect_overflow(const Outcome& outcome, int rank) {
  EXPECT_EQ(outcome.status, 5) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "skein: rank " + std::to_string(rank) + ": stack overflow (stack of "), 1)
      << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "set SKEIN_STACK higher"), 1) << outcome.err;
  EXPECT_EQ(count_of(outcome.out, "ended"), 0);
}

void expect_good(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "stack"), 0) << outcome.err;  // the ranks may be more than the CPUs, which is said
  EXPECT_EQ(outcome.out, "ended\n");
}

// Fails when a rank has less than was asked for: the main one that of ulimit -s, the others a default of the system.
TEST(StackProcess, EveryRankCanUseThreeQuartersOfWhatWasAskedForUnderAnyLimit) {
  for (const char* limits : {"", "ulimit -Ss 256; ", "ulimit -s unlimited; ", "ulimit -s 131072; "}) {
    for (const char* stack : {"1M", "8M", "64M"}) {
      SCOPED_TRACE(std::string(limits) + stack);
      for (const char* lanes : {"each", "1", "2"}) expect_good(run(limits, "deep -1 75", stack, lanes));
    }
  }
}

// Fails when an overflow is a silent SIGSEGV, names another rank, or runs into other memory.
TEST(StackProcess, AnOverflowNamesItsRankAndEndsWithCodeFive) {
  for (int rank = 0; rank < kRanks; ++rank) {
    SCOPED_TRACE(rank);
    const std::string who = std::to_string(rank);
    expect_overflow(run("ulimit -Ss 256; ", "deep " + who + " 150", "1M"), rank);
    expect_overflow(run("", "deep " + who + " 150", "16M"), rank);
    expect_overflow(run("ulimit -Ss 256; ", "frame " + who, "16M"), rank);
    if (rank > 0) expect_overflow(run("ulimit -s unlimited; ", "deep " + who + " 150", "1M"), rank);
    for (const char* lanes : {"1", "2"}) {
      expect_overflow(run("ulimit -Ss 256; ", "deep " + who + " 150", "1M", lanes), rank);
      expect_overflow(run("", "frame " + who, "16M", lanes), rank);
    }
    for (const char* lanes : {"1", "2"}) {
      expect_overflow(run("ulimit -Ss 256; ", "deep " + who + " 150", "1M", lanes), rank);
      expect_overflow(run("", "frame " + who, "16M", lanes), rank);
    }
  }
}

// Fails when Skein takes from the main thread what the user gave it: ulimit -s beyond SKEIN_STACK.
TEST(StackProcess, TheMainRankHasAtLeastWhatTheUserGaveIt) {
  expect_good(run("ulimit -s unlimited; ", "deep 0 1000", "1M"));
  expect_good(run("ulimit -s 65536; ", "deep 0 1000", "1M"));
}

// Fails when rank 0 is left with less than the others in silence, or when the message does not say what to do.
TEST(StackProcess, AHardLimitBelowSkeinStackIsAWarning) {
  for (const char* stack : {"1M", "8M"}) {
    const Outcome outcome = run("ulimit -s 256; ", "deep 1 75", stack);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(count_of(outcome.err, "skein: rank 0 runs on the main thread's stack of "), 1) << outcome.err;
    EXPECT_EQ(count_of(outcome.err, "ulimit -s"), 1) << outcome.err;
    expect_overflow(run("ulimit -s 256; ", "deep 0 75", stack), 0);
  }
}

// Fails when a fault that is no overflow loses its signal, and so its core dump and its debugger, or is called one.
TEST(StackProcess, AnyOtherFaultIsTheSignalThatItWas) {
  for (int rank = 0; rank < kRanks; ++rank) {
    const Outcome outcome = run("", "wild " + std::to_string(rank), "1M");
    EXPECT_EQ(outcome.status, kSegmentationFault) << outcome.err;
    EXPECT_EQ(count_of(outcome.err, "overflow"), 0) << outcome.err;
    EXPECT_EQ(run("", "wild " + std::to_string(rank), "1M", "2").status, kSegmentationFault);
  }
}

// Fails when the program's own handler is not called any more.
TEST(StackProcess, AHandlerOfTheProgramIsPassedWhatIsNotOurs) {
  EXPECT_EQ(run("", "handled 0", "1M").status, 42);
  EXPECT_EQ(run("", "handled 3", "1M").status, 42);
  expect_overflow(run("", "deep 3 150", "1M"), 3);
}

// Fails when the handler or the limit of the stack outlives the lanes.
TEST(StackProcess, AfterTheRunEverythingIsAsItWas) {
  const Outcome outcome = run("ulimit -Ss 256; ", "after", "16M");
  EXPECT_EQ(outcome.status, kSegmentationFault) << outcome.err;
  EXPECT_EQ(outcome.out, "the limit is as before\n");
  EXPECT_EQ(count_of(outcome.err, "stack"), 0) << outcome.err;
}

// Fails when stacks that do not fit into the address space end in a crash, a hang or another code.
TEST(StackProcess, StacksThatDoNotFitAreAnErrorOfTheEnvironment) {
  const Outcome outcome = run("ulimit -v 4000000; ", "deep -1 1", "1500M");
  EXPECT_EQ(outcome.status, 6) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, " of 4 lanes: Cannot allocate memory"), 1) << outcome.err;
  EXPECT_EQ(count_of(outcome.err, "SKEIN_STACK (1572864000 bytes)"), 1) << outcome.err;
}

}  // namespace
