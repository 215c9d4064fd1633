// SPDX-License-Identifier: Apache-2.0
#include "skein/machine/process_id.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>

namespace skein {
namespace {

std::uint64_t own_pid_space() {
  static const std::uint64_t space = [] {
    struct stat info {};
    return stat("/proc/self/ns/pid", &info) == 0 ? info.st_ino : 0;
  }();
  return space;
}

struct Stat {
  char state = '?';
  std::uint64_t start_ticks = 0;
};

/// False when it cannot be read, for whatever reason.
bool read_stat(std::int64_t pid, Stat& result) {
  constexpr int kStartField = 22;
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  if (!std::getline(file, text)) return false;
  // The program's name, in parentheses, may hold anything; what follows the last one is plain words, from field 3 on.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return false;
  std::istringstream words(text.substr(name_end + 1));
  words >> result.state;
  std::string word;
  for (int field = 4; field < kStartField; ++field) words >> word;
  return static_cast<bool>(words >> result.start_ticks);
}

bool is_traced(std::int64_t pid) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  const std::string key = "TracerPid:";
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) return line.substr(key.size()).find_first_not_of("\t 0") != std::string::npos;
  }
  return false;
}

}  // namespace

ProcessId own_process_id() {
  Stat own;
  const bool is_known = read_stat(getpid(), own);
  return {getpid(), own.start_ticks, is_known ? own_pid_space() : 0};
}

ProcessState state_of(const ProcessId& process) {
  if (process.pid_space == 0 || process.pid_space != own_pid_space()) return ProcessState::unknown;
  Stat now;
  if (!read_stat(process.pid, now)) {
    const bool is_gone = kill(static_cast<pid_t>(process.pid), 0) != 0 && errno == ESRCH;
    return is_gone ? ProcessState::ended : ProcessState::unknown;
  }
  if (now.start_ticks != process.start_ticks) return ProcessState::ended;
  switch (now.state) {
    case 'Z':
    case 'X':
      return ProcessState::ended;
    case 'T':
      return ProcessState::stopped;
    case 't':
      return ProcessState::traced;
    default:
      return is_traced(process.pid) ? ProcessState::traced : ProcessState::runs;
  }
}

int open_process(const ProcessId& process) {
#ifdef SYS_pidfd_open
  if (process.pid_space == 0 || process.pid_space != own_pid_space()) return -1;
  return static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(process.pid), 0U));
#else
  return -1;
#endif
}

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

}  // namespace skein
