// SPDX-License-Identifier: Apache-2.0
//
// How a run is set up. A program fills the struct; the environment, which belongs to whoever starts the program, wins.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "skein/mpi/world.hpp"
#include "skein/sync/wait_policy.hpp"
#include "skein/team/line.hpp"
#include "skein/team/pattern.hpp"

namespace skein {

/// What counts as one host.
enum class HostScope {
  shared,   ///< all processes of one machine share a segment
  process,  ///< every process is its own host
};

enum class Verbosity { quiet, placement };
enum class Report { none, waiting };
enum class CpuLocking { off, on };

struct Options {
  std::optional<int> ranks;                 ///< SKEIN_RANKS: of this process; default: its share of the allowed CPUs
  std::string bind = "compact";             ///< SKEIN_BIND: compact, scatter, none, or a CPU list such as 0,2,4-7
  CpuLocking cpu_locks = CpuLocking::on;    ///< SKEIN_CPU_LOCKS: 0, 1: notice other Skein jobs on the same CPUs
  WaitPolicy wait = WaitPolicy::automatic;  ///< SKEIN_WAIT: auto, spin, yield, park
  HostScope host = HostScope::shared;       ///< SKEIN_HOST: shared, process
  MpiUse mpi = MpiUse::automatic;           ///< SKEIN_MPI: auto, on, off
  Pattern pattern = Pattern::automatic;     ///< SKEIN_PATTERN: auto, all-to-all, gather-release
  Verbosity verbose = Verbosity::quiet;     ///< SKEIN_VERBOSE: 0, 1: print where each rank runs
  Report report = Report::none;             ///< SKEIN_REPORT: 0, 1: at the end, print how long each rank waited
  Episode first_episode = 1;                ///< number of the first episode; tests start near 2^32
};

/// `options` overridden by the environment. Throws Error(usage) naming variable, value and what is allowed.
Options with_environment(Options options);

/// SKEIN_MPI alone, which decides whether there is anybody to agree with on the rest: `otherwise` when it is not set, or
/// is not valid, which with_environment reports.
MpiUse mpi_use_of_environment(MpiUse otherwise);

/// One warning for each SKEIN_ variable that does not exist.
std::vector<std::string> environment_warnings();

}  // namespace skein
