// SPDX-License-Identifier: Apache-2.0
//
// The checks of collectives_program in one process, for every team size, wait policy and pattern, few of each: what runs
// under the sanitizers.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "check.hpp"
#include "values.hpp"

namespace {

using skein::Pattern;
using skein::WaitPolicy;
using skein_test::Check;
using skein_test::Kind;

struct Layout {
  int ranks;
  WaitPolicy wait;
  skein::PatternChoice pattern;
};

skein::Options options_of(const Layout& layout) {
  skein::Options options;
  options.ranks = layout.ranks;
  options.wait = layout.wait;
  options.pattern = layout.pattern;
  options.mpi = skein::MpiUse::off;
  return options;
}

std::string name_of(const testing::TestParamInfo<Layout>& info) {
  static constexpr std::array kWaits = {"auto", "spin", "yield", "park"};
  static constexpr std::array kPatterns = {"auto", "all_to_all", "gather_release", "levels"};
  return std::to_string(info.param.ranks) + "_" + kWaits[static_cast<std::size_t>(info.param.wait)] + "_" +
         kPatterns[static_cast<std::size_t>(info.param.pattern.pattern)];
}

std::vector<Layout> all_layouts() {
  std::vector<Layout> layouts;
  for (const int ranks : {1, 2, 3, 5, 8, 16}) {
    for (const WaitPolicy wait : {WaitPolicy::automatic, WaitPolicy::spin, WaitPolicy::yield, WaitPolicy::park}) {
      for (const skein::PatternChoice pattern :
           {skein::PatternChoice(Pattern::all_to_all), {Pattern::gather_release}, {Pattern::levels, 2}}) {
        layouts.push_back({ranks, wait, pattern});
      }
    }
  }
  return layouts;
}

/// What went wrong, on any rank.
class Findings {
 public:
  void add(const std::string& wrong) {
    const std::lock_guard lock(mutex_);
    if (!wrong.empty()) ADD_FAILURE() << wrong;
  }

 private:
  std::mutex mutex_;
};

class Collectives : public testing::TestWithParam<Layout> {
 protected:
  static constexpr std::size_t kChecksPerKind = 12;
  static constexpr std::size_t kMostBytesMoved = std::size_t{200} << 10U;  // the program goes further

  // A sample of the checks, another one in each layout.
  static std::vector<Check> sample(Kind kind, const Layout& layout) {
    std::vector<Check> checks = skein_test::all_checks(kind, layout.ranks);
    std::erase_if(checks, [&](const Check& check) { return weight(check, layout.ranks) > kMostBytesMoved; });
    std::shuffle(checks.begin(), checks.end(), std::mt19937_64(seed(layout) + static_cast<std::uint64_t>(kind)));
    checks.erase(checks.begin() + static_cast<std::ptrdiff_t>(std::min(checks.size(), kChecksPerKind)), checks.end());
    return checks;
  }
  static std::uint64_t seed(const Layout& layout) {
    return static_cast<std::uint64_t>(layout.ranks * 100 + static_cast<int>(layout.wait) * 10 +
                                      static_cast<int>(layout.pattern.pattern));
  }
};

// Defect: an output that depends on the pattern, the wait policy or who comes late; a fold of another shape; a write
// outside the output; a buffer read before its owner has filled it, or after it has left (seen by the sanitizers).
TEST_P(Collectives, GiveWhatASerialProgramWouldHaveGot) {
  std::vector<Check> checks;
  for (int kind = 0; kind < skein_test::kKinds; ++kind) {
    const std::vector<Check> more = sample(static_cast<Kind>(kind), GetParam());
    checks.insert(checks.end(), more.begin(), more.end());
  }
  std::shuffle(checks.begin(), checks.end(), std::mt19937_64(seed(GetParam())));
  Findings findings;
  skein::Runtime runtime(options_of(GetParam()));
  const int code = runtime.run([&](skein::Team& team) {
    for (std::size_t i = 0; i < checks.size(); ++i) {
      findings.add(run_check(team, checks[i], skein_test::mix(seed(GetParam()), i)));
    }
  });
  EXPECT_EQ(code, 0);
}

// Defect: a request that is complete before all have arrived, or never; one completed out of order; a ring too short for
// four outstanding episodes; a fifth start that overtakes.
TEST_P(Collectives, SplitPhaseBarriersMayBeCompletedInAnyOrder) {
  Findings findings;
  skein::Runtime runtime(options_of(GetParam()));
  const int code =
      runtime.run([&](skein::Team& team) { findings.add(skein_test::check_split_phase(team, 60, seed(GetParam()))); });
  EXPECT_EQ(code, 0);
}

// Defect: teams that share ranks get into each other's way: a wait that another team's post ends, a board that is used again
// while somebody still reads it.
TEST_P(Collectives, OfTeamsThatOverlap) {
  const skein_test::TeamProgram program{.steps = 40, .seed = seed(GetParam()), .most_bytes = std::size_t{20} << 10U};
  Findings findings;
  skein::Runtime runtime(options_of(GetParam()));
  const int code = runtime.run([&](skein::Team& team) { findings.add(check_teams(team, program)); });
  EXPECT_EQ(code, 0);
}

// Defect: std::span(array), whose size is part of its type, is taken for a value, and a pointer travels.
TEST(Transferable, IsNoPointerAndNoView) {
  EXPECT_TRUE(skein::Transferable<skein_test::Term200>);
  EXPECT_TRUE((skein::Transferable<std::array<double, 4>>));
  EXPECT_FALSE((skein::Transferable<std::span<double, 4>>));
  EXPECT_FALSE(skein::Transferable<std::span<const double>>);
  EXPECT_FALSE(skein::Transferable<std::string_view>);
  EXPECT_FALSE(skein::Transferable<double*>);
  EXPECT_FALSE(skein::Transferable<std::string>);
}

INSTANTIATE_TEST_SUITE_P(Layouts, Collectives, testing::ValuesIn(all_layouts()), name_of);

}  // namespace
