// SPDX-License-Identifier: Apache-2.0
//
// Locks of CPUs, with numbers that no machine has, so that nobody else holds them.
#include "skein/machine/cpu_locks.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <numeric>

namespace {

using skein::CpuLocks;
using Cpus = std::vector<int>;

/// Different in tests that run at the same time.
int first_cpu() { return 1'000'000 + static_cast<int>(getpid()) * 16; }

int open_files() {
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++files;
  return files;
}

/// Another process that holds locks until it is killed.
class Holder {
 public:
  explicit Holder(const Cpus& cpus) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    child_ = fork();
    if (child_ == 0) {
      const CpuLocks locks(cpus);
      const char done = locks.busy().empty() ? '1' : '0';
      if (write(ready[1], &done, 1) != 1) _exit(1);
      while (true) pause();
    }
    char done = 0;
    EXPECT_EQ(read(ready[0], &done, 1), 1);
    EXPECT_EQ(done, '1');
    close(ready[0]);
    close(ready[1]);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

 private:
  pid_t child_ = -1;
};

// Defect: a CPU that another process holds is not noticed, or one that is free is.
TEST(CpuLocks, SeeTheCpusThatAnotherProcessHolds) {
  const int first = first_cpu();
  const Holder holder({first + 1, first + 3});
  EXPECT_EQ(CpuLocks({first, first + 3, first + 2, first + 1}).busy(), (Cpus{first + 1, first + 3}));
  EXPECT_TRUE(CpuLocks({first, first + 2}).busy().empty());
  EXPECT_TRUE(CpuLocks(Cpus{}).busy().empty());
}

// Defect: a lock outlives its holder, however that ended.
TEST(CpuLocks, EndWithTheirHolder) {
  const int first = first_cpu();
  {
    const Holder killed({first});
    EXPECT_EQ(CpuLocks({first}).busy(), Cpus{first});
  }
  EXPECT_TRUE(CpuLocks({first}).busy().empty());
  { const CpuLocks own({first}); }
  const Holder next({first});  // expects it to be free
}

// Defect: a process takes its own second runtime for another job, or gives the lock back when the first of two ends.
TEST(CpuLocks, OfOneProcessAreShared) {
  const int first = first_cpu();
  const int files = open_files();
  {
    auto one = std::make_unique<CpuLocks>(Cpus{first, first + 1});
    const CpuLocks two({first + 1, first + 2});
    EXPECT_TRUE(two.busy().empty());
    EXPECT_EQ(open_files(), files + 3);
    one.reset();
    EXPECT_EQ(open_files(), files + 2);
    const pid_t child = fork();
    if (child == 0) _exit(CpuLocks({first + 1}).busy().size() == 1 ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0) << "a child takes its parent's locks for its own";
    const Holder free({first});
  }
  EXPECT_EQ(open_files(), files);
}

// Defect: moving releases a lock, or releases it twice.
TEST(CpuLocks, CanBeMoved) {
  const int first = first_cpu();
  const int files = open_files();
  {
    CpuLocks outer;
    {
      CpuLocks inner({first});
      outer = std::move(inner);
    }
    EXPECT_EQ(open_files(), files + 1);
    const CpuLocks last(std::move(outer));
    EXPECT_EQ(open_files(), files + 1);
  }
  EXPECT_EQ(open_files(), files);
}

// Defect: locks use up the descriptors that the program needs.
TEST(CpuLocks, AreNotTakenWhenDescriptorsAreScarce) {
  rlimit original{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &original), 0);
  rlimit few = original;
  few.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const int files = open_files();
  Cpus cpus(16);
  std::iota(cpus.begin(), cpus.end(), first_cpu());
  {
    const CpuLocks locks(cpus);
    EXPECT_EQ(open_files(), files);
    cpus.pop_back();
    const CpuLocks fewer(cpus);
    EXPECT_EQ(open_files(), files + 15);
  }
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &original), 0);
}

// Defect: the warning does not tell which CPUs, or what to do.
TEST(CpuLocks, AreExplained) {
  const std::string text = skein::busy_warning({0, 1, 2, 7});
  EXPECT_NE(text.find("CPUs 0-2,7"), std::string::npos) << text;
  EXPECT_NE(text.find("SKEIN_BIND"), std::string::npos) << text;
}

}  // namespace
