// SPDX-License-Identifier: Apache-2.0
#include "skein/team/rank_runner.hpp"

#include <sched.h>

namespace skein {

RankRunner::Outcome RankRunner::run(const std::function<void(Team&)>& body) noexcept {
  RankAccount& account = team_.host_->accounts()[static_cast<std::size_t>(team_.host_->map().seat_of(team_.rank()))];
  const std::int64_t waited_before_ns = team_.waiter_.waited_ns();
  const std::int64_t start_ns = StdAtomics::now_ns();
  try {
    begin();
    body(team_);
    account = {.waited_ns = team_.waiter_.waited_ns() - waited_before_ns,
               .run_ns = StdAtomics::now_ns() - start_ns,
               .cpu = sched_getcpu()};
    leave();
    return {.has_left = true, .failure = nullptr};
  } catch (const TeamAborted&) {
    team_.leave_by_exception();
    return {};
  } catch (...) {
    team_.leave_by_exception();
    return {.has_left = false, .failure = std::current_exception()};
  }
}

void RankRunner::begin() {
  if (team_.host_->abort().is_set()) team_.throw_aborted();
  team_.roll_call_.begin_run();
  team_.fp_entered_ = FpEnvironment::capture();
  team_.has_warned_of_fp_ = false;
}

void RankRunner::fail(const std::string& message) noexcept {
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
  team_.exchange(signature(call), nullptr, 0, Team::kNoContent, Team::kNothing, nullptr, 0);
  team_.roll_call_.end_run();
}

void Departures::expect(int ranks) {
  expected_ = ranks;
  departed_.store(0, std::memory_order_relaxed);
}

void Departures::depart() { departed_.fetch_add(1, std::memory_order_acq_rel); }

bool Departures::wait_for_all() const {
  const std::int64_t end_ns = StdAtomics::now_ns() + kLeaveGrace.count();
  while (departed_.load(std::memory_order_acquire) < expected_) {
    if (StdAtomics::now_ns() > end_ns) return false;
    StdAtomics::yield();
  }
  return true;
}

}  // namespace skein
