// SPDX-License-Identifier: Apache-2.0
// More ranks than CPUs: a team must not collapse, as pure spinning does. Limits are ten times what a quiet machine
// needs, because others may use it; the comparison of policies is interleaved, so what disturbs one disturbs the other.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <vector>

#include "skein/machine/machine.hpp"
#include "skein/skein.hpp"

namespace {

using skein::Options;
using skein::Runtime;
using skein::Team;
using skein::WaitPolicy;
using Clock = std::chrono::steady_clock;

Options crowded(int ranks, WaitPolicy wait) {
  Options options;
  options.ranks = ranks;
  options.wait = wait;
  options.mpi = skein::MpiUse::off;
  return options;
}

/// Seconds that `count` barriers take.
double barriers_s(Runtime& runtime, int count) {
  double seconds = 0;
  EXPECT_EQ(runtime.run([&](Team& team) {
    team.barrier();
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < count; ++i) team.barrier();
    if (team.rank() == 0) seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }),
            0);
  return seconds;
}

/// Processes that compute for as long as the object lives.
class Hogs {
 public:
  explicit Hogs(int count) {
    const pid_t parent = getpid();
    for (int i = 0; i < count; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (volatile unsigned long work = 0; getppid() == parent;) work = work + 1;
        _exit(0);
      }
      hogs_.push_back(child);
    }
  }
  Hogs(const Hogs&) = delete;
  Hogs& operator=(const Hogs&) = delete;
  ~Hogs() {
    for (const pid_t hog : hogs_) kill(hog, SIGKILL);
    for (const pid_t hog : hogs_) waitpid(hog, nullptr, 0);
  }

 private:
  std::vector<pid_t> hogs_;
};

/// Leaves the calling thread one CPU, and gives the others back.
class OneCpu {
 public:
  OneCpu() {
    sched_getaffinity(0, sizeof(original_), &original_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(skein::allowed_cpus().front()), &one);
    sched_setaffinity(0, sizeof(one), &one);
  }
  OneCpu(const OneCpu&) = delete;
  OneCpu& operator=(const OneCpu&) = delete;
  ~OneCpu() { sched_setaffinity(0, sizeof(original_), &original_); }

 private:
  cpu_set_t original_{};
};

// Fails when waiting ranks keep the CPUs from those that they wait for: spinning then takes a time slice a barrier.
TEST(Crowding, SixteenRanksOnTheAllowedCpusFinishTenThousandBarriers) {
  Runtime runtime(crowded(16, WaitPolicy::automatic));
  const double seconds = barriers_s(runtime, 10'000);
  RecordProperty("seconds", std::to_string(seconds));
  std::printf("16 ranks, 10,000 barriers: %.3f s\n", seconds);
  EXPECT_LT(seconds, 50);
}

// Fails when the yields of `auto` cost more than they save: then it had better slept at once.
TEST(Crowding, AutoReachesHalfTheRateOfParking) {
  for (const int ranks : {4, 16}) {
    Runtime automatic(crowded(ranks, WaitPolicy::automatic));
    Runtime park(crowded(ranks, WaitPolicy::park));
    std::vector<double> ratios;
    double automatic_s = 0;
    double park_s = 0;
    for (int round = 0; round < 7; ++round) {
      automatic_s = barriers_s(automatic, 300);
      park_s = barriers_s(park, 300);
      ratios.push_back(park_s / automatic_s);
    }
    std::sort(ratios.begin(), ratios.end());
    const double median = ratios[ratios.size() / 2];
    std::printf("%d ranks: auto does %.2f of park's barriers/s (%.2f to %.2f); last %.1f and %.1f us a barrier\n",
                ranks, median, ratios.front(), ratios.back(), automatic_s / 300 * 1e6, park_s / 300 * 1e6);
    EXPECT_GE(median, 0.5) << ranks;
  }
}

// Fails when a rank that lost its CPU to another program holds up the rest for more than its turn.
TEST(Crowding, WithTwoHogsOnEveryCpuTenThousandBarriersFinish) {
  const int cpus = static_cast<int>(skein::allowed_cpus().size());
  for (const WaitPolicy wait : {WaitPolicy::automatic, WaitPolicy::park}) {
    Runtime runtime(crowded(16, wait));
    const Hogs hogs(2 * cpus);
    const double seconds = barriers_s(runtime, 10'000);
    std::printf("16 ranks, two hogs a CPU, wait %d: %.3f s\n", static_cast<int>(wait), seconds);
    EXPECT_LT(seconds, 100);
  }
}

// Fails when ranks count the machine's CPUs instead of their mask's.
TEST(Crowding, FourRanksOnOneCpuFinishTenThousandBarriers) {
  const OneCpu one;
  Runtime runtime(crowded(4, WaitPolicy::automatic));
  const double seconds = barriers_s(runtime, 10'000);
  std::printf("4 ranks on one CPU: %.3f s\n", seconds);
  EXPECT_LT(seconds, 50);
}

// Hangs when a policy that never sleeps waits for a rank that never runs; how long it takes is no question here.
TEST(Crowding, SpinAndYieldAreCorrectUnderHogs) {
  const int cpus = static_cast<int>(skein::allowed_cpus().size());
  for (const WaitPolicy wait : {WaitPolicy::spin, WaitPolicy::yield}) {
    for (const int ranks : {2, 5}) {
      Runtime runtime(crowded(ranks, wait));
      const Hogs hogs(2 * cpus);
      EXPECT_EQ(runtime.run([&](Team& team) {
        for (int i = 0; i < 100; ++i) {
          if (team.allreduce(i, skein::sum) != i * ranks) throw std::runtime_error("wrong sum");
        }
      }),
                0);
    }
  }
}

}  // namespace
