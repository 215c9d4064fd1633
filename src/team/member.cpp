// SPDX-License-Identifier: Apache-2.0
#include "skein/team/member.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <span>
#include <utility>

#include "skein/base/report.hpp"
#include "skein/machine/process_id.hpp"

namespace skein {
namespace {

/// How long a rank that has been released may take to its next call, if it does not compute.
constexpr std::chrono::nanoseconds kOnTheWay = std::chrono::milliseconds(500);

// Ranks that are on their way shall be in a report with the call that they come to. Who computes for longer is reported as what
// it is.
template <class Stop>
void wait_for_calls(std::span<RollCallLine<StdAtomics>> lines, Episode episode, const Waiter<StdAtomics>& waiter,
                    std::chrono::nanoseconds longest, Stop stop) {
  const std::int64_t end_ns = StdAtomics::now_ns() + longest.count();
  for (const RollCallLine<StdAtomics>& line : lines) {
    while (line.episode.load(std::memory_order_acquire) < episode && !stop() && StdAtomics::now_ns() < end_ns) {
      waiter.idle();
      StdAtomics::yield();
    }
  }
}

}  // namespace

Member::Member(Host& host, int rank, TeamLane& lane)
    : lane_(&lane),
      host_(&host),
      rank_(rank),
      size_(host.map().size()),
      roll_call_(roll_call_line()),
      exchange_(host.channels(), host.stations(), host.map().seat_of(rank), waiter_, host.bells(),
                lane.settings().first_episode, lane.crew(), lane.others(), host.map().hosts() > 1),
      waiter_(lane.waiter_of(rank)),
      readers_(host.own_flags(), rank - host.map().first_of(host.process()), host.abort()),
      spans_hosts_(host.map().hosts() > 1) {}

RollCallLine<StdAtomics>& Member::roll_call_line() const {
  return host_->roll_call()[static_cast<std::size_t>(host_->map().seat_of(rank_))];
}

const std::byte* Member::posted_on_hosts(int rank) const {
  const RankMap& map = host_->map();
  if (map.is_here(rank)) return exchange_.payload(map.seat_of(rank), exchange_.arrived());
  return exchange_.remote_payload(rank);
}

void Member::complete_barriers(Episode episode) {
  const Progress progress = exchange_.wait(episode);
  if (progress != Progress::complete) throw_failed(progress);
}

std::byte* Member::scratch(std::size_t bytes) {
  constexpr std::size_t kAlignment = 64;
  if (scratch_.size() < bytes + kAlignment) {
    scratch_ = {};  // not copied
    scratch_.resize(std::max(bytes + kAlignment, kKeptScratch));
  }
  void* begin = scratch_.data();
  std::size_t room = scratch_.size();
  return static_cast<std::byte*>(std::align(kAlignment, bytes, begin, room));
}

void Member::reject(const Call& call, std::string_view rule) const {
  throw Error(ExitCode::parallel, fmt::format("rank {} of {}: {}: {}", rank_, size_, describe(call), rule));
}

void Member::reject_sent(std::size_t sent, std::size_t expected, int rank, const Call& call) const {
  reject(call, fmt::format("rank {} sends {} values to rank {}, which expects {}", rank, sent, rank_, expected));
}

void Member::check_fp_environment(const Call& call) {
  if (call.operation == Operation::leave) return;  // the lane reports what is left behind
  const FpEnvironment now = FpEnvironment::capture();
  if (now == fp_entered_ || std::exchange(has_warned_of_fp_, true)) return;
  write_report(fmt::format("skein: rank {} enters {} with {}; it began the run with {}\n", rank_, describe(call),
                           now.unlike(fp_entered_), fp_entered_.unlike(now)));
}

void Member::check_mutexes(const Call& call) {
  const int held = held_mutexes - mutexes_before_run_;
  if (held <= 0 || call.operation == Operation::ibarrier || host_->map().ranks_of(process()) == 1) return;
  if (!lane_->begin_warning_of_mutexes()) return;
  const std::string what = call.operation == Operation::leave ? "leaves its function" : "enters " + describe(call);
  const std::string mutexes = held == 1 ? "a mutex" : fmt::format("{} mutexes", held);
  write_report(fmt::format(
      "skein: rank {} {} while it holds {}; a rank that waits for {} blocks its thread, and both may wait for ever: "
      "unlock before\n",
      rank_, what, mutexes, held == 1 ? "it" : "one of them"));
}

void Member::must_leave() {
  must_leave_ = true;
  refuse_calls();
}

void Member::throw_failed(Progress progress) {
  must_leave();
  if (progress == Progress::mismatched) {
    has_recorded_ = true;
    const int seat = exchange_.mismatched_seat();
    const RankMap& map = host_->map();
    const std::string other = seat >= 0 ? fmt::format("rank {}", map.rank_at(seat))
                                        : fmt::format("host {}, whose first is rank {}", exchange_.mismatched_host(),
                                                      map.ranks_of_host(exchange_.mismatched_host()).front());
    const Episode failed = read_entry(roll_call_line()).value_or(RollCallEntry()).episode;
    give_others_time(failed);
    Failure failure = failure_here(
        ExitCode::parallel,
        fmt::format(
            "mismatched collectives: rank {} and {} have made different calls; all ranks must make the same calls "
            "in the same order, with equal root, operator, element size and count, also of each part\n{}",
            rank_, other, host_->describe_calls(failed)));
    failure.lists_calls = true;
    host_->failure().fail(failure);
    while (!host_->abort().is_set()) StdAtomics::yield();
  }
  throw_aborted();
}

void Member::give_others_time(Episode episode) const {
  wait_for_calls(host_->roll_call(), episode, waiter_, kLeaveGrace, [this] { return host_->abort().is_set(); });
}

void Member::throw_aborted() const {
  const Failure first = host_->failure().first();
  throw TeamAborted(describe(first), first.code);
}

void Member::look_at_caller(const Call& call) {
  const std::uintptr_t thread = thread_.load(std::memory_order_relaxed);
  if (thread == this_thread() && accepts_calls() && !is_in_child_) {
    if (lane_->runs(rank_)) return lane_->turns()->shake();
    reject(call, fmt::format("called by rank {}, which is carried by the same thread; a rank may use its own team only",
                             lane_->carried().first + lane_->turns()->running()));
  }
  refuse_call(call);
}

void Member::refuse_call(const Call& call) {
  if (is_in_child_) {
    throw Error(
        ExitCode::parallel,
        fmt::format("{} was called in the child of a fork (pid {}), where only the forking thread of rank {} exists: "
                    "a child may call exec or _exit, and no part of Skein",
                    describe(call), getpid(), rank_));
  }
  const std::uintptr_t thread = thread_.load(std::memory_order_relaxed);
  if (thread == kNobody) {
    reject(call, "called outside of a run; a rank may use its team until the function that it runs returns");
  }
  if (thread != this_thread()) {
    reject(call, "called by a thread that does not carry the rank; only the one that runs the rank's function may");
  }
  if (!must_leave_) {
    reject(call, "called inside another collective of the rank, by an operator or the function of per_process or once");
  }
  if (call.where.line() != 0) roll_call_.enter(call, exchange_.arrived() + 1);
  if (host_->abort().is_set()) throw_aborted();
  throw Error(ExitCode::parallel, fmt::format("a request was destroyed before its completion on rank {}", rank_));
}

// One failure is recorded once, however many layers of this rank it passes.
void Member::record_current_exception() {
  if (std::exchange(has_recorded_, true)) return;
  try {
    record(std::current_exception());
  } catch (...) {
    host_->failure().fail({rank_, ExitCode::parallel, "out of memory"});  // short enough to need none
  }
}

void Member::record(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const TeamAborted& error) {
    // Another failure is recorded, unless the program made this one up.
    if (!host_->failure().has_begun()) host_->failure().fail(failure_here(error.code(), error.what()));
  } catch (const Error& error) {
    host_->failure().fail(failure_here(error.code(), error.what()));
  } catch (const std::exception& error) {
    host_->failure().fail(failure_here(ExitCode::parallel, error.what()));
  } catch (...) {
    host_->failure().fail(failure_here(ExitCode::parallel, "an exception that is not a std::exception"));
  }
}

