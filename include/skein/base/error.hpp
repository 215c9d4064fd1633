// SPDX-License-Identifier: Apache-2.0
//
// What can go wrong, as exit codes and exceptions. All processes of a run end with the same code, because launchers
// report only one of them.
#pragma once

#include <stdexcept>
#include <string>

namespace skein {

enum class ExitCode : int {
  ok = 0,
  usage = 2,        ///< bad command line, configuration or environment variable
  data = 3,         ///< bad input data
  io = 4,           ///< disk full, unreadable file, corrupt checkpoint
  parallel = 5,     ///< exception in a rank, mismatched collectives, dead peer
  environment = 6,  ///< the machine cannot satisfy the request: threads, memory, MPI
};

/// `code` if it can tell a shell that something failed, else that of a failed rank.
constexpr ExitCode failing_code(ExitCode code) {
  constexpr int kLargest = 255;
  return static_cast<int>(code) >= 1 && static_cast<int>(code) <= kLargest ? code : ExitCode::parallel;
}

/// An error that knows the exit code of the process it ends.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// Thrown by every Skein call of a team in which some rank has failed. what() names that rank and its message.
/// Let it pass: it carries a rank out of the run.
class TeamAborted : public Error {
 public:
  explicit TeamAborted(const std::string& message, ExitCode code = ExitCode::parallel) : Error(code, message) {}
};

}  // namespace skein
