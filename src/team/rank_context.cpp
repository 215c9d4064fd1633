// SPDX-License-Identifier: Apache-2.0
#include "skein/team/rank_context.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "skein/base/report.hpp"
#include "skein/lane/held_mutexes.hpp"
#include "skein/machine/process_id.hpp"

namespace skein {
namespace {

/// How long a rank that has been released may take to its next call, if it does not compute.
constexpr std::chrono::nanoseconds kOnTheWay = std::chrono::milliseconds(500);

}  // namespace

RankContext::RankContext(Host& host, int rank, RankLane& lane)
    : lane_(&lane),
      line_(&host.roll_call()[static_cast<std::size_t>(host.map().seat_of(rank))]),
      rank_(rank),
      roll_call_(*line_),
      host_(&host),
      waiter_(lane.waiter_of(rank)),
      readers_(host.own_flags(), rank - host.map().first_of(host.process()), host.abort()) {}

RankContext::RankContext(const RankContext& rank_itself, RollCallLine<StdAtomics>& line)
    : lane_(rank_itself.lane_),
      line_(&line),
      rank_(rank_itself.rank_),
      mark_(kNonblocking),
      roll_call_(line, kNonblocking),
      host_(rank_itself.host_),
      waiter_(lane_->waiter_of_helpers()),
      lane_caller_(this_thread()),
      readers_(rank_itself.readers_) {
  thread_.store(this_thread(), std::memory_order_relaxed);
  accept_calls();
}

std::int64_t RankContext::waited_ns() const {
  const Turns<StdAtomics>* turns = lane_->turns();
  return waiter_.waited_ns() + (turns == nullptr ? 0 : turns->waited_ns());
}

// A rank alone on its lane waits without looking for others until then.
void RankContext::begin_operation() {
  if (operations_++ > 0 || lane_->is_shared()) return;
  waiter_.share_with(lane_->turns());
  lane_caller_ = lane_->settings().seed ? kAskLaneAndShake : kAskLane;
  accept_calls();
}

void RankContext::end_operation() {
  if (--operations_ > 0 || lane_->is_shared()) return;
  waiter_.share_with(nullptr);
  if (!is_inside_run()) return;
  lane_caller_ = this_thread();
  if (!must_leave_) accept_calls();
}

void RankContext::require_no_operations() {
  if (at_work_ == 0) return;
  lose_track(fmt::format("the function that the rank runs returned before {} of its non-blocking calls were complete",
                         at_work_));
  throw_aborted();
}

// Once the run is aborted, every wait of the lane ends, this one too; so each round takes all of them a wait further. Of an
// operation, code of the program may come here, which cannot wait for it to end.
void RankContext::stop_operations() {
  if (at_work_ == 0 || is_in_operation()) return;
  while (at_work_ > 0) wait_for_operations();
  while (!readers_.wait_until_quiet(kLeaveGrace)) host_->give_up();
}

void RankContext::begin_run() {
  if (host_->abort().is_set()) throw_aborted();
  thread_.store(this_thread(), std::memory_order_relaxed);
  lane_->adopt_thread();
  const std::uintptr_t ask_lane = lane_->settings().seed ? kAskLaneAndShake : kAskLane;
  lane_caller_ = lane_->is_shared() || operations_ > 0 ? ask_lane : this_thread();
  accept_calls();
  roll_call_.begin_run();
  fp_entered_ = FpEnvironment::capture();
  has_warned_of_fp_ = false;
  mutexes_before_run_ = held_mutexes;
}

void RankContext::end_run() {
  thread_.store(kNobody, std::memory_order_relaxed);
  refuse_calls();
}

void RankContext::end() {
  end_run();
  has_ended_ = true;
  must_leave();
}

std::byte* RankContext::scratch(std::size_t bytes) {
  constexpr std::size_t kAlignment = 64;
  if (scratch_.size() < bytes + kAlignment) {
    scratch_.clear();  // not copied
    scratch_.resize(std::max(bytes + kAlignment, kKeptScratch));
  }
  void* begin = scratch_.data();
  std::size_t room = scratch_.size();
  return static_cast<std::byte*>(std::align(kAlignment, bytes, begin, room));
}

void RankContext::check_fp_environment(const Call& call) {
  if (call.operation == Operation::leave || is_of_operations()) return;  // the lane reports what is left behind
  const FpEnvironment now = FpEnvironment::capture();
  if (now == fp_entered_ || std::exchange(has_warned_of_fp_, true)) return;
  write_report(fmt::format("skein: rank {} enters {} with {}; it began the run with {}\n", rank_, describe(call),
                           now.unlike(fp_entered_), fp_entered_.unlike(now)));
}

void RankContext::check_mutexes(const Call& call) {
  const int held = held_mutexes - mutexes_before_run_;
  if (held <= 0 || call.operation == Operation::test || is_nonblocking(call.operation) || is_of_operations() ||
      host_->map().ranks_of(host_->process()) == 1)
    return;
  if (!lane_->begin_warning_of_mutexes()) return;
  const std::string what = call.operation == Operation::leave ? "leaves its function" : "enters " + describe(call);
  const std::string mutexes = held == 1 ? "a mutex" : fmt::format("{} mutexes", held);
  write_report(fmt::format(
      "skein: rank {} {} while it holds {}; a rank that waits for {} blocks its thread, and both may wait for ever: "
      "unlock before\n",
      rank_, what, mutexes, held == 1 ? "it" : "one of them"));
}

// Whose failure is not recorded yet is on its way to say what it was; operations do not wait for their own rank.
void RankContext::throw_aborted() {
  if (has_begun_) record(failure_here(ExitCode::parallel, "a request was destroyed before its completion"));
  if (!is_in_operation()) {
    stop_operations();
    wait_for_calls([&] { return host_->failure().is_recorded(); }, kLeaveGrace, [] { return false; });
  }
  const Failure first = host_->failure().first();
  throw TeamAborted(describe(first), first.code);
}

void RankContext::throw_must_leave(const Call& call) {
  if (is_in_child_) {
    throw Error(
        ExitCode::parallel,
        fmt::format("{} was called in the child of a fork (pid {}), where only the forking thread of rank {} exists: "
                    "a child may call exec or _exit, and no part of Skein",
                    describe(call), getpid(), rank_));
  }
  if (host_->abort().is_set()) throw_aborted();
  const std::string reason =
      has_ended_ ? "called outside of a run; a rank may complete its requests until the function that it runs returns"
                 : "a team was destroyed before its requests";
  throw Error(ExitCode::parallel, fmt::format("rank {}: {}: {}", rank_, describe(call), reason));
}

void RankContext::fail(const Failure& failure) {
  has_recorded_ = true;
  host_->failure().fail(failure);
  while (!host_->abort().is_set()) StdAtomics::yield();
}

// One failure is recorded once, however many layers of this rank it passes.
void RankContext::record_current_exception() {
  if (std::exchange(has_recorded_, true)) return;
  try {
    record(std::current_exception());
  } catch (...) {
    record(Failure{rank_, ExitCode::parallel, "out of memory"});  // short enough to need none
  }
}

void RankContext::record(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const TeamAborted& error) {
    // Another failure is recorded, unless the program made this one up.
    if (has_begun_ || !host_->failure().has_begun()) record(failure_here(error.code(), error.what()));
  } catch (const Error& error) {
    record(failure_here(error.code(), error.what()));
  } catch (const std::exception& error) {
    record(failure_here(ExitCode::parallel, error.what()));
  } catch (...) {
    record(failure_here(ExitCode::parallel, "an exception that is not a std::exception"));
  }
}

