// SPDX-License-Identifier: Apache-2.0
//
// Other processes of this machine: whether they live, run, or are held.
#pragma once

#include <cstdint>
#include <string>

namespace skein {

/// Names a process for good: a number is used again, a number with a start time is not.
struct ProcessId {
  std::int64_t pid = 0;
  std::uint64_t start_ticks = 0;  ///< field 22 of /proc/PID/stat
  std::uint64_t pid_space = 0;    ///< inode of its pid namespace: numbers of another one mean nothing here
};

ProcessId own_process_id();

enum class ProcessState {
  runs,
  stopped,  ///< by SIGSTOP and its like
  traced,   ///< by a debugger, whether it holds the process now or not
  ended,    ///< also when it waits for its parent to take note
  unknown,  ///< it is in another pid namespace, or /proc cannot be read
};
ProcessState state_of(const ProcessId& process);

/// A descriptor that becomes readable when the process ends (pidfd_open(2), Linux 5.3), to be closed by the caller; negative
/// when there is none.
int open_process(const ProcessId& process);

/// The name of the machine, for messages.
std::string host_name();

}  // namespace skein
