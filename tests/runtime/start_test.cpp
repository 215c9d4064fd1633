// SPDX-License-Identifier: Apache-2.0
// The life of a Runtime in one process: starting, failing to start, running again, ending.
#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "lane/failing_threads.hpp"
#include "runtime/child.hpp"
#include "skein/machine/machine.hpp"
#include "skein/skein.hpp"

namespace {

using child::count_of;
using skein::Options;
using skein::Runtime;
using skein::Team;

Options ranks(int count) {
  Options options;
  options.ranks = count;
  options.lanes = skein::kEachItsLane;
  options.mpi = skein::MpiUse::off;
  return options;
}

int open_files() {
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++files;
  return files;
}

// Hangs, crashes or leaks when a start that stops half-way is not taken back; fails when it is not the code and message
// of the environment, once, and when the runtime cannot be used once threads can start again.
TEST(Start, AThreadThatCannotStartIsSaidOnceAndEverythingIsTakenBack) {
  constexpr int kRanks = 6;
  const int before = failing_threads::settled_count();
  for (int started = 1; started < kRanks; ++started) {
    Runtime runtime(ranks(kRanks));
    std::atomic<int> entered{0};
    const auto body = [&](Team& team) {
      entered.fetch_add(1, std::memory_order_relaxed);
      team.barrier();
    };
    failing_threads::allowed = started - 1;
    testing::internal::CaptureStderr();
    const int code = runtime.run(body);
    const std::string message = testing::internal::GetCapturedStderr();
    EXPECT_EQ(code, 6);
    EXPECT_EQ(count_of(message, "started " + std::to_string(started) + " of 6 lanes"), 1) << message;
    EXPECT_EQ(entered.load(), 0);
    EXPECT_TRUE(failing_threads::settles_at(before));
    failing_threads::allowed = started - 1;
    EXPECT_THROW(runtime.run_throwing(body), skein::Error);
    failing_threads::allowed = -1;
    EXPECT_EQ(runtime.run(body), 0);
    EXPECT_EQ(entered.load(), kRanks);
  }
  EXPECT_TRUE(failing_threads::settles_at(before));
}

// Fails when threads are started before the program's own start has succeeded.
TEST(Start, NoThreadRunsBeforeTheFirstRunAndNoneAfterAFailedStep) {
  const int before = failing_threads::settled_count();
  Runtime runtime(ranks(4));
  EXPECT_EQ(failing_threads::count(), before);
  testing::internal::CaptureStderr();
  EXPECT_EQ(runtime.agree([] {}), 0);
  EXPECT_EQ(runtime.agree([] { throw skein::Error(skein::ExitCode::data, "heat.toml:3:1: dt: must be positive"); }), 3);
  EXPECT_EQ(runtime.agree([] { throw std::runtime_error("plain"); }), 5);
  EXPECT_EQ(runtime.agree([] { throw 7; }), 5);
  const std::string messages = testing::internal::GetCapturedStderr();
  EXPECT_EQ(count_of(messages, "heat.toml:3:1: dt: must be positive\n"), 1) << messages;
  EXPECT_EQ(count_of(messages, "plain\n"), 1) << messages;
  EXPECT_EQ(count_of(messages, "\n"), 3) << messages;
  EXPECT_EQ(failing_threads::count(), before);
}

// Hangs or leaks when what one runtime leaves behind disturbs the next: threads, files, memory (the address sanitizer).
TEST(Start, ARuntimeCanBeMadeTwoHundredTimes) {
  const int threads = failing_threads::settled_count();
  int files = 0;
  for (int i = 0; i < 200; ++i) {
    Runtime runtime(ranks(1 + i % 4));
    if (i == 0) files = open_files();
    std::atomic<int> sum{0};
    if (i % 4 != 0) {
      EXPECT_EQ(runtime.run([&](Team& team) {
        auto array = team.shared<int>(1000);
        array.block()[0] = 1;
        sum.fetch_add(team.allreduce(1, skein::sum), std::memory_order_relaxed);
      }),
                0);
      EXPECT_EQ(sum.load(), runtime.size() * runtime.size());
    }
  }
  EXPECT_EQ(open_files(), files);
  EXPECT_TRUE(failing_threads::settles_at(threads));
}

// Hangs or fails when the second run starts in another state than the first: episodes, rings, counts of ranks.
TEST(Start, RunsFollowEachOtherOnTheSameRanks) {
  for (const skein::Pattern pattern : {skein::Pattern::all_to_all, skein::Pattern::gather_release}) {
    Options options = ranks(3);
    options.pattern = pattern;
    Runtime runtime(options);
    std::vector<pthread_t> threads(3);
    for (int i = 0; i < 50; ++i) {
      std::atomic<int> good{0};
      ASSERT_EQ(runtime.run([&](Team& team) {
        const auto rank = static_cast<std::size_t>(team.rank());
        if (i == 0) threads[rank] = pthread_self();
        for (int k = 0; k < i; ++k) team.barrier();
        const bool is_same_thread = pthread_equal(threads[rank], pthread_self()) != 0;
        if (team.allreduce(i, skein::sum) == 3 * i && is_same_thread) good.fetch_add(1, std::memory_order_relaxed);
      }),
                0);
      EXPECT_EQ(good.load(), 3);
    }
  }
}

// Fails when the program is left on one CPU after Skein: everything that it starts later would share that one.
TEST(Start, TheMainThreadHasItsAffinityBackAfterwards) {
  const std::vector<int> before = skein::allowed_cpus();
  {
    Runtime runtime(ranks(static_cast<int>(before.size())));
    EXPECT_EQ(skein::allowed_cpus(), before);
    std::atomic<int> pinned{0};
    EXPECT_EQ(runtime.run([&](Team&) {
      if (skein::allowed_cpus().size() == 1) pinned.fetch_add(1, std::memory_order_relaxed);
    }),
              0);
    EXPECT_EQ(pinned.load(), static_cast<int>(before.size()));
  }
  EXPECT_EQ(skein::allowed_cpus(), before);
}

// Fails when the table lacks a rank or counts one twice, or when waiting is not counted.
TEST(Start, TheReportHasARowForEveryRank) {
  Options options = ranks(3);
  options.report = skein::Report::waiting;
  Runtime runtime(options);
  testing::internal::CaptureStderr();
  EXPECT_EQ(runtime.run([](Team& team) {
    if (team.rank() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    team.barrier();
    if (team.rank() != 1 && team.waited_s() < 0.001) throw std::runtime_error("waited too little");
  }),
            0);
  const std::string table = testing::internal::GetCapturedStderr();
  EXPECT_EQ(count_of(table, "waiting, 3 ranks in 1 processes"), 1) << table;
  EXPECT_EQ(count_of(table, "\n"), 6) << table;
  for (int rank = 0; rank < 3; ++rank) {
    EXPECT_EQ(count_of(table, "\n     " + std::to_string(rank) + "        0 "), 1) << table;
  }
}

// Fails when a second live runtime in a process disturbs the first.
TEST(Start, TwoRuntimesLiveSideBySide) {
  Runtime one(ranks(2));
  Runtime two(ranks(3));
  std::atomic<int> sum{0};
  const auto body = [&](Team& team) { sum.fetch_add(team.allreduce(1, skein::sum), std::memory_order_relaxed); };
  EXPECT_EQ(one.run(body), 0);
  EXPECT_EQ(two.run(body), 0);
  EXPECT_EQ(one.run(body), 0);
  EXPECT_EQ(sum.load(), 4 + 9 + 4);
}

}  // namespace
