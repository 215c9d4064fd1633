// SPDX-License-Identifier: Apache-2.0
//
// What the ranks of one lane share in a team: how they take turns, their side of the exchange, the way to other hosts. For a
// rank alone on its lane, only the last.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "skein/lane/lanes.hpp"
#include "skein/team/crew.hpp"
#include "skein/team/host.hpp"
#include "skein/team/rank_local.hpp"

namespace skein {

/// How a team runs; the same for all its ranks of a host, but `cpu`.
struct TeamSettings {
  WaitBudget budget;
  WaitBudget crowded_budget;  ///< for a rank that has lost its CPU
  int cpu = -1;               ///< that the rank's lane is pinned to; negative for none
  Episode first_episode = 1;
  std::optional<std::uint64_t> seed;  ///< of the order in which the ranks of a lane run
};

class TeamLane final : public Rota {
 public:
  /// Lane `lane` of the host, which is of this process. `host` outlives it.
  TeamLane(Host& host, int lane, const TeamSettings& settings);
  ~TeamLane();
  TeamLane(const TeamLane&) = delete;
  TeamLane& operator=(const TeamLane&) = delete;

  bool is_shared() const { return carried_.ranks > 1; }
  LaneRanks carried() const { return carried_; }
  const TeamSettings& settings() const { return settings_; }

  /// How a rank of the lane waits.
  Waiter<StdAtomics> waiter_of(int rank);

  /// True once: a rank that holds a mutex makes it seem as if the next ones of its lane did.
  bool begin_warning_of_mutexes() { return !std::exchange(has_warned_of_mutexes_, true); }

  /// Null for a rank alone.
  Crew<StdAtomics>* crew() { return crew_ ? &*crew_ : nullptr; }
  Turns<StdAtomics>* turns() { return turns_ ? &*turns_ : nullptr; }

  /// Null but on the lane that speaks to other hosts.
  HostExchange* others() { return others_.get(); }

  /// Whether it is that rank that runs on the lane.
  bool runs(int rank) const { return !is_shared() || turns_->running() == rank - carried_.first; }

  /// The calling thread carries its ranks, until it is told otherwise.
  void adopt_thread();
  void leave_thread();

  /// Of the rank that runs on the calling thread; null when there is none.
  static RankLocals* locals_of_running_rank();

  void begin() override { turns_->begin(); }
  int next() override { return turns_->next(); }

 private:
  Waiter<StdAtomics> lane_waiter();
  bool has_lost_cpu();
  void report_deadlock();
  RollCallLine<StdAtomics>& roll_call_line(int rank) const;

  Host& host_;
  int lane_;
  LaneRanks carried_;
  TeamSettings settings_;
  std::unique_ptr<HostExchange> others_;
  std::optional<Turns<StdAtomics>> turns_;
  std::optional<Crew<StdAtomics>> crew_;
  std::vector<RankLocals> locals_;  ///< of the ranks that it carries
  bool has_warned_of_mutexes_ = false;
};

}  // namespace skein
