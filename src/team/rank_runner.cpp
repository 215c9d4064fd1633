// SPDX-License-Identifier: Apache-2.0
#include "skein/team/rank_runner.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <cstdlib>
#include <string_view>

#include "skein/base/report.hpp"
#include "skein/sync/bounded_wait.hpp"

namespace skein {

// The lanes that it would wait for do not exist, and the segment is the parent's.
void end_child(std::string_view why) {
  write_report(fmt::format("skein: {}\n", why));
  std::_Exit(static_cast<int>(ExitCode::parallel));
}

RankRunner::Outcome RankRunner::run(const std::function<void(Team&)>& body) noexcept {
  RankAccount& account = team_.host_->accounts()[static_cast<std::size_t>(team_.host_->map().seat_of(team_.rank()))];
  const std::int64_t waited_before_ns = team_.waiter_.waited_ns();
  const std::int64_t start_ns = StdAtomics::now_ns();
  try {
    begin();
    body(team_);
    if (team_.is_in_child_) end_child("the child of a fork has returned from the function that the ranks run");
    account = {.waited_ns = team_.waiter_.waited_ns() - waited_before_ns,
               .run_ns = StdAtomics::now_ns() - start_ns,
               .cpu = sched_getcpu()};
    leave();
    return {.has_left = true, .failure = nullptr};
  } catch (const TeamAborted&) {
    if (team_.is_in_child_) end_child("a child of a fork saw the run fail");
    team_.leave_by_exception();
    let_go_of_thread();
    return {};
  } catch (const std::exception& error) {
    if (team_.is_in_child_) end_child(error.what());
    team_.leave_by_exception();
    let_go_of_thread();
    return {.has_left = false, .failure = std::current_exception()};
  } catch (...) {
    if (team_.is_in_child_) end_child("an exception left the child of a fork");
    team_.leave_by_exception();
    let_go_of_thread();
    return {.has_left = false, .failure = std::current_exception()};
  }
}

// A thread that carries several ranks is let go by none of them: between runs, none of them runs.
void RankRunner::let_go_of_thread() {
  if (!team_.lane_->is_shared()) team_.lane_->leave_thread();
}

void RankRunner::begin() {
  if (team_.is_in_child_) end_child("the child of a fork began a run");
  if (team_.host_->abort().is_set()) team_.throw_aborted();
  team_.thread_.store(this_thread(), std::memory_order_relaxed);
  team_.lane_->adopt_thread();
  const std::uintptr_t ask_lane = team_.lane_->settings().seed ? Team::kAskLaneAndShake : Team::kAskLane;
  team_.lane_caller_ = team_.lane_->is_shared() ? ask_lane : this_thread();
  team_.accept_calls();
  team_.roll_call_.begin_run();
  team_.fp_entered_ = FpEnvironment::capture();
  team_.has_warned_of_fp_ = false;
  team_.mutexes_before_run_ = held_mutexes;
}

void RankRunner::fail(const std::string& message) noexcept {
  if (team_.is_in_child_) end_child(message);
  try {
    if (team_.host_->abort().is_set()) team_.throw_aborted();
    throw Error(ExitCode::parallel, message);
  } catch (...) {
    team_.leave_by_exception();
  }
}

void RankRunner::leave() {
  const Call call{.operation = Operation::leave};
  team_.enter(call);
  team_.check_mutexes(call);
  team_.exchange(signature(call), nullptr, 0, Team::kNoContent, Team::kNothing, nullptr, 0);
  team_.thread_.store(Team::kNobody, std::memory_order_relaxed);
  team_.refuse_calls();
  let_go_of_thread();
  team_.roll_call_.end_run();
}

void Departures::expect(int ranks) {
  departed_.store(0, std::memory_order_relaxed);
  expected_.store(ranks, std::memory_order_relaxed);
}

void Departures::depart() { departed_.fetch_add(1, std::memory_order_acq_rel); }

bool Departures::are_all() const { return departed_.load(std::memory_order_acquire) >= expected_; }

bool Departures::wait_for_all() const {
  return wait_bounded<StdAtomics>([this] { return are_all(); }, kLeaveGrace);
}

}  // namespace skein
