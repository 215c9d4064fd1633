// SPDX-License-Identifier: Apache-2.0
//
// One lane and the ranks of the run that it carries: how they take turns, how they wait, and their sides of their teams.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "skein/lane/fibers.hpp"
#include "skein/lane/lanes.hpp"
#include "skein/team/rank_local.hpp"
#include "skein/team/team_side.hpp"

namespace skein {

/// How a run goes; the same for all its ranks of a host, but `cpu`.
struct RunSettings {
  WaitBudget budget;
  WaitBudget crowded_budget;          ///< for a rank that has lost its CPU
  int cpu = -1;                       ///< that the rank's lane is pinned to; negative for none
  Episode first_episode = 1;          ///< of every team
  std::optional<std::uint64_t> seed;  ///< of the order in which the ranks of a lane run
  std::size_t stack_bytes = kDefaultStackBytes;
};

class alignas(kApart) RankLane final : public Rota {  // its ranks write to it in every call
 public:
  /// Lane `lane` of the host, which is of this process. `host` outlives it.
  RankLane(Host& host, int lane, const RunSettings& settings);
  RankLane(const RankLane&) = delete;
  RankLane& operator=(const RankLane&) = delete;

  int number() const { return lane_; }

  /// Whether it speaks to other hosts.
  bool is_leader() const { return lane_ == kLeaderLane && host_.network() != nullptr; }
  bool is_shared() const { return carried_.are_several(); }
  const LaneRanks& carried() const { return carried_; }
  const RunSettings& settings() const { return settings_; }

  /// How a rank of the lane waits.
  Waiter<StdAtomics> waiter_of(int rank);

  /// True once: a rank that holds a mutex makes it seem as if the next ones of its lane did.
  bool begin_warning_of_mutexes() { return !std::exchange(has_warned_of_mutexes_, true); }

  /// Null for a rank alone that has had no helper yet.
  Turns<StdAtomics>* turns() { return turns_ ? &*turns_ : nullptr; }

  /// A helper for a rank of the lane, until it is given back: give it work, and start it with Turns::start; it rests when that is
  /// done. Allocates the first time that so many are taken. Throws Error(environment) when there is no memory for its stack.
  struct Helper {
    int number = 0;  ///< among those that take turns
    void (*work)(void*) = nullptr;
    void* context = nullptr;
    RankLane* lane = nullptr;
  };
  Helper& take_helper();
  void give_back(Helper& resting) { resting_.push_back(&resting); }

  /// How helpers wait. From then on there are turns.
  Waiter<StdAtomics> waiter_of_helpers();

  /// The lane's side of the run's first team; null after end().
  const std::shared_ptr<TeamSide>& first_side() const { return first_side_; }

  /// That of the team whose board is that block: the first of its ranks here makes it for all of them, who ask once each.
  std::shared_ptr<TeamSide> side_of(int block, const std::function<std::shared_ptr<TeamSide>()>& make);

  /// Whether it is that rank itself that runs on the lane.
  bool runs(int rank) const { return !turns_ || turns_->running() == rank - first_; }

  /// The calling thread carries its ranks, until it is told otherwise.
  void adopt_thread();
  void leave_thread();

  /// After the last run, by the thread that ran it: the rank_locals end, and all that needs threads or the network.
  void end();

  /// Of the rank that runs on the calling thread; null when there is none.
  static RankLocals* locals_of_running_rank();

  void begin() override { turns_->begin(); }
  int next() override { return turns_->next(); }

 private:
  Waiter<StdAtomics> lane_waiter();
  void make_turns();
  void switch_to(int number);
  static void serve(void* helper);
  bool has_lost_cpu();
  void report_deadlock();
  RollCallLine<StdAtomics>& roll_call_line(int rank) const;

  Host& host_;
  int lane_;
  int first_;  ///< of the ranks that it carries
  LaneRanks carried_;
  RunSettings settings_;
  std::optional<Turns<StdAtomics>> turns_;
  std::optional<Fibers> own_fibers_;  ///< for the helpers of a rank alone
  std::deque<Helper> helpers_;        // a deque: they are referred to
  std::vector<Helper*> resting_;
  std::vector<RankLocals> locals_;  ///< of the ranks that it carries
  std::shared_ptr<TeamSide> first_side_;
  struct NewSide {
    std::shared_ptr<TeamSide> side;
    int ranks_to_come;
  };
  std::vector<NewSide> new_sides_;  ///< of other teams, until all their ranks here have asked
  bool has_warned_of_mutexes_ = false;
};

}  // namespace skein