// Another rank may have claimed the record and be about to set the abort word: the flags mean something only after that.
void Member::leave_by_exception() {
  if (is_in_child_) throw;  // what it would touch is the parent's
  record_current_exception();
  while (!host_->abort().is_set()) StdAtomics::yield();
  must_leave();
  if (lane_->others() != nullptr) {
    const Failure first = host_->failure().first();
    if (first.lists_calls && first.host != Failure::kThisHost) {  // that host is told what the ranks here have called
      const Episode own = read_entry(roll_call_line()).value_or(RollCallEntry()).episode;
      wait_for_calls(host_->roll_call(), own, waiter_, kOnTheWay, [] { return false; });
    }
    host_->tell_failure();
  }
  while (!readers_.wait_until_quiet(kLeaveGrace)) host_->give_up();
}

// Its rank has arrived, so nobody waits for it; but the program has lost track. While an exception is in flight the
// program is being left anyway, and the exception will be the message.
void Member::drop_request() {
  must_leave();
  if (std::uncaught_exceptions() > 0) return;
  has_recorded_ = true;
  host_->failure().fail(failure_here(ExitCode::parallel, "a request was destroyed before its completion"));
}

Failure Member::failure_here(ExitCode code, const std::string& message) const {
  const RollCallEntry last = read_entry(roll_call_line()).value_or(RollCallEntry());
  const std::string call = last.operation == Operation::none ? "it had made no Skein call yet"
                           : last.operation == Operation::leave
                               ? "it had left the function that it runs"
                               : fmt::format("its last Skein call was {} at {}:{}", operation_name(last.operation),
                                             last.file.view(), last.line);
  return {rank_, code,
          fmt::format("{}\n  rank {} of {}, process {} of {}, host {}, pid {}; {}", message, rank_, size_, process(),
                      processes(), host_name(), getpid(), call)};
}

}  // namespace skein
