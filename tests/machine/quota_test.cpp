// SPDX-License-Identifier: Apache-2.0
//
// cgroup quotas, from copies of the kernel's files.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "skein/machine/machine.hpp"

namespace {

namespace fs = std::filesystem;

/// A kernel's /proc/self/cgroup and /sys/fs/cgroup, in a folder that is removed at the end.
class Quota : public testing::Test {
 protected:
  Quota() : folder_(fs::temp_directory_path() / ("skein_quota_" + std::to_string(getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "mount");
  }
  ~Quota() override { fs::remove_all(folder_); }

  void write(const fs::path& path, const std::string& text) const {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path) << text;
  }
  std::vector<skein::CpuLimit> limits() const { return skein::cpu_limits(folder_ / "cgroup", folder_ / "mount"); }
  std::optional<double> read() const { return skein::cpu_quota(folder_ / "cgroup", folder_ / "mount"); }

 private:
  fs::path folder_;
};

// Defect: a limit is read where there is none; a machine without cgroups is an error.
TEST_F(Quota, IsNothingWithoutALimit) {
  EXPECT_EQ(read(), std::nullopt);  // no file at all
  write("cgroup", "");
  EXPECT_EQ(read(), std::nullopt);
  write("cgroup", "0::/job\n");
  EXPECT_EQ(read(), std::nullopt);  // no cpu.max
  write("mount/job/cpu.max", "max 100000\n");
  EXPECT_EQ(read(), std::nullopt);
  write("mount/cpu.max", "max 100000\n");
  EXPECT_EQ(read(), std::nullopt);
}

// Defect: the quota is taken without its period, or cut to whole CPUs.
TEST_F(Quota, IsQuotaOverPeriodInVersion2) {
  write("cgroup", "0::/job\n");
  write("mount/job/cpu.max", "150000 100000\n");
  EXPECT_EQ(read(), 1.5);
  write("mount/job/cpu.max", "50000 200000\n");
  EXPECT_EQ(read(), 0.25);
}

// Defect: only the own group is looked at; a container's limit stands on an ancestor.
TEST_F(Quota, IsTheLeastOverAllAncestors) {
  write("cgroup", "0::/slice/pod/job\n");
  write("mount/slice/pod/job/cpu.max", "400000 100000\n");
  write("mount/slice/pod/cpu.max", "max 100000\n");
  write("mount/slice/cpu.max", "300000 100000\n");
  EXPECT_EQ(read(), 3.0);
  write("mount/cpu.max", "200000 100000\n");
  EXPECT_EQ(read(), 2.0);
  write("mount/slice/pod/cpu.max", "100000 100000\n");
  EXPECT_EQ(read(), 1.0);
}

// Defect: limits of ancestors are lost, so that processes in different groups below one limit do not divide it; or one
// group has different names when it is seen under different paths.
TEST_F(Quota, AreAllLimitsWithTheGroupsThatTheyAreOf) {
  write("cgroup", "0::/pod/a\n");
  write("mount/pod/a/cpu.max", "200000 100000\n");
  write("mount/pod/b/cpu.max", "200000 100000\n");
  write("mount/pod/cpu.max", "300000 100000\n");
  const auto of_a = limits();
  write("cgroup", "0::/pod/b\n");
  const auto of_b = limits();
  write("cgroup", "0::/pod/../pod/b\n");
  const auto of_b_again = limits();
  ASSERT_EQ(of_a.size(), 2U);
  ASSERT_EQ(of_b.size(), 2U);
  EXPECT_EQ(of_a[0].cpus, 2.0);
  EXPECT_EQ(of_a[1].cpus, 3.0);
  EXPECT_NE(of_a[0].group, of_b[0].group);
  EXPECT_EQ(of_a[1].group, of_b[1].group);
  EXPECT_EQ(of_b_again[0].group, of_b[0].group);
}

// Defect: a namespace shows the root as the own group, and its file is not read.
TEST_F(Quota, OfTheRootGroupIsRead) {
  write("cgroup", "0::/\n");
  write("mount/cpu.max", "200000 100000\n");
  EXPECT_EQ(read(), 2.0);
}

// Defect: version 1 has two files, names its folder after its controllers, and writes -1 for no limit.
TEST_F(Quota, IsReadInVersion1) {
  write("cgroup", "12:memory:/job\n4:cpu,cpuacct:/job/step\n3:cpuset:/other\n");
  EXPECT_EQ(read(), std::nullopt);
  write("mount/cpu,cpuacct/job/step/cpu.cfs_quota_us", "-1\n");
  write("mount/cpu,cpuacct/job/step/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(read(), std::nullopt);
  write("mount/cpu,cpuacct/job/cpu.cfs_quota_us", "250000\n");
  write("mount/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(read(), 2.5);
}

// Defect: a mount that is called cpu alone is not found; cpuset and cpuacct are taken for cpu.
TEST_F(Quota, OfVersion1IsFoundUnderEitherName) {
  write("cgroup", "4:cpuset:/a\n3:cpuacct:/a\n2:cpu:/job\n");
  write("mount/cpu/job/cpu.cfs_quota_us", "100000");
  write("mount/cpu/job/cpu.cfs_period_us", "50000");
  write("mount/cpu/a/cpu.cfs_quota_us", "1000");
  write("mount/cpu/a/cpu.cfs_period_us", "50000");
  EXPECT_EQ(read(), 2.0);
}

// Defect: where both versions are mounted, only one is looked at.
TEST_F(Quota, IsTheLeastOfBothVersions) {
  write("cgroup", "4:cpu,cpuacct:/job\n0::/job\n");
  write("mount/cpu,cpuacct/job/cpu.cfs_quota_us", "300000");
  write("mount/cpu,cpuacct/job/cpu.cfs_period_us", "100000");
  EXPECT_EQ(read(), 3.0);
  write("mount/job/cpu.max", "200000 100000\n");
  EXPECT_EQ(read(), 2.0);
}

// Defect: a file that holds something else is read as a quota of zero, of less, or of no number.
TEST_F(Quota, IgnoresFilesItDoesNotUnderstand) {
  for (const char* text :
       {"", "\n", "max", "100000", "0 100000", "-1 100000", "100000 0", "100000 -5", "abc def", "\xff"}) {
    write("cgroup", "0::/job\n");
    write("mount/job/cpu.max", text);
    EXPECT_EQ(read(), std::nullopt) << text;
  }
  for (const char* text : {"", "::", "nonsense", "0:", "0::", "\n\n", ":::::"}) {
    write("cgroup", text);
    EXPECT_EQ(read(), std::nullopt) << text;
  }
}

// Defect: this machine cannot be asked.
TEST(ThisMachine, HasAllowedCpusThatItKnows) {
  const std::vector<int> allowed = skein::allowed_cpus();
  ASSERT_FALSE(allowed.empty());
  EXPECT_TRUE(std::is_sorted(allowed.begin(), allowed.end()));
  EXPECT_FALSE(skein::detect_machine().pus.empty());
  const auto quota = skein::cpu_quota();
  EXPECT_TRUE(!quota || *quota > 0);
}

}  // namespace
