// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "skein/lane/watch_thread.hpp"

namespace {

using skein::WatchThread;
using namespace std::chrono_literals;

void ring(int bell) {
  const std::uint64_t one = 1;
  EXPECT_EQ(write(bell, &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
}

/// How often it has looked, and how often it had been rung for then.
struct Listener {
  explicit Listener(int bell)
      : thread({.cpus = {}, .interval = 1ms, .bell = bell, .once = {}}, [this](const auto& seen) {
          if (seen.bell) heard.fetch_add(1, std::memory_order_relaxed);
          looks.fetch_add(1, std::memory_order_release);  // after what it heard
        }) {}

  /// Waits until it has looked a few times more: what rang before has been seen then.
  void look() const {
    for (const int end = looks.load(std::memory_order_acquire) + 3; looks.load(std::memory_order_acquire) < end;)
      std::this_thread::yield();
  }

  std::atomic<int> looks{0};
  std::atomic<int> heard{0};
  WatchThread thread;
};

// Defect: of two Runtimes of a process, one answers SIGUSR2, or a signal is answered twice, or by a Runtime that came after it.
TEST(WatchThread, HearsEveryRingOnce) {
  const int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  ASSERT_GE(bell, 0);
  {
    Listener first(bell);
    Listener second(bell);
    for (int rings = 1; rings <= 3; ++rings) {
      ring(bell);
      Listener late(bell);
      for (const Listener* each : {&first, &second, &late}) each->look();
      EXPECT_EQ(first.heard.load(std::memory_order_relaxed), rings);
      EXPECT_EQ(second.heard.load(std::memory_order_relaxed), rings);
      EXPECT_EQ(late.heard.load(std::memory_order_relaxed), 0);
    }
  }
  close(bell);
}

}  // namespace
