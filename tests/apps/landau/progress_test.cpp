// SPDX-License-Identifier: Apache-2.0
#include "support/progress.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace {

std::vector<std::string> shown(std::int64_t total, support::Progress::Style style) {
  std::vector<std::string> lines;
  {
    support::Progress progress(total, style, [&](const std::string& text) { lines.push_back(text); });
    for (std::int64_t done = 1; done <= total; ++done) {
      if (progress.due(done)) progress.update(done, "note");
    }
  }
  return lines;
}

// Fails if a tenth is left out, printed twice, or printed late because rounding went up.
TEST(Progress, OneLinePerTenth) {
  for (const std::int64_t total : {10, 11, 99, 100, 101, 1000, 12345}) {
    const auto lines = shown(total, support::Progress::Style::lines);
    ASSERT_EQ(lines.size(), 10U) << total;
    for (std::size_t n = 0; n < 10; ++n) {
      EXPECT_EQ(std::stoul(lines[n]) / 10, n + 1) << total << ": " << lines[n];
      EXPECT_TRUE(lines[n].ends_with("note\n")) << lines[n];
    }
  }
}

// Fails if short runs print more lines than they have steps, or do not reach the end.
TEST(Progress, FewStepsHaveFewLines) {
  const auto lines = shown(3, support::Progress::Style::lines);
  EXPECT_EQ(lines.size(), 3U);
  EXPECT_TRUE(lines.back().starts_with("100 %"));
}

// Fails if the bar scrolls the terminal or does not end full.
TEST(Progress, TheBarStaysOnItsLine) {
  auto draws = shown(2000, support::Progress::Style::bar);
  ASSERT_GE(draws.size(), 2U);
  EXPECT_EQ(draws.back(), "\n");  // at the end only
  draws.pop_back();
  for (const std::string& draw : draws) {
    EXPECT_TRUE(draw.starts_with("\r")) << draw;
    EXPECT_EQ(draw.find('\n'), std::string::npos) << draw;
  }
  EXPECT_NE(draws.back().find("100 %"), std::string::npos);
}

TEST(Progress, DurationsAreReadable) {
  EXPECT_EQ(support::duration_text(0.04), "0.0 s");
  EXPECT_EQ(support::duration_text(61.26), "61.3 s");
  EXPECT_EQ(support::duration_text(245), "4 min 05 s");
  EXPECT_EQ(support::duration_text(12000), "3 h 20 min");
}

}  // namespace
