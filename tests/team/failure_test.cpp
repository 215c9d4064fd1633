// SPDX-License-Identifier: Apache-2.0
// A throw from any rank at any kind of call ends every rank of one process, in one way, with nothing left behind. The
// launcher's time-out finds the hangs.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <tuple>

#include "team/failure_episode.hpp"

namespace {

using namespace failure_test;
using skein::Options;
using skein::Pattern;
using skein::WaitPolicy;

struct Setting {
  int ranks;
  WaitPolicy wait;
  Pattern pattern;
};

Options options_of(const Setting& setting) {
  Options options;
  options.ranks = setting.ranks;
  options.wait = setting.wait;
  options.pattern = setting.pattern;
  options.mpi = skein::MpiUse::off;
  return options;
}

std::string text_of(const Plan& plan, const Setting& setting) {
  return fmt::format("{}, rank {} of {}, wait {}, pattern {}", plan.message(), plan.rank, setting.ranks,
                     static_cast<int>(setting.wait), skein::pattern_name(setting.pattern));
}

// Odd seeds run(), even ones run_throwing().
void expect_failure(const Plan& plan, const Setting& setting) {
  SCOPED_TRACE(text_of(plan, setting));
  const auto body = [&](skein::Team& team) { run_plan(team, plan); };
  skein::Runtime runtime(options_of(setting));
  if (plan.seed % 2 == 1) {
    testing::internal::CaptureStderr();
    const int code = runtime.run(body);
    const std::string report = testing::internal::GetCapturedStderr();
    EXPECT_EQ(code, 5);
    EXPECT_EQ(count_of(report, fmt::format("rank {} failed: {}", plan.rank, plan.message())), 1) << report;
    EXPECT_EQ(count_of(report, "failed:"), 1) << report;
  } else {
    try {
      runtime.run_throwing(body);
      ADD_FAILURE() << "the run ended well";
    } catch (const Broken& broken) {
      EXPECT_EQ(broken.rank(), plan.rank);
      EXPECT_EQ(broken.what(), plan.message());
    } catch (const std::exception& other) {
      ADD_FAILURE() << "another exception came out: " << other.what();
    }
  }
  EXPECT_EQ(living.load(), 0) << "an object of a rank was not destroyed";
}

template <class Episode>
void for_each_place(Episode episode) {
  for (int inside = 0; inside < kInsides; ++inside) {
    for (int moment = 0; moment < kMoments; ++moment) {
      const Plan plan{.inside = static_cast<Inside>(inside), .moment = static_cast<Moment>(moment)};
      if (plan.moment == Moment::in_operator && !has_operator(plan.inside)) continue;
      episode(plan);
    }
  }
}

class FailureOf : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Ranks, FailureOf, testing::Values(1, 2, 3, 5, 8, 16));

constexpr std::array<Pattern, 2> kPatterns = {Pattern::all_to_all, Pattern::gather_release};
constexpr std::array<WaitPolicy, 4> kPolicies = {WaitPolicy::automatic, WaitPolicy::spin, WaitPolicy::yield,
                                                 WaitPolicy::park};

// Fails when a failing rank's message is lost or printed twice, or its exception changed; crashes when a buffer goes
// before its last reader; hangs when a wait misses the abort word.
TEST_P(FailureOf, ARandomRankAtEveryKindOfCallEndsTheRunInOneReport) {
  std::minstd_rand random(first_seed());
  for_each_place([&](Plan plan) {
    plan.seed = static_cast<unsigned>(random());
    plan.rank = static_cast<int>(random() % static_cast<unsigned>(GetParam()));
    expect_failure(plan, {GetParam(), kPolicies[random() % 4], kPatterns[random() % 2]});
  });
}

// As above where only one rank, one policy or one pattern goes wrong.
TEST_P(FailureOf, EveryRankAtEveryKindOfCallEndsTheRunInOneReport) {
  std::minstd_rand random(first_seed());
  for_each_place([&](Plan plan) {
    for (plan.rank = 0; plan.rank < GetParam(); ++plan.rank) {
      plan.seed = static_cast<unsigned>(random());
      expect_failure(plan, {GetParam(), kPolicies[random() % 4], kPatterns[random() % 2]});
    }
  });
}

class ReadersOf : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Ranks, ReadersOf, testing::Values(2, 3, 5, 8, 16));

// Fails (with a signal) when a rank unwinds while others still fold out of its memory: only reductions of large
// payloads have readers when an operator throws, so these get many seeds.
TEST_P(ReadersOf, NobodyReadsTheMemoryOfARankWhoseOperatorThrew) {
  std::minstd_rand random(first_seed());
  const int episodes = 6 + 48 / GetParam();
  for (int i = 0; i < episodes; ++i) {
    constexpr std::array<Inside, 3> kLargeReductions = {Inside::allreduce_large, Inside::reduce_large,
                                                        Inside::scan_large};
    const Plan plan{.inside = kLargeReductions[random() % 3],
                    .moment = Moment::in_operator,
                    .rank = static_cast<int>(random() % static_cast<unsigned>(GetParam())),
                    .seed = static_cast<unsigned>(random())};
    expect_failure(plan, {GetParam(), kPolicies[random() % 4], kPatterns[random() % 2]});
  }
}

}  // namespace
