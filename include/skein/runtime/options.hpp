// SPDX-License-Identifier: Apache-2.0
//
// How a run is set up. A program fills the struct; the environment, which belongs to whoever starts the program, wins.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skein/lane/lanes.hpp"
#include "skein/mpi/world.hpp"
#include "skein/sync/wait_policy.hpp"
#include "skein/team/board.hpp"
#include "skein/team/line.hpp"
#include "skein/team/pattern.hpp"

namespace skein {

enum class Verbosity { quiet, placement };
enum class Report { none, waiting };
enum class CpuLocking { off, on };

/// Most ranks that one host can have in a team: each has two mappings for its stack, of which Linux allows 65530.
inline constexpr int kMaxRanks = 16384;

/// As a number of lanes: one for each rank, so that ranks which block outside Skein keep nobody.
inline constexpr int kEachItsLane = 0;

struct Options {
  std::optional<int> ranks;  ///< SKEIN_RANKS: of this process; default: one on each lane
  std::optional<int> lanes;  ///< SKEIN_LANES: threads that carry them, or each; default: its share of the allowed CPUs
  std::string bind = "compact";             ///< SKEIN_BIND: compact, scatter, none, or a CPU list such as 0,2,4-7
  CpuLocking cpu_locks = CpuLocking::on;    ///< SKEIN_CPU_LOCKS: 0, 1: notice other Skein jobs on the same CPUs
  WaitPolicy wait = WaitPolicy::automatic;  ///< SKEIN_WAIT: auto, spin, yield, park
  std::string host = "shared";     ///< SKEIN_HOST: shared, process, or the host of each process, such as 0,0,1,1
  MpiUse mpi = MpiUse::automatic;  ///< SKEIN_MPI: auto, on, off

  /// SKEIN_SCHEDULE: turns, or random:SEED, which needs SKEIN_LANES=1: the order in which ranks that share a lane run.
  std::optional<std::uint64_t> schedule_seed;

  PatternChoice pattern;  ///< SKEIN_PATTERN: auto, all-to-all, gather-release, levels, or levels:2 to levels:16

  /// SKEIN_PIECE: the most bytes of a large payload that pass between processes at a time, or with K or M at the end. Each team
  /// of several processes sets 16 times as much of the segment aside for each rank, at most 512 MiB.
  std::size_t piece_bytes = kPieceBytes;

  Verbosity verbose = Verbosity::quiet;  ///< SKEIN_VERBOSE: 0, 1: print where each rank runs
  Report report = Report::none;          ///< SKEIN_REPORT: 0, 1: at the end, print how long each rank waited

  /// SKEIN_STALL: seconds, or off (kForever): how long all ranks may wait before the run ends, some before a warning.
  std::chrono::nanoseconds stall = std::chrono::seconds(60);

  std::string report_file;    ///< SKEIN_REPORT_FILE: where reports of failures and stalls go besides standard error
  Episode first_episode = 1;  ///< number of the first episode; tests start near 2^32

  /// SKEIN_STACK: stack of each rank, in bytes, or with K, M or G at the end.
  std::size_t stack_bytes = kDefaultStackBytes;
};

/// `options` overridden by the environment. Throws Error(usage) naming variable, value and what is allowed.
Options with_environment(Options options);

/// SKEIN_MPI alone, which decides whether there is anybody to agree with on the rest: `otherwise` when it is not set, or
/// is not valid, which with_environment reports.
MpiUse mpi_use_of_environment(MpiUse otherwise);

/// single when the options and SKEIN_RANKS ask for one rank: needed before anything can be agreed on.
ThreadNeed threads_of_environment(const Options& options);

/// The host of each process, numbered in the order of their first processes, as SKEIN_HOST splits the machines that the
/// processes run on. Throws Error(usage).
std::vector<int> parse_hosts(std::string_view name, std::string_view value, const std::vector<int>& machine_of_process);

/// A SKEIN_ variable with the value in `options`, as one would write it; empty for SKEIN_RANKS and SKEIN_LANES when nobody asks.
struct Setting {
  std::string_view name;
  std::string value;
  bool is_from_environment = false;
};

/// All variables.
std::vector<Setting> settings_of(const Options& options);

/// One warning for each SKEIN_ variable that does not exist.
std::vector<std::string> environment_warnings();

}  // namespace skein
