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
  const Host& host = context_.host();
  RankAccount& account = host.accounts()[static_cast<std::size_t>(host.map().seat_of(context_.rank()))];
  const std::int64_t waited_before_ns = context_.waited_ns();
  const std::int64_t start_ns = StdAtomics::now_ns();
  try {
    begin();
    body(team_);
    if (context_.is_in_child()) end_child("the child of a fork has returned from the function that the ranks run");
    account = {.waited_ns = context_.waited_ns() - waited_before_ns,
               .run_ns = StdAtomics::now_ns() - start_ns,
               .cpu = sched_getcpu()};
    leave();
    return {.has_left = true, .failure = nullptr};
  } catch (const TeamAborted&) {
    if (context_.is_in_child()) end_child("a child of a fork saw the run fail");
    context_.leave_by_exception();
    let_go_of_thread();
    return {};
  } catch (const std::exception& error) {
    if (context_.is_in_child()) end_child(error.what());
    context_.leave_by_exception();
    let_go_of_thread();
    return {.has_left = false, .failure = std::current_exception()};
  } catch (...) {
    if (context_.is_in_child()) end_child("an exception left the child of a fork");
    context_.leave_by_exception();
    let_go_of_thread();
    return {.has_left = false, .failure = std::current_exception()};
  }
}

// A thread that carries several ranks is let go by none of them: between runs, none of them runs.
void RankRunner::let_go_of_thread() {
  if (!context_.lane().is_shared()) context_.lane().leave_thread();
}

void RankRunner::begin() {
  if (context_.is_in_child()) end_child("the child of a fork began a run");
  context_.begin_run();
}

void RankRunner::fail(const std::string& message) noexcept {
  if (context_.is_in_child()) end_child(message);
  try {
    if (context_.host().abort().is_set()) context_.throw_aborted();
    throw Error(ExitCode::parallel, message);
  } catch (...) {
    context_.leave_by_exception();
  }
}

void RankRunner::leave() {
  const Call call{.operation = Operation::leave};
  context_.require_no_operations();
  team_.enter(call);
  context_.check_mutexes(call);
  team_.exchange(signature(call), nullptr, 0, Team::kNoContent, Team::kNothing, nullptr, 0);
  context_.end_run();
  let_go_of_thread();
  context_.roll_call().end_run();
}

void Departures::expect(int ranks) {
  departed_.store(0, std::memory_order_relaxed);
  expected_.store(ranks, std::memory_order_relaxed);
}

void Departures::depart() { departed_.fetch_add(1, std::memory_order_relaxed); }

bool Departures::are_all() const {
  return departed_.load(std::memory_order_relaxed) >= expected_.load(std::memory_order_relaxed);
}

bool Departures::wait_for_all() const {
  return wait_bounded<StdAtomics>([this] { return are_all(); }, kLeaveGrace);
}

}  // namespace skein
