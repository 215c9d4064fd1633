// SPDX-License-Identifier: Apache-2.0
#include "skein/lane/lanes.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "lane/failing_threads.hpp"
#include "skein/base/error.hpp"
#include "skein/machine/machine.hpp"

namespace {

using skein::Lanes;

constexpr int kNotPinned = -1;

std::vector<int> free_lanes(int count) { return std::vector<int>(static_cast<std::size_t>(count), kNotPinned); }

std::vector<int> own_affinity() { return skein::allowed_cpus(); }

// Hangs when a lane misses a job or its end, fails when a job runs twice, on the wrong lane or thread, or when what it
// wrote is not visible after run(). The writes are plain on purpose: the thread sanitizer sees a missing edge.
TEST(Lanes, EveryLaneRunsEveryJobOnceOnItsOwnThread) {
  for (const int count : {1, 2, 3, 5, 8, 16}) {
    Lanes lanes(free_lanes(count));
    EXPECT_EQ(lanes.size(), count);
    const auto size = static_cast<std::size_t>(count);
    std::vector<int> runs(size);
    std::vector<pthread_t> threads(size);
    lanes.run([&](int lane) { threads[static_cast<std::size_t>(lane)] = pthread_self(); });
    EXPECT_TRUE(pthread_equal(threads[0], pthread_self()) != 0) << "lane 0 is the thread that made the group";
    int input = 0;
    for (int job = 1; job <= 300; ++job) {
      input = job;
      lanes.run([&](int lane) {
        const auto i = static_cast<std::size_t>(lane);
        if (input == job && pthread_equal(threads[i], pthread_self()) != 0) ++runs[i];
      });
      for (const int done : runs) EXPECT_EQ(done, job);
    }
  }
}

// Hangs when a lane that went to sleep between jobs is not woken for the next, or for the end.
TEST(Lanes, LanesThatFellAsleepWakeForTheNextJobAndTheEnd) {
  Lanes lanes(free_lanes(4));
  std::vector<int> runs(4);
  for (int job = 0; job < 5; ++job) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    lanes.run([&](int lane) { ++runs[static_cast<std::size_t>(lane)]; });
  }
  EXPECT_EQ(runs, std::vector<int>(4, 5));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

// Fails when the calling thread keeps the mask of its lane after the group is gone, or its lane was never pinned.
TEST(Lanes, TheCallerIsPinnedWhileTheGroupLivesAndHasItsAffinityBackAfterwards) {
  const std::vector<int> before = own_affinity();
  {
    const std::vector<int> cpus(2, before.back());
    Lanes lanes(cpus);
    EXPECT_EQ(own_affinity(), std::vector<int>{before.back()});
    std::vector<int> seen(2, -1);
    lanes.run([&](int lane) { seen[static_cast<std::size_t>(lane)] = sched_getcpu(); });
    EXPECT_EQ(seen, cpus);
    EXPECT_TRUE(lanes.unpinned().empty());
  }
  EXPECT_EQ(own_affinity(), before);
}

// Fails when a CPU that the process may not use ends the run instead of being reported.
TEST(Lanes, ACpuThatDoesNotExistIsReportedAndTheLaneRunsUnpinned) {
  const std::vector<int> before = own_affinity();
  constexpr int kNowhere = 16'000;
  {
    const std::vector<int> cpus = {before[0], kNowhere, before[0]};
    Lanes lanes(cpus);
    EXPECT_EQ(lanes.unpinned(), std::vector<int>{1});
    std::vector<int> runs(3);
    lanes.run([&](int lane) { ++runs[static_cast<std::size_t>(lane)]; });
    EXPECT_EQ(runs, std::vector<int>(3, 1));
  }
  EXPECT_EQ(own_affinity(), before);
}

using Handler = void (*)(int, siginfo_t*, void*);

Handler fault_handler() {
  struct sigaction action = {};
  sigaction(SIGSEGV, nullptr, &action);
  return action.sa_sigaction;
}

void set_fault_handler(Handler handler) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);
}

// Fails when the program's handler of faults, or its alternate stack, is lost to a group that is gone, whichever of two
// groups goes first; and when a handler that the program sets meanwhile is thrown out.
TEST(Lanes, TheProgramKeepsItsFaultHandlerAndAlternateStack) {
  struct sigaction original = {};
  sigaction(SIGSEGV, nullptr, &original);
  stack_t stack_before = {};
  sigaltstack(nullptr, &stack_before);
  const Handler first = [](int, siginfo_t*, void*) { _exit(1); };
  const Handler second = [](int, siginfo_t*, void*) { _exit(2); };
  for (const bool is_older_first : {true, false}) {
    set_fault_handler(first);
    auto older = std::make_unique<Lanes>(free_lanes(2));
    auto younger = std::make_unique<Lanes>(free_lanes(2));
    younger->run([](int) {});
    older->run([](int) {});
    (is_older_first ? older : younger).reset();
    (is_older_first ? younger : older).reset();
    EXPECT_EQ(fault_handler(), first);
  }
  {
    const Lanes lanes(free_lanes(2));
    set_fault_handler(second);
  }
  EXPECT_EQ(fault_handler(), second);
  stack_t stack_after = {};
  sigaltstack(nullptr, &stack_after);
  EXPECT_EQ(stack_after.ss_sp, stack_before.ss_sp);
  EXPECT_EQ(stack_after.ss_flags, stack_before.ss_flags);
  sigaction(SIGSEGV, &original, nullptr);
}

// Hangs, crashes or leaks a thread when the ones already started are not joined; fails when the message does not say
// how far the start came and what may be the limit.
TEST(Lanes, WhenAThreadCannotStartThoseBeforeItAreJoinedAndTheErrorCountsThem) {
  const int before = failing_threads::settled_count();
  const std::vector<int> affinity = own_affinity();
  constexpr int kLanes = 8;
  for (int started = 1; started < kLanes; ++started) {
    failing_threads::allowed = started - 1;  // the first lane is this thread
    std::string message;
    try {
      const Lanes lanes(free_lanes(kLanes));
    } catch (const skein::Error& error) {
      EXPECT_EQ(error.code(), skein::ExitCode::environment);
      message = error.what();
    }
    failing_threads::allowed = -1;
    EXPECT_NE(message.find("started " + std::to_string(started) + " of 8 lanes"), std::string::npos) << message;
    EXPECT_NE(message.find("ulimit -u"), std::string::npos) << message;
    EXPECT_TRUE(failing_threads::settles_at(before)) << started;
    EXPECT_EQ(own_affinity(), affinity);
  }
}

// Crashes, hangs or leaks when the start and end of a group race with lanes that come late or are still asleep.
TEST(Lanes, GroupsComeAndGoWithAndWithoutAJob) {
  const int before = failing_threads::settled_count();
  for (int i = 0; i < 300; ++i) {
    Lanes lanes(free_lanes(1 + i % 5));
    int runs = 0;
    if (i % 3 == 0) {
      lanes.run([&](int lane) {
        if (lane == 0) ++runs;
      });
    }
    EXPECT_EQ(runs, i % 3 == 0 ? 1 : 0);
  }
  EXPECT_TRUE(failing_threads::settles_at(before));
}

}  // namespace
