// SPDX-License-Identifier: Apache-2.0
//
// The processes that were launched together, as the start of a run sees them. Everything here is called by the main lane
// of every process at the same time, blocks until all have called it, and is never on the way of a step.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "skein/base/error.hpp"
#include "skein/mpi/communicator.hpp"
#include "skein/team/network.hpp"
#include "skein/team/segment.hpp"

namespace skein {

enum class MpiUse {
  automatic,  ///< when started by a launcher
  on,
  off,
};

/// What a process asks of MPI at its start. With one rank no thread runs beside it, and MPI is faster when it knows
/// (skein-bench hosts).
enum class ThreadNeed { single, funneled };

/// What all processes agreed on after a step: the failure of the lowest process that had one.
struct Verdict {
  ExitCode code = ExitCode::ok;
  int process = 0;
  std::string message;

  bool is_ok() const { return code == ExitCode::ok; }
};

class World {
 public:
  /// Starts MPI if `use` and the launcher say so; over the processes of `comm`, if one is given. Throws
  /// Error(environment) when MPI was asked for and cannot be had.
  static std::unique_ptr<World> join(MpiUse use, ThreadNeed threads, std::optional<Communicator> comm = {});

  virtual ~World() = default;

  virtual int process() const = 0;
  virtual int processes() const = 0;

  /// The machine that each process runs on: processes with equal numbers can share memory. Numbered from 0 in the order of
  /// their first processes.
  virtual const std::vector<int>& machine_of_process() const = 0;

  /// Whether MPI allows the main lane to call it while other threads run.
  virtual bool allows_threads() const = 0;

  /// "Open MPI v4.1.4", or "none".
  virtual std::string library() const = 0;

  /// "MPI_THREAD_FUNNELED" and the like, or "none".
  virtual std::string_view thread_level() const = 0;

  /// A communicator over all processes that is the program's own to use; nothing without MPI.
  virtual std::optional<Communicator> comm() const = 0;

  /// The `bytes` of every process, in process order.
  virtual std::vector<std::vector<std::byte>> allgather(std::span<const std::byte> bytes) = 0;

  /// The way to the leaders of the other hosts, which are the first processes of each; null in all other processes, and
  /// where there is one host only.
  virtual std::unique_ptr<Network> connect(const std::vector<int>& host_of_process) = 0;

  /// Ends MPI if join started it. All processes, after a run that ended in agreement.
  virtual void finalize() = 0;

  /// Ends all processes at once: the last resort.
  [[noreturn]] virtual void abort(ExitCode code) = 0;

  /// Runs a step and agrees on its outcome. A failure is given to `tell`, where there is one, by the process of the
  /// verdict, before any process returns: a launcher may end the others as soon as one of them exits.
  using Tell = std::function<void(const std::string& message)>;
  Verdict agree(const std::function<void()>& step, const Tell& tell = {});

  /// One segment for the processes of each host, made by the first of them and attached by the others.
  /// Throws Error(environment) where it fails; follow it with an agreement.
  Segment share_segment(std::size_t bytes, const std::vector<int>& host_of_process);

  /// One number of every process.
  std::vector<int> allgather(int value);
};

/// The world of a process that was not launched by MPI.
std::unique_ptr<World> solo_world();

/// The launcher of this process and how many processes it started; an empty name when there is none.
struct Launcher {
  std::string name;
  int processes = 1;
};
Launcher detect_launcher();

}  // namespace skein
