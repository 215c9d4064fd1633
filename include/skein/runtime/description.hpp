// SPDX-License-Identifier: Apache-2.0
//
// What a run was started with, as one of its processes sees it: plain values, for reports such as skein-info's.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "skein/machine/placement.hpp"
#include "skein/mpi/world.hpp"
#include "skein/runtime/options.hpp"
#include "skein/team/pattern.hpp"

namespace skein {

struct Description {
  // The team.
  Launcher launcher;
  std::string mpi_library;           ///< "Open MPI v4.1.4", or "none"
  std::string thread_level;          ///< "MPI_THREAD_FUNNELED" and the like, or "none"
  std::vector<int> host_of_process;  ///< processes with equal numbers share memory
  std::vector<int> machine_of_process;
  int size = 0;

  // This process.
  int process = 0;
  Options options;  ///< as they take effect
  Machine machine;
  ProcessFacts facts;
  int first_rank = 0;
  std::vector<int> lanes;      ///< that carry its ranks, by rank, counted within the process
  std::vector<int> cpus;       ///< of each of its ranks, or kNotPinned
  Load load;                   ///< of the CPUs and limits that it depends on
  std::vector<int> busy_cpus;  ///< of `cpus`, those that another Skein job holds
  WaitBudget waiting;
  std::vector<std::string> warnings;  ///< that this process has printed

  // Its host.
  std::vector<int> ranks_of_host;  ///< by seat
  Formation formation;
  std::size_t heap_bytes = 0;  ///< address space for shared arrays
};

}  // namespace skein
