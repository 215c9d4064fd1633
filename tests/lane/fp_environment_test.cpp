// SPDX-License-Identifier: Apache-2.0
#include "skein/lane/fp_environment.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cfenv>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "skein/skein.hpp"

namespace {

using skein::FpEnvironment;
using skein::Lanes;

constexpr int kLanes = 5;
constexpr unsigned kFtz = 0x8000;
constexpr unsigned kDaz = 0x0040;

/// Puts back what it found.
class Restored {
 public:
  Restored() = default;
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;
  ~Restored() {
    std::feclearexcept(FE_ALL_EXCEPT);
    found_.install();
  }

 private:
  FpEnvironment found_ = FpEnvironment::capture();
};

/// What a lane calculates with, seen from its results.
struct Results {
  double third = 0;           ///< 1 / 3
  double negative_third = 0;  ///< -1 / 3
  double subnormal = 0;       ///< a product that is subnormal
  long double x87_third = 0;

  bool operator==(const Results&) const = default;

  [[gnu::noinline]] static Results calculate() {
    volatile double one = 1;
    volatile double three = 3;
    volatile double smallest = std::numeric_limits<double>::min();
    volatile long double x87_one = 1;
    return {one / three, -one / three, smallest / three, x87_one / three};
  }
};

/// Lanes and what they warned about.
struct Watched {
  explicit Watched(int first_rank = 0)
      : lanes(std::vector<int>(kLanes, -1),
              {.first_rank = first_rank, .warn = [this](const std::string& text) { warnings.push_back(text); }}) {}

  std::vector<std::string> warnings;
  Lanes lanes;
};

std::vector<Results> results_of(Lanes& lanes) {
  std::vector<Results> results(kLanes);
  lanes.run([&](int lane) { results[static_cast<std::size_t>(lane)] = Results::calculate(); });
  return results;
}

void set_flush([[maybe_unused]] unsigned bits) {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | bits);
#else
  GTEST_SKIP() << "FTZ and DAZ are of x86-64";
#endif
}

// Fails when a setting is not captured, not installed, not told from another, or not named.
TEST(FpEnvironment, EverySettingIsCapturedInstalledAndNamed) {
  const Restored restored;
  const FpEnvironment original = FpEnvironment::capture();
  EXPECT_EQ(original.unlike(original), "");
  std::vector<std::pair<std::string, FpEnvironment>> others;
  const auto add = [&](const std::string& name, auto change) {
    original.install();
    change();
    others.emplace_back(name, FpEnvironment::capture());
  };
  add("rounding downward", [] { std::fesetround(FE_DOWNWARD); });
  add("rounding upward", [] { std::fesetround(FE_UPWARD); });
  add("rounding toward zero", [] { std::fesetround(FE_TOWARDZERO); });
  add("traps on invalid", [] { feenableexcept(FE_INVALID); });
  add("traps on division by zero, overflow", [] { feenableexcept(FE_DIVBYZERO | FE_OVERFLOW); });
#if defined(__x86_64__)
  add("FTZ on", [] { set_flush(kFtz); });
  add("DAZ on", [] { set_flush(kDaz); });
  add("rounding upward, FTZ on, DAZ on", [] {
    std::fesetround(FE_UPWARD);
    set_flush(kFtz | kDaz);
  });
  const auto set_x87 = [](unsigned short word) { asm volatile("fldcw %0" : : "m"(word)); };
  add("x87 rounding toward zero", [&] { set_x87(0x0F7F); });
  add("x87 precision 53 bits", [&] { set_x87(0x027F); });
  add("x87 traps on division by zero", [&] { set_x87(0x037B); });
  add("rounding downward", [] { __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x2000); });
#endif
  std::set<std::uint64_t> bits = {original.bits()};
  for (const auto& [name, other] : others) {
    SCOPED_TRACE(name);
    EXPECT_TRUE(bits.insert(other.bits()).second);
    EXPECT_NE(other, original);
    EXPECT_EQ(other.unlike(original), name);
    for (const auto& before : others) {
      before.second.install();
      other.install();
      EXPECT_EQ(FpEnvironment::capture(), other);
    }
  }
  original.install();
  EXPECT_EQ(FpEnvironment::capture(), original);
  EXPECT_EQ(original.unlike(others[2].second), "rounding to nearest");
  EXPECT_EQ(original.unlike(others[4].second), "no traps");
}

// Fails when raised flags, which are results, are lost or count as a change; dies of SIGFPE when a trap that is switched
// on fires for an exception of the past.
TEST(FpEnvironment, RaisedFlagsAreNoPartOfIt) {
  const Restored restored;
  const FpEnvironment original = FpEnvironment::capture();
  feenableexcept(FE_DIVBYZERO);
  const FpEnvironment trapping = FpEnvironment::capture();
  original.install();
  std::feclearexcept(FE_ALL_EXCEPT);
  volatile double zero = 0;
  volatile long double x87_zero = 0;
  [[maybe_unused]] volatile double infinite = 1 / zero;
  EXPECT_EQ(FpEnvironment::capture(), original);
  original.install();
  EXPECT_EQ(std::fetestexcept(FE_DIVBYZERO), FE_DIVBYZERO);
  [[maybe_unused]] volatile long double x87_infinite = 1 / x87_zero;
  trapping.install();
  volatile long double x87_sum = x87_zero + 1;
  EXPECT_EQ(x87_sum, 1);
  original.install();
}

