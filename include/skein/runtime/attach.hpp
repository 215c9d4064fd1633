// SPDX-License-Identifier: Apache-2.0
//
// For programs with a main of their own: Skein's collectives without run(lambda). The calling thread of each process is
// one rank, so globals stay private; between the processes of a host a barrier costs what it costs threads.
//
//     MPI_Init(&argc, &argv);
//     skein::Attachment skein = skein::attach();
//     skein.team().barrier();                        // was MPI_Barrier(MPI_COMM_WORLD)
//     skein.detach();
//     MPI_Finalize();
#pragma once

#include <memory>
#include <optional>

#include "skein/runtime/runtime.hpp"

namespace skein {

class Attachment {
 public:
  /// Over the processes of `comm`; without one, over all that the launcher started. The thread that calls it is the only
  /// one that may use the team, and has to be allowed to call MPI. It stays where the launcher or the program has bound it.
  /// Collective  all processes.
  /// Errors      Error, the same in every process; SKEIN_RANKS must be unset or 1.
  explicit Attachment(std::optional<Communicator> comm = {}, Options options = {});

  /// Destroyed before detach(), by an exception or not, it ends the team: the others get TeamAborted at their next call.
  ~Attachment();
  Attachment(Attachment&&) noexcept;
  Attachment& operator=(Attachment&&) noexcept = delete;

  Team& team();

  /// Leaves together with all others; ends MPI if the attachment has started it.
  /// Collective  all processes.
  /// Errors      TeamAborted when another rank has failed.
  void detach();

 private:
  std::unique_ptr<Runtime::Impl> impl_;
};

inline Attachment attach(std::optional<Communicator> comm = {}, const Options& options = {}) {
  return Attachment(comm, options);
}

}  // namespace skein
