// SPDX-License-Identifier: Apache-2.0
#include "skein/team/team_lane.hpp"

#include <fmt/format.h>

#include "skein/base/report.hpp"
#include "skein/lane/fibers.hpp"
#include "skein/machine/machine.hpp"
#include "skein/machine/process_id.hpp"

namespace skein {
namespace {

constinit thread_local TeamLane* of_thread = nullptr;

}  // namespace

TeamLane::TeamLane(Host& host, int lane, const TeamSettings& settings)
    : host_(host),
      lane_(lane),
      carried_(host.map().lanes()[static_cast<std::size_t>(lane)]),
      settings_(settings),
      others_(host.network() != nullptr && lane == 0
                  ? std::make_unique<HostExchange>(*host.network(), host.map().size())
                  : nullptr),
      locals_(static_cast<std::size_t>(carried_.ranks)) {
  if (!is_shared()) return;
  Turns<StdAtomics>::Settings turns{.notices = {}, .seed = settings.seed, .on_deadlock = {}};
  for (int i = 0; i < carried_.ranks; ++i) turns.notices.push_back(&roll_call_line(carried_.first + i).wait);
  // Nobody else could free them.
  if (carried_.ranks == host.map().size()) turns.on_deadlock = [this] { report_deadlock(); };
  const Turns<StdAtomics>::Switch to_fiber{.to = [](void*, int fiber) { Fibers::switch_to(fiber); }};
  turns_.emplace(carried_.ranks, lane_waiter(), to_fiber, std::move(turns));
  crew_.emplace(*turns_);
}

TeamLane::~TeamLane() { leave_thread(); }

void TeamLane::adopt_thread() { of_thread = this; }

void TeamLane::leave_thread() {
  if (of_thread == this) of_thread = nullptr;
}

RankLocals* TeamLane::locals_of_running_rank() {
  if (of_thread == nullptr) return nullptr;
  const int rank = of_thread->is_shared() ? of_thread->turns_->running() : 0;
  return rank < 0 ? nullptr : &of_thread->locals_[static_cast<std::size_t>(rank)];
}

RollCallLine<StdAtomics>& TeamLane::roll_call_line(int rank) const {
  return host_.roll_call()[static_cast<std::size_t>(host_.map().seat_of(rank))];
}

// The leader of a host learns of failures elsewhere while it waits, and so must not sleep for long.
Waiter<StdAtomics> TeamLane::lane_waiter() {
  Idle idle;
  if (lane_ == 0 && host_.network() != nullptr) {
    constexpr std::chrono::milliseconds kListenEvery{10};
    idle = {[](void* host) { static_cast<Host*>(host)->hear_failure(); }, &host_, kListenEvery};
  }
  Watch watch;
  if (settings_.cpu >= 0) {
    watch = {[](void* lane) { return static_cast<TeamLane*>(lane)->has_lost_cpu(); }, this, settings_.crowded_budget};
  }
  WaitNotice<StdAtomics>* const notice = is_shared() ? nullptr : &roll_call_line(carried_.first).wait;
  return {host_.abort(), host_.bells(), lane_, settings_.budget, idle, watch, notice};
}

Waiter<StdAtomics> TeamLane::waiter_of(int rank) {
  if (!is_shared()) return lane_waiter();
  return {host_.abort(), host_.bells(), lane_, settings_.budget, {}, {}, &roll_call_line(rank).wait, &*turns_};
}

// One lane that was moved is in the way of others, so all of the host change their ways.
bool TeamLane::has_lost_cpu() {
  if (host_.is_disturbed()) return true;
  if (runs_only_on(settings_.cpu)) return false;
  if (host_.disturb()) {
    write_report(fmt::format(
        "skein: {} no longer has CPU {} to itself: its mask was changed while it runs (taskset -p, a cpuset); ranks of "
        "host {} now yield and sleep while they wait\n",
        describe(carried_), settings_.cpu, host_name()));
  }
  return true;
}

void TeamLane::report_deadlock() {
  if (host_.abort().is_set()) return;
  host_.failure().fail({.rank = -1,
                        .code = ExitCode::parallel,
                        .message = "deadlock: every rank waits for another\n" + host_.describe_calls(0)});
}

}  // namespace skein
