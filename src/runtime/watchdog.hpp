// SPDX-License-Identifier: Apache-2.0
//
// Looks after a run from a thread of its own, one in each process, four times a second or more often.
//
// Ended     a process of the host that ends in the middle of a run: the run fails at once, and says which.
// Stall     all ranks have waited for longer than allowed, or wait for each other: the run fails. Some wait that long, others
//           do not: a warning, again after twice the time. Judged by the first process of each host; where the run spans
//           hosts, a host whose ranks all wait tells host 0, which ends the run when all of them do.
// Overdue   a rank that does not come to a Skein call after a failure keeps the others of its lane, and so its process; where
//           these cannot end it, this thread does.
// Held      nothing is judged, and no time counts, while a process of the host is stopped or traced, or when this thread
//           itself was late.
// SIGUSR2   prints the roll-call of the host (every Runtime of the process its own), unless the program had a handler of its own
//           before the first run.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "skein/lane/watch_thread.hpp"
#include "skein/machine/process_id.hpp"
#include "skein/team/host.hpp"
#include "skein/team/stall.hpp"

namespace skein {

class Watchdog {
 public:
  struct Settings {
    std::vector<int> cpus;                        ///< that this process may use
    std::chrono::nanoseconds stall;               ///< kForever: no stall is judged
    std::string report_file;                      ///< empty: none
    std::vector<ProcessId> process_ids;           ///< of all processes
    std::function<bool()> has_ranks_inside = {};  ///< whether ranks of this process are in a run
  };

  /// `host` outlives the watchdog. Throws Error(environment) when its thread cannot start.
  Watchdog(Host& host, Settings settings);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  struct Peer {
    int process = 0;
    ProcessId id;
    int descriptor = -1;
    bool has_ended = false;
    bool is_declared = false;  ///< to have ended in the middle of the run
  };

  void look(const WatchThread::Seen& seen);
  using Verdict = StallJudge<StdAtomics>::Verdict;

  void close_descriptors();
  void look_for_ended(const std::vector<int>& readable);
  bool is_needed(const Peer& peer) const;
  void look_for_stall(std::chrono::nanoseconds passed);
  void warn_of_stop(std::chrono::nanoseconds passed);
  void act_on(Verdict verdict);
  void say(const std::string& what) const;
  void look_for_held(bool looks);
  std::string ranks_of(int process) const;
  std::string roll_call() const;
  std::string where() const;

  Host& host_;
  Settings settings_;
  std::vector<Peer> peers_;
  StallJudge<StdAtomics> judge_;
  std::chrono::nanoseconds interval_;
  std::int64_t last_look_ns_;
  std::chrono::nanoseconds failed_for_{};
  bool is_traced_ = false;
  std::vector<int> stopped_;  ///< processes
  std::chrono::nanoseconds stopped_for_{};
  bool has_warned_of_stop_ = false;
  std::unique_ptr<WatchThread> thread_;
};

}  // namespace skein
