// SPDX-License-Identifier: Apache-2.0
#include "skein/lane/watch_thread.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <exception>
#include <system_error>
#include <utility>

#include "affinity.hpp"
#include "skein/base/error.hpp"

namespace skein {
namespace {

constexpr std::size_t kStackBytes = std::size_t{1} << 20U;

/// A descriptor that can be read when the bell has rung since the last take_ring(), for each thread that listens: who emptied the
/// bell itself would take the ring from the others. -1 when there is none to be had.
int listen_to(int bell) {
  const int descriptor = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  if (descriptor < 0 || epoll_ctl(descriptor, EPOLL_CTL_ADD, bell, &event) == 0) return descriptor;
  const int problem = errno;
  close(descriptor);
  errno = problem;
  return -1;
}

bool take_ring(int listener) {
  epoll_event event{};
  return epoll_wait(listener, &event, 1, 0) > 0;
}

}  // namespace

struct WatchThread::State {
  static void* main(void* argument) {
    static_cast<State*>(argument)->serve();
    return nullptr;
  }

  /// Where machines are busy the thread gets a CPU late, in the middle of a run, in which nothing is to be allocated. So all that
  /// it needs is there before it starts.
  void prepare() {
    for (const int cpu : settings.cpus) allowed.add(cpu);
    polled = {{stop, POLLIN, 0}, {listener, POLLIN, 0}};  // poll skips negative ones
    for (const int descriptor : settings.once) polled.push_back({descriptor, POLLIN, 0});
  }

  void serve() {
    if (!settings.cpus.empty()) allowed.apply();
    while (true) {
      const auto interval_ms = std::chrono::ceil<std::chrono::milliseconds>(settings.interval).count();
      if (poll(polled.data(), polled.size(), static_cast<int>(interval_ms)) < 0) {
        for (pollfd& one : polled) one.revents = 0;
      }
      if (polled[0].revents != 0) return;
      // A program that closes what it did not open, as daemons do, ends what depends on that, and nothing else.
      for (pollfd& one : polled) {
        if ((one.revents & POLLNVAL) != 0) one.fd = -1;
      }
      listener = polled[1].fd;
      Seen seen{.bell = (polled[1].revents & POLLIN) != 0 && take_ring(listener), .readable = {}};
      for (std::size_t i = 2; i < polled.size(); ++i) {
        if ((polled[i].revents & POLLIN) == 0) continue;
        seen.readable.push_back(std::exchange(polled[i].fd, -1));
      }
      try {
        look(seen);
      } catch (const std::exception&) {  // memory is short; the program may live on, and the next look tries again
      }
    }
  }

  void close_descriptors() const {
    for (const int descriptor : {stop, listener}) {
      if (descriptor >= 0) close(descriptor);
    }
  }

  Settings settings;
  std::function<void(const Seen&)> look;
  Affinity allowed;
  std::vector<pollfd> polled;
  int stop = -1;
  int listener = -1;
  pthread_t thread{};
};

WatchThread::WatchThread(Settings settings, std::function<void(const Seen&)> look) : state_(std::make_unique<State>()) {
  state_->settings = std::move(settings);
  state_->look = std::move(look);
  state_->stop = eventfd(0, EFD_CLOEXEC);
  int problem = state_->stop < 0 ? errno : 0;
  if (problem == 0 && state_->settings.bell >= 0) {
    state_->listener = listen_to(state_->settings.bell);
    if (state_->listener < 0) problem = errno;
    if (problem == 0) take_ring(state_->listener);  // of before
  }
  state_->prepare();
  if (problem == 0) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the new thread
    pthread_attr_t attributes;
    problem = pthread_attr_init(&attributes);
    if (problem == 0) {
      pthread_attr_setstacksize(&attributes, kStackBytes);  // whatever ulimit -s says
      problem = pthread_create(&state_->thread, &attributes, &State::main, state_.get());
      pthread_attr_destroy(&attributes);
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  if (problem == 0) return;
  state_->close_descriptors();
  throw Error(ExitCode::environment,
              fmt::format("the thread that watches over the run could not be started: {}; check ulimit -u "
                          "(RLIMIT_NPROC), pids.max of the cgroup and ulimit -n, or set SKEIN_RANKS lower",
                          std::generic_category().message(problem)));
}

WatchThread::~WatchThread() {
  const std::uint64_t one = 1;
  while (write(state_->stop, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  pthread_join(state_->thread, nullptr);
  state_->close_descriptors();
}

}  // namespace skein
