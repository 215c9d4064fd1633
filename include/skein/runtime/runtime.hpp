// SPDX-License-Identifier: Apache-2.0
//
// Runtime: the life of a run. It joins MPI when a launcher started the program, finds the allowed CPUs, builds the segment
// of the host, starts the lanes at the first run, and ends everything in the same way everywhere.
//
// Order     construction, agree (any number), run (any number), destruction; all by the main thread of every process.
// Failure   every step of the start ends in an agreement of all processes: one message, one exit code.
// Exit      exit() ends the process wherever it is called, also by a rank; to others it is a process that ended in the middle
//           of the run, which fails there.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "skein/runtime/description.hpp"
#include "skein/runtime/options.hpp"
#include "skein/team/team.hpp"

namespace skein {

class Runtime {
 public:
  /// For main(): an error at the start is printed once, and all processes exit with its code (ExitCode).
  Runtime(int argc, char** argv, const Options& options = {});

  /// For programs that embed a run: throws Error in every process.
  explicit Runtime(const Options& options);

  /// A team over the processes of a communicator, for programs that start MPI themselves (skein/mpi.hpp makes one of an
  /// MPI_Comm, which is duplicated). Throws Error in every process.
  /// Collective  all processes of `comm`.
  explicit Runtime(Communicator comm, const Options& options = {});

  /// Ends the lanes, and MPI if this object started it and all processes came to the end.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// Calls body(team) once per rank, and returns when all ranks of all processes have left it.
  /// Result  the exit code: 0, or that of the first failure, the same in all processes, after one report on stderr:
  ///         5 for an exception, its own code for skein::Error.
  /// Blocks  until the last rank has left; after a failure some seconds at most, for ranks that do not come to a Skein call.
  int run(const std::function<void(Team&)>& body);

  /// As run, but without a report: rethrows the first failure's exception in its process, TeamAborted in the others.
  void run_throwing(const std::function<void(Team&)>& body);

  /// A step of the program's own start, such as reading its input: runs in every process, and all agree whether it went
  /// well. If not, one message is printed and every process gets the same exit code: return it from main.
  int agree(const std::function<void()>& step);

  /// A communicator over all processes, for the program's own MPI calls; Skein does not use it. Nothing when the run is
  /// without MPI. Ends with the Runtime.
  std::optional<Communicator> comm() const;

  /// What the run was started with, as this process sees it. Allocates; local.
  Description description() const;

  /// Numbers of this process and of all; ranks of this process and of the team.
  int process() const;
  int processes() const;
  int ranks() const;
  int size() const;

 private:
  friend class Attachment;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skein