// Fails when the lanes calculate otherwise than the thread that made them: they started before it changed its mind.
TEST(FpEnvironment, WhatTheMainLaneSetsHoldsInEveryLaneForTheNextRun) {
  const Restored restored;
  Watched watched;
  std::set<double> thirds;
  std::set<double> products;
  const auto expect_alike = [&] {
    const Results mine = Results::calculate();
    for (const Results& results : results_of(watched.lanes)) EXPECT_EQ(results, mine);
    EXPECT_EQ(Results::calculate(), mine);
    thirds.insert(mine.third);
    products.insert(mine.subnormal);
  };
  expect_alike();
  for (const int rounding : {FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO, FE_TONEAREST}) {
    std::fesetround(rounding);
    expect_alike();
  }
  EXPECT_EQ(thirds.size(), 2U);
#if defined(__x86_64__)
  EXPECT_EQ(products.count(0), 0U);
  set_flush(kFtz);
  expect_alike();
  EXPECT_EQ(products.count(0), 1U) << "FTZ has no effect here, and the test no teeth";
#endif
  EXPECT_TRUE(watched.warnings.empty()) << watched.warnings.front();
}

// Fails when a change that a rank forgets to take back reaches the next run, is not said, or is said of another rank.
TEST(FpEnvironment, AChangeThatALaneLeavesBehindIsReportedAndTakenBack) {
  constexpr int kFirstRank = 10;
  for (int victim = 0; victim < kLanes; ++victim) {
    const Restored restored;
    Watched watched(kFirstRank);
    const std::vector<Results> before = results_of(watched.lanes);
    watched.lanes.run([&](int lane) {
      if (lane == victim) std::fesetround(FE_TOWARDZERO);
    });
    ASSERT_EQ(watched.warnings.size(), 1U);
    EXPECT_EQ(watched.warnings[0], "rank " + std::to_string(kFirstRank + victim) +
                                       " left the run with rounding toward zero; it entered with rounding to nearest, "
                                       "which is restored");
    EXPECT_EQ(results_of(watched.lanes), before);
    EXPECT_EQ(watched.warnings.size(), 1U);
  }
}

// Fails when every rank of many has a line of its own, or when different changes are mixed up.
TEST(FpEnvironment, RanksThatChangedAlikeShareAWarning) {
  const Restored restored;
  std::fesetround(FE_UPWARD);
  Watched watched;
  watched.lanes.run([](int lane) { std::fesetround(lane % 2 == 0 ? FE_DOWNWARD : FE_TONEAREST); });
  const std::set<std::string> warnings(watched.warnings.begin(), watched.warnings.end());
  EXPECT_EQ(warnings,
            (std::set<std::string>{
                "ranks 0,2,4 left the run with rounding downward; they entered with rounding upward, which is "
                "restored",
                "ranks 1,3 left the run with rounding to nearest; they entered with rounding upward, which is "
                "restored"}));
  EXPECT_EQ(std::fegetround(), FE_UPWARD);
}

#if defined(__x86_64__)

// Fails when a library that sets FTZ where it is loaded makes one rank calculate with other numbers unnoticed, or does not
// reach all of them when it is loaded before the run.
TEST(FpEnvironment, ALibraryThatSetsFtzIsNoticedInARankAndSharedFromTheMainThread) {
  const Restored restored;
  Watched watched;
  const std::vector<Results> before = results_of(watched.lanes);
  void* library = nullptr;
  watched.lanes.run([&](int lane) {
    if (lane == 3) library = dlopen(SKEIN_SETS_FTZ, RTLD_NOW);
  });
  ASSERT_NE(library, nullptr) << dlerror();  // NOLINT(concurrency-mt-unsafe): the lanes sleep
  ASSERT_EQ(watched.warnings.size(), 1U);
  EXPECT_EQ(watched.warnings[0],
            "rank 3 left the run with FTZ on, DAZ on; it entered with FTZ off, DAZ off, which is restored");
  EXPECT_EQ(results_of(watched.lanes), before);
  EXPECT_EQ(dlclose(library), 0);

  library = dlopen(SKEIN_SETS_FTZ, RTLD_NOW);
  ASSERT_NE(library, nullptr);
  for (const Results& results : results_of(watched.lanes)) EXPECT_EQ(results.subnormal, 0);
  EXPECT_EQ(watched.warnings.size(), 1U);
  dlclose(library);
}

#endif

// Fails when the warning is lost on its way to the user, names a lane instead of a rank, or comes twice.
TEST(FpEnvironment, ARunWarnsOnceOfTheRankThatForgot) {
  skein::Options options;
  options.mpi = skein::MpiUse::off;
  options.ranks = 4;
  skein::Runtime runtime(options);
  const auto stderr_of = [&](auto body) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(runtime.run(body), 0);
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(
      stderr_of([](skein::Team& team) {
        team.barrier();
        if (team.rank() == 2) std::fesetround(FE_UPWARD);
      }),
      "skein: rank 2 left the run with rounding upward; it entered with rounding to nearest, which is restored\n");
  EXPECT_EQ(stderr_of([](skein::Team& team) { team.barrier(); }), "");
}

}  // namespace