void RankContext::record(const Failure& failure) {
  if (std::exchange(has_begun_, false)) return host_->failure().complete(failure);
  host_->failure().fail(failure);
}

// Another rank may have claimed the record and be about to set the abort word: the flags mean something only after that.
void RankContext::leave_by_exception() {
  if (is_in_child_) throw;  // what it would touch is the parent's
  record_current_exception();
  while (!host_->abort().is_set()) StdAtomics::yield();
  must_leave();
  stop_operations();
  if (lane_->is_leader() && !is_of_operations()) {
    let_others_come();
    host_->tell_failure();
  }
  while (!readers_.wait_until_quiet(kLeaveGrace)) host_->give_up();
}

/// Of a failure elsewhere that lists calls, that host is told what the ranks here have called.
void RankContext::let_others_come() const {
  const Failure first = host_->failure().first();
  if (!first.lists_calls || first.host == Failure::kThisHost || first.call.team != 0) return;
  wait_for_calls([&] { return host_->have_all_come_to(first.call); }, kOnTheWay, [] { return false; });
}

void RankContext::lose_track(const std::string& message) {
  must_leave();
  if (!host_->failure().has_begun()) {
    if (std::uncaught_exceptions() > 0) {
      has_begun_ = host_->failure().begin();
    } else {
      has_recorded_ = true;
      host_->failure().fail(failure_here(ExitCode::parallel, message));
    }
  }
  while (!host_->abort().is_set()) StdAtomics::yield();
  stop_operations();
}

Failure RankContext::failure_here(ExitCode code, const std::string& message) const {
  const RollCallEntry last = read_entry(roll_call_line()).value_or(RollCallEntry());
  const std::string call = last.operation == Operation::none ? "it had made no Skein call yet"
                           : last.operation == Operation::leave
                               ? "it had left the function that it runs"
                               : fmt::format("its last Skein call was {} at {}:{}", operation_name(last.operation),
                                             last.file.view(), last.line);
  const RankMap& run = host_->map();
  return {rank_, code,
          fmt::format("{}\n  rank {} of {}, process {} of {}, host {}, pid {}; {}", message, rank_, run.size(),
                      host_->process(), run.processes(), host_name(), getpid(), call)};
}

}  // namespace skein
