// SPDX-License-Identifier: Apache-2.0
//
// Runs of teams of threads in a test, with what they reported.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "skein/skein.hpp"

namespace skein_test {

struct Outcome {
  int code = 0;
  std::string report;
};

inline bool says(const Outcome& outcome, const std::string& text) {
  return outcome.report.find(text) != std::string::npos;
}

inline Outcome run(int ranks, const std::function<void(skein::Team&)>& body, skein::PatternChoice pattern = {}) {
  skein::Options options;
  options.ranks = ranks;
  options.mpi = skein::MpiUse::off;
  options.pattern = pattern;
  skein::Runtime runtime(options);
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = runtime.run(body);
  outcome.report = testing::internal::GetCapturedStderr();
  return outcome;
}

/// As run, in every pattern.
inline void in_patterns(int ranks, const std::function<void(skein::Team&)>& body,
                        const std::function<void(const Outcome&)>& judge) {
  for (const skein::PatternChoice pattern :
       {skein::PatternChoice{skein::Pattern::all_to_all}, skein::PatternChoice{skein::Pattern::gather_release},
        skein::PatternChoice{skein::Pattern::levels, 2}}) {
    SCOPED_TRACE(std::to_string(static_cast<int>(pattern.pattern)) + ", " + std::to_string(ranks) + " ranks");
    judge(run(ranks, body, pattern));
  }
}

/// Runs on 1, 2, 3 and 5 ranks, all of which must be content.
inline void on_teams(const std::function<void(skein::Team&)>& body) {
  for (const int ranks : {1, 2, 3, 5}) {
    SCOPED_TRACE(std::to_string(ranks) + " ranks");
    const Outcome outcome = run(ranks, body);
    EXPECT_EQ(outcome.code, 0) << outcome.report;
    EXPECT_EQ(outcome.report, "");
  }
}

}  // namespace skein_test
