// SPDX-License-Identifier: Apache-2.0
//
// A thread beside the lanes that looks after them: it sleeps until a descriptor can be read or the interval is over. No
// signal is delivered to it, and it runs on the CPUs that the process was given, whatever its lanes are pinned to.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace skein {

class WatchThread {
 public:
  struct Settings {
    std::vector<int> cpus;              ///< where it may run; empty: where the caller may
    std::chrono::nanoseconds interval;  ///< between two looks
    int bell = -1;                      ///< an eventfd that is written to, and not read; negative: none
    std::vector<int> once;              ///< descriptors that become readable once, such as pidfds; not owned
  };

  /// What has happened since the last look.
  struct Seen {
    bool bell = false;
    std::vector<int> readable;  ///< of Settings::once
  };

  /// Calls look() on the new thread until destruction. Throws Error(environment) when the thread cannot start.
  WatchThread(Settings settings, std::function<void(const Seen&)> look);

  /// Joins: returns after the current look, if there is one.
  ~WatchThread();
  WatchThread(const WatchThread&) = delete;
  WatchThread& operator=(const WatchThread&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace skein
