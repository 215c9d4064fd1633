// SPDX-License-Identifier: Apache-2.0
#include "skein/machine/cpu_locks.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "text.hpp"

namespace skein {
namespace {

/// A lock of this process and how many objects hold it.
struct Held {
  int socket = -1;
  int holders = 0;
};

std::mutex& mutex_of_table() {
  static std::mutex mutex;
  return mutex;
}

/// The locks of this process. A forked child starts with none: those of its parent are another's.
std::map<int, Held>& table() {
  static std::map<int, Held> held;
  static pid_t owner = getpid();
  if (std::exchange(owner, getpid()) != getpid()) held.clear();
  return held;
}

enum class Attempt { locked, busy, impossible };

Attempt lock(int cpu, int& socket_of_lock) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return Attempt::impossible;
  const std::string name = fmt::format("skein-cpu-{}", cpu);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());  // a leading zero: abstract
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(socket, reinterpret_cast<const sockaddr*>(&address), bytes) == 0) {
    socket_of_lock = socket;
    return Attempt::locked;
  }
  const Attempt outcome = errno == EADDRINUSE ? Attempt::busy : Attempt::impossible;
  close(socket);
  return outcome;
}

bool has_descriptors_for(std::size_t locks) {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 && locks < limit.rlim_cur / 4;
}

}  // namespace

CpuLocks::CpuLocks(const std::vector<int>& cpus) {
  if (!has_descriptors_for(cpus.size())) return;
  const std::lock_guard guard(mutex_of_table());
  for (const int cpu : cpus) {
    const auto known = table().find(cpu);
    Held held = known == table().end() ? Held{} : known->second;
    const Attempt outcome = held.holders > 0 ? Attempt::locked : lock(cpu, held.socket);
    if (outcome == Attempt::locked) {
      ++held.holders;
      table()[cpu] = held;
      held_.push_back(cpu);
    } else if (outcome == Attempt::busy) {
      busy_.push_back(cpu);
    }
  }
  std::sort(busy_.begin(), busy_.end());
}

CpuLocks::~CpuLocks() {
  if (held_.empty()) return;
  const std::lock_guard guard(mutex_of_table());
  for (const int cpu : held_) {
    const auto held = table().find(cpu);
    if (held == table().end() || --held->second.holders > 0) continue;
    close(held->second.socket);
    table().erase(held);
  }
}

CpuLocks::CpuLocks(CpuLocks&& other) noexcept
    : held_(std::exchange(other.held_, {})), busy_(std::exchange(other.busy_, {})) {}

CpuLocks& CpuLocks::operator=(CpuLocks&& other) noexcept {
  std::swap(held_, other.held_);
  std::swap(busy_, other.busy_);
  return *this;
}

std::string busy_warning(const std::vector<int>& busy) {
  return fmt::format(
      "another Skein job runs on {}, so ranks there share a CPU with it and wait politely: let it end first, or give "
      "each job CPUs of its own (SKEIN_BIND, taskset)",
      cpus_text(busy));
}

}  // namespace skein
