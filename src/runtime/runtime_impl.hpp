// SPDX-License-Identifier: Apache-2.0
//
// What a Runtime and an Attachment are made of: the host, the ranks of this process, the lanes that carry them, and
// the way out of a run that failed.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "describe.hpp"
#include "process_ranks.hpp"
#include "skein/base/report.hpp"
#include "skein/lane/fibers.hpp"
#include "skein/lane/lanes.hpp"
#include "skein/runtime/runtime.hpp"
#include "skein/team/rank_runner.hpp"
#include "start.hpp"
#include "waiting_report.hpp"
#include "watchdog.hpp"

namespace skein {

/// What ranks have written to stdout comes before a report; but a rank that is stuck in stdio keeps nobody from reporting.
inline void flush_stdout() {
  if (ftrylockfile(stdout) != 0) return;
  std::fflush(stdout);
  funlockfile(stdout);
}

class Runtime::Impl {
 public:
  /// What carries the ranks: lanes, or the thread that calls, which stays where it is bound.
  enum class Carrier { lanes, caller };

  /// Throws StartFailed; it is told by `tell`, if there is one.
  Impl(const Options& options, std::optional<Communicator> comm, const World::Tell& tell,
       Carrier carrier = Carrier::lanes)
      : start_(start_up(options, comm, tell)) {
    const std::vector<int> not_pinned(start_.cpus.size(), kNotPinned);
    ranks_ = std::make_shared<ProcessRanks>(start_.host, carrier == Carrier::lanes ? start_.cpus : not_pinned,
                                            start_.settings);
    shares_ = ProcessRanks::share(ranks_);
    outcomes_.resize(static_cast<std::size_t>(host().map().ranks_of(process())));
    ranks_inside_.resize(ranks_->lanes().size());
    host().when_stuck([this] { exit_now(Caller::another); });
    if (start_.options.verbose == Verbosity::placement) write_report(placement_table(description()));
  }

