// SPDX-License-Identifier: Apache-2.0
//
// Launchers, by the variables that they leave: those of Open MPI 4.1 and MPICH 4.0 as printed by their processes, those of
// Slurm as in the manual of srun and the sources of its PMI plugins.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>

#include "skein/mpi/world.hpp"

namespace {

using Variables = std::map<std::string, std::string>;

/// The launcher that a process with these variables sees.
skein::Launcher launcher_with(const Variables& variables) {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID",
                           "PMIX_RANK", "SLURM_STEP_ID", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}) {
    unsetenv(name);  // NOLINT(concurrency-mt-unsafe): no other thread
  }
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  return skein::detect_launcher();
}

const Variables kOpenMpi = {{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "3"}, {"PMIX_RANK", "0"}};
const Variables kHydra = {{"PMI_RANK", "1"}, {"PMI_SIZE", "4"}, {"MPI_LOCALRANKID", "1"}};
const Variables kSlurmStep = {{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "5"}, {"SLURM_NTASKS", "9"}};
const Variables kSlurmBatch = {{"SLURM_NTASKS", "9"}};

Variables both(Variables one, const Variables& other) {
  one.insert(other.begin(), other.end());
  return one;
}

void expect(const Variables& variables, const std::string& name, int processes) {
  const skein::Launcher launcher = launcher_with(variables);
  EXPECT_EQ(launcher.name, name);
  EXPECT_EQ(launcher.processes, processes);
}

// Defect: a launcher is taken for another one, whose options are then recommended in vain.
TEST(DetectLauncher, TellsThemApart) {
  expect({}, "", 1);
  expect(kSlurmBatch, "", 1);
  expect(kOpenMpi, "mpirun", 3);
  expect(kHydra, "mpiexec", 4);
  expect({{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}}, "mpiexec", 2);
  expect(both({{"PMI_RANK", "0"}, {"PMI_SIZE", "5"}}, kSlurmStep), "srun", 5);
  expect(both({{"PMIX_RANK", "0"}}, kSlurmStep), "srun", 5);
  expect({{"PMIX_RANK", "0"}}, "prterun", 1);
}

// Defect: inside a Slurm job, mpirun and mpiexec start their daemons through srun, and are taken for it.
TEST(DetectLauncher, SeesLaunchersInsideASlurmJob) {
  expect(both(kOpenMpi, kSlurmStep), "mpirun", 3);
  expect(both(kHydra, kSlurmStep), "mpiexec", 4);
}

// Defect: a size that is no number is used as one.
TEST(DetectLauncher, HasAtLeastOneProcess) {
  expect({{"PMI_RANK", "0"}, {"PMI_SIZE", "many"}}, "mpiexec", 1);
  expect({{"PMI_RANK", "0"}, {"PMI_SIZE", "-3"}}, "mpiexec", 1);
  expect({{"PMI_RANK", "0"}}, "mpiexec", 1);
}

}  // namespace
