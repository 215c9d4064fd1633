// SPDX-License-Identifier: Apache-2.0
//
// Ranks that share a lane, seen from outside.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "runtime/child.hpp"

namespace {

using child::Environment;
using child::Outcome;

Outcome run(const std::string& way, const Environment& environment) {
  return child::run({SKEIN_VIRTUAL_PROGRAM, way}, environment);
}

Environment drawn(int seed, int ranks = 4) {
  return {{"SKEIN_RANKS", std::to_string(ranks)}, {"SKEIN_SCHEDULE", "random:" + std::to_string(seed)}};
}

// Fails when a drawn order does not show a barrier that is missing, or shows one where none is.
TEST(Virtual, ADrawnOrderFindsAMissingBarrierAndRepeatsIt) {
  for (int seed = 0; seed < 30; ++seed) EXPECT_EQ(run("all-barriers", drawn(seed)).status, 0);
  int found = -1;
  for (int seed = 0; seed < 100 && found < 0; ++seed) {
    const Outcome outcome = run("missing-barrier", drawn(seed));
    ASSERT_TRUE(outcome.status == 0 || outcome.status == 1) << outcome.err;
    if (outcome.status == 1) found = seed;
  }
  ASSERT_GE(found, 0) << "no seed of 100 shows it";
  for (int again = 0; again < 3; ++again) EXPECT_EQ(run("missing-barrier", drawn(found)).status, 1);
}

// Fails when equal seeds give different orders, different ones the same, or a seed changes nothing.
TEST(Virtual, ASeedIsAnOrder) {
  const std::string plain = run("order", {{"SKEIN_RANKS", "5"}, {"SKEIN_LANES", "1"}}).out;
  EXPECT_EQ(plain, run("order", {{"SKEIN_RANKS", "5"}, {"SKEIN_LANES", "1"}}).out);
  std::set<std::string> orders;
  for (int seed = 1; seed <= 8; ++seed) {
    const std::string order = run("order", drawn(seed, 5)).out;
    EXPECT_EQ(order, run("order", drawn(seed, 5)).out) << seed;
    EXPECT_FALSE(order.empty());
    orders.insert(order);
  }
  EXPECT_GE(orders.size(), 7U);
}

// Fails when ranks change only where they wait: a call that makes nobody wait is a place for another rank as well.
TEST(Virtual, ADrawnOrderChangesRanksAtEveryCall) {
  EXPECT_EQ(run("starts", {{"SKEIN_RANKS", "2"}, {"SKEIN_LANES", "1"}}).out, "0 0 0 0 1 1 1 1 \n");
  std::set<std::string> orders;
  for (int seed = 1; seed <= 8; ++seed) orders.insert(run("starts", drawn(seed, 2)).out);
  EXPECT_GT(orders.size(), 2U);
}

// Hangs when yield does not let the other ranks of the lane run.
TEST(Virtual, YieldLetsOthersRun) {
  for (const char* lanes : {"1", "2"}) {
    const Outcome outcome = run("yields", {{"SKEIN_RANKS", "4"}, {"SKEIN_LANES", lanes}});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "seen\n");
  }
}

// Fails when a rank that polls and yields does not hear of a failure, and with it those that wait on its lane.
TEST(Virtual, YieldHearsOfFailures) {
  for (const char* lanes : {"1", "2", "each"}) {
    const Outcome outcome = run("polls", {{"SKEIN_RANKS", "4"}, {"SKEIN_LANES", lanes}});
    EXPECT_EQ(outcome.status, 5);
    EXPECT_EQ(outcome.out, "all have left\n") << outcome.err;
  }
}

// Fails when a drawn order is one of a single rank unless ranks are asked for.
TEST(Virtual, ADrawnOrderHasSeveralRanksByDefault) {
  const std::string order = run("order", {{"SKEIN_SCHEDULE", "random:3"}}).out;
  EXPECT_NE(order.find("1 "), std::string::npos) << order;
}

// Hangs when ranks of the only lane wait for one that computes for ever after a failure.
TEST(Virtual, ARankThatComputesForEverDoesNotKeepAFailedRun) {
  for (const char* lanes : {"1", "2"}) {
    const Outcome outcome = run("hogs", {{"SKEIN_RANKS", "4"}, {"SKEIN_LANES", lanes}});
    EXPECT_EQ(outcome.status, 5);
    EXPECT_NE(outcome.err.find("rank 0 failed: it broke"), std::string::npos) << outcome.err;
  }
}

}  // namespace