  ~Impl() {
    if (is_in_child())
      end_child("the child of a fork destroyed the Runtime of its parent: it may call exec or _exit only");
    lanes_.reset();
    watchdog_.reset();
    ranks_->end();
    host().when_stuck({});
    if (may_finalize_) {
      if (start_.network) start_.network->close();
      start_.network.reset();
      start_.world->finalize();
    } else if (start_.network && !start_.network->is_at_rest()) {
      keep_for_ever(start_.host);  // what MPI still moves, it moves in the segment, which therefore stays
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// True when all ranks have left the run well. Throws StartFailed as the constructor does.
  bool run_ranks(const std::function<void(Team&)>& body, const World::Tell& tell) {
    if (is_running_)
      throw Error(ExitCode::parallel, "run was called by a rank of the same Runtime, which runs already");
    if (!lanes_) start_lanes(tell);
    is_running_ = true;
    departures_.expect(host().map().ranks_of(process()));
    for (std::size_t lane = 0; lane < ranks_inside_.size(); ++lane) {
      ranks_inside_[lane].value = ranks_->lanes()[lane]->carried().count();
    }
    lanes_->run([&](int rank) { run_rank(rank, body); });
    is_running_ = false;
    // Not by the abort word: other processes may be in the next run already, and fail there.
    if (!outcomes_.front().has_left) {
      ranks_->end_run();
      return false;
    }
    const bool is_first_here = process() == host().map().first_process_here();
    if (start_.options.report == Report::waiting && is_first_here) write_report(waiting_table(host()));
    return true;
  }

  /// Prints the report, once, on the host where it happened. `elsewhere` is what other hosts have to add.
  int report_failure(const std::string& elsewhere = {}) {
    const Failure failure = host().first_failure();
    if (failure.host == Failure::kThisHost && host().failure().claim_report()) {
      const int more = host().failure().further_failures();
      const std::string others = more > 0 ? fmt::format("  ranks that failed after it: {}\n", more) : "";
      flush_stdout();
      write_report(fmt::format("skein: {}\n{}{}", describe(failure), elsewhere, others), start_.options.report_file);
    }
    return static_cast<int>(failure.code);
  }

  enum class Saying { report, nothing };

  /// The hosts meet, and then the processes of each, so that the report is out before an exit makes the launcher kill the
  /// rest, and is the same failure's everywhere. If one does not come, MPI cannot be ended in good order; if that is
  /// another host, it may be stuck for good, and its launcher may not care, so all are ended. Returns the exit code.
  int end_failed_run(Saying saying) {
    if (std::exchange(has_met_, true)) return static_cast<int>(host().first_failure().code);
    const bool leads = host().network() != nullptr;
    const bool follows = host().map().hosts() > 1 && !leads;
    auto others = Host::OtherHosts::none;
    if (leads) others = host().meet_hosts() ? Host::OtherHosts::met : Host::OtherHosts::missed;
    // Who calls run_throwing hears of it by an exception, unless all are ended before.
    if (!follows && (saying == Saying::report || others == Host::OtherHosts::missed)) {
      report_failure(leads && host().first_failure().lists_calls ? host().calls_of_other_hosts() : "");
    }
    if (leads) {
      if (host().first_failure().host == Failure::kThisHost) {
        host().tell_reported();
      } else {
        host().wait_for_report();
      }
    }
    may_finalize_ = host().meet(others);
    const auto code = host().first_failure().code;
    if (saying == Saying::report && follows && !may_finalize_) report_failure();
    if (leads && !may_finalize_) world().abort(code);
    return static_cast<int>(code);
  }

  [[noreturn]] void rethrow_first() {
    const Failure failure = host().first_failure();
    const RankMap& map = host().map();
    if (failure.rank >= 0 && map.process_of(failure.rank) == process()) {
      const auto own = static_cast<std::size_t>(failure.rank - map.first_of(process()));
      const std::exception_ptr& original = outcomes_[own].failure;
      if (original != nullptr) std::rethrow_exception(original);
    }
    throw TeamAborted(describe(failure), failure.code);
  }

  /// Throws Error(environment).
  void start_watchdog() {
    watchdog_.emplace(host(), Watchdog::Settings{.cpus = start_.facts.allowed,
                                                 .stall = start_.options.stall,
                                                 .report_file = start_.options.report_file,
                                                 .process_ids = start_.process_ids,
                                                 .has_ranks_inside = [this] { return !departures_.are_all(); }});
  }

  Description description() const { return description_of(start_); }
  Team& first_team() { return *ranks_->rank(0, 0).team; }
  RankRunner first_runner() { return ranks_->rank(0, 0).runner(); }
  World& world() { return *start_.world; }
  Host& host() { return *start_.host; }
  int process() const { return start_.world->process(); }
  bool is_in_child() const { return ranks_->is_in_child(); }

 private:
  void start_lanes(const World::Tell& tell) {
    const auto start = [&] {
      LaneSettings settings{.stack_bytes = start_.options.stack_bytes,
                            .first_rank = host().map().first_of(process()),
                            .ranks = host().map().ranks_of(process()),
                            .rotas = {},
                            .warn = warn};
      for (const auto& lane : ranks_->lanes()) settings.rotas.push_back(lane.get());
      lanes_.emplace(start_.cpus, std::move(settings));
      start_watchdog();
    };
    const Verdict verdict = world().agree(start, tell);
    if (!verdict.is_ok()) {
      lanes_.reset();
      throw StartFailed(verdict.code, verdict.message);
    }
    if (!lanes_->unpinned().empty()) {
      warn(fmt::format("process {}: lanes {} could not be pinned and run where the system puts them", process(),
                       fmt::join(lanes_->unpinned(), ",")));
      host().disturb();  // their ranks wait politely, and nobody says again that they have no CPU of their own
    }
  }

  /// `rank` counts within the process.
  void run_rank(int rank, const std::function<void(Team&)>& body) {
    const auto i = static_cast<std::size_t>(rank);
    const RankMap& map = host().map();
    const int first = map.first_of(process());
    const int lane = map.lane_of(first + rank) - map.lane_of(first);
    const int first_of_lane = ranks_->lanes()[static_cast<std::size_t>(lane)]->carried().first();
    outcomes_[i] = ranks_->rank(lane, first + rank - first_of_lane).runner().run(body);
    departures_.depart();
    if (--ranks_inside_[static_cast<std::size_t>(lane)].value > 0) return;
    // A rank that computes on without a Skein call must not keep the process alive.
    if (!outcomes_[i].has_left && !departures_.wait_for_all()) {
      exit_now(lane == 0 ? Caller::main_lane : Caller::another);
    }
  }

  enum class Caller { main_lane, another };

  // Several ranks may find out at once; the process arrives at the meeting once. Only the main lane may call MPI.
  [[noreturn]] void exit_now(Caller caller) {
    while (!departures_.claim_exit()) pause();
    const int code = report_failure();
    const bool may_call_mpi = caller == Caller::main_lane && host().network() != nullptr;
    if (host().first_failure().host != Failure::kThisHost) {  // an exit might end the host that is about to report
      if (may_call_mpi) {
        host().wait_for_report();
      } else {
        host().leave_time_for_report();
      }
    }
    host().miss_meeting();
    if (may_call_mpi) on_own_stack([&] { world().abort(static_cast<ExitCode>(code)); });
    std::_Exit(code);
  }

  Start start_;
  std::shared_ptr<ProcessRanks> ranks_;
  std::vector<std::shared_ptr<RankContext>> shares_;
  std::vector<Padded<int>> ranks_inside_;  ///< of each lane: ranks that have not come out of the run
  std::vector<RankRunner::Outcome> outcomes_;
  std::optional<Lanes> lanes_;
  std::optional<Watchdog> watchdog_;
  bool is_running_ = false;  ///< written by the main thread while there are no ranks
  Departures departures_;
  bool has_met_ = false;
  bool may_finalize_ = true;
};

}  // namespace skein
