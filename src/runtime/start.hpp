// SPDX-License-Identifier: Apache-2.0
//
// The steps of a start: from options to a host with its teams. Each step is agreed by all processes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skein/machine/cpu_locks.hpp"
#include "skein/machine/machine.hpp"
#include "skein/machine/placement.hpp"
#include "skein/machine/process_id.hpp"
#include "skein/runtime/options.hpp"
#include "skein/team/host.hpp"
#include "skein/team/team.hpp"

namespace skein {

/// What the start finds out before any thread runs.
struct Start {
  Options options;
  std::unique_ptr<World> world;
  std::vector<int> host_of_process;
  std::vector<int> cpus;             ///< of this process's lanes
  std::unique_ptr<Network> network;  ///< of the leader of a host, when there are others
  CpuLocks cpu_locks;                ///< of these CPUs
  std::shared_ptr<Host> host;
  RunSettings settings;
  Load load;
  Machine machine;
  ProcessFacts facts;  ///< of this process
  std::vector<ProcessId> process_ids;
  std::size_t heap_bytes = 0;         ///< of the segment, for shared arrays
  std::vector<std::string> warnings;  ///< that this process has printed
};

/// The same in every process, and told already where telling was asked for.
class StartFailed : public Error {
 public:
  using Error::Error;
};

/// Runs the steps, over the processes of `comm` if one is given. Throws StartFailed after MPI has been left in good order;
/// one process has called `tell` before, if there is one.
Start start_up(const Options& options, std::optional<Communicator> comm, const World::Tell& tell);

/// Prints "skein: text" on stderr.
void warn(const std::string& text);

}  // namespace skein
