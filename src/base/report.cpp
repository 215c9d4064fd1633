// SPDX-License-Identifier: Apache-2.0
#include "skein/base/report.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <optional>

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;

/// Gives up when nobody has read for so long.
void write_all(int descriptor, std::string_view text, std::optional<std::chrono::milliseconds> patience) {
  Clock::time_point begin = Clock::now();
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
      begin = Clock::now();
      continue;
    }
    if (written < 0 && errno == EINTR) continue;
    if (written == 0 || errno != EAGAIN) return;  // nobody is left to be told
    constexpr int kLook_ms = 100;
    pollfd writable{descriptor, POLLOUT, 0};
    poll(&writable, 1, kLook_ms);
    if (patience && Clock::now() - begin > *patience) return;
  }
}

/// While it lives, writing to a closed pipe is an error of that call only.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    const timespec none{};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &none);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

}  // namespace

// Not by stdio, which drops what it holds when a signal interrupts its write, as one to a terminal can be.
void write_output(std::string_view text) {
  const int descriptor = fileno(stdout);
  if (descriptor < 0) {  // the program has made stdout a stream in memory
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    return;
  }
  std::fflush(stdout);
  write_all(descriptor, text, std::nullopt);
}

void write_report(std::string_view text, const std::string& file) {
  constexpr std::chrono::milliseconds kPatience{1000};
  const NoSigpipe no_sigpipe;
  write_all(STDERR_FILENO, text, kPatience);
  if (file.empty()) return;
  constexpr mode_t kMode = 0644;
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode);
  if (descriptor < 0) return;
  write_all(descriptor, text, kPatience);
  close(descriptor);
}

}  // namespace skein
