// SPDX-License-Identifier: Apache-2.0
#include "skein/team/rank_lane.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "skein/base/report.hpp"
#include "skein/lane/fibers.hpp"
#include "skein/machine/machine.hpp"
#include "skein/machine/process_id.hpp"

namespace skein {
namespace {

constinit thread_local RankLane* of_thread = nullptr;

}  // namespace

RankLane::RankLane(Host& host, int lane, const RunSettings& settings)
    : host_(host),
      lane_(lane),
      first_(host.map().lanes()[static_cast<std::size_t>(lane)].first()),
      carried_(host.map().lanes()[static_cast<std::size_t>(lane)]),
      settings_(settings),
      locals_(static_cast<std::size_t>(carried_.count())) {
  if (is_shared()) make_turns();
  first_side_ = std::make_shared<TeamSide>(host, *this);
}

void RankLane::make_turns() {
  Turns<StdAtomics>::Settings turns{.notices = {}, .seed = settings_.seed, .on_deadlock = {}};
  for (const int rank : carried_) turns.notices.push_back(&roll_call_line(rank).wait);
  // Nobody else could free them.
  if (carried_.count() == host_.map().size()) turns.on_deadlock = [this] { report_deadlock(); };
  const Turns<StdAtomics>::Switch to_fiber{
      .to = [](void* lane, int number) { static_cast<RankLane*>(lane)->switch_to(number); }, .context = this};
  turns_.emplace(carried_.count(), lane_waiter(), to_fiber, std::move(turns));
}

// A rank alone is on the thread's own stack, which comes before all fibers.
void RankLane::switch_to(int number) {
  if (is_shared()) {
    Fibers::switch_to(number);
  } else {
    own_fibers_->go_on_with(number + Fibers::kOwnStack);
  }
}

RankLane::Helper& RankLane::take_helper() {
  if (!resting_.empty()) {
    Helper& helper = *resting_.back();
    resting_.pop_back();
    return helper;
  }
  if (!is_shared() && !own_fibers_) own_fibers_.emplace().adopt_thread();
  Fibers& fibers = own_fibers_ ? *own_fibers_ : *Fibers::of_thread();
  resting_.reserve(helpers_.size() + 1);
  Helper& made = helpers_.emplace_back(Helper{.lane = this});
  made.number = turns_->add_helper();
  if (fibers.add(settings_.stack_bytes, &RankLane::serve, &made) < 0) {
    turns_->take_back_helper();
    helpers_.pop_back();
    throw Error(
        ExitCode::environment,
        fmt::format("no memory for the stack of a non-blocking call; check ulimit -v and SKEIN_STACK ({} bytes)",
                    settings_.stack_bytes));
  }
  return made;
}

void RankLane::serve(void* helper) {
  auto& own = *static_cast<Helper*>(helper);
  while (true) {
    own.work(own.context);
    own.lane->turns_->rest();
  }
}

void RankLane::adopt_thread() { of_thread = this; }

void RankLane::leave_thread() {
  if (of_thread == this) of_thread = nullptr;
}

// Values of rank_locals may be teams and requests.
void RankLane::end() {
  leave_thread();
  locals_.clear();
  new_sides_.clear();
  first_side_.reset();
  own_fibers_.reset();
}

RankLocals* RankLane::locals_of_running_rank() {
  if (of_thread == nullptr) return nullptr;
  const int rank = of_thread->turns_ ? of_thread->turns_->running_owner() : 0;
  return rank < 0 ? nullptr : &of_thread->locals_[static_cast<std::size_t>(rank)];
}

// Kept until the last rank has come, though others may have let the team go by then: it opens its link to other hosts once.
std::shared_ptr<TeamSide> RankLane::side_of(int block, const std::function<std::shared_ptr<TeamSide>()>& make) {
  auto known = std::ranges::find_if(new_sides_, [&](const NewSide& one) { return one.side->block() == block; });
  if (known == new_sides_.end()) {
    std::shared_ptr<TeamSide> side = make();
    const int ranks = side->ranks_of_lane();
    known = new_sides_.insert(new_sides_.end(), {std::move(side), ranks});
  }
  std::shared_ptr<TeamSide> side = known->side;
  if (--known->ranks_to_come == 0) new_sides_.erase(known);
  return side;
}

RollCallLine<StdAtomics>& RankLane::roll_call_line(int rank) const {
  return host_.roll_call()[static_cast<std::size_t>(host_.map().seat_of(rank))];
}

// The leader of a host listens to the others while it waits.
Waiter<StdAtomics> RankLane::lane_waiter() {
  Idle idle;
  if (is_leader()) {
    idle = {[](void* host) { return static_cast<Host*>(host)->listen(); }, &host_};
  }
  Watch watch;
  if (settings_.cpu >= 0) {
    watch = {[](void* lane) { return static_cast<RankLane*>(lane)->has_lost_cpu(); }, this, settings_.crowded_budget};
  }
  WaitNotice<StdAtomics>* const notice = carried_.are_several() ? nullptr : &roll_call_line(carried_.first()).wait;
  return {host_.abort(), host_.bells(), lane_, settings_.budget, idle, watch, notice};
}

Waiter<StdAtomics> RankLane::waiter_of(int rank) {
  if (!is_shared()) return lane_waiter();
  return {host_.abort(), host_.bells(), lane_, settings_.budget, {}, {}, &roll_call_line(rank).wait, &*turns_};
}

Waiter<StdAtomics> RankLane::waiter_of_helpers() {
  if (!turns_) {
    make_turns();
    turns_->begin();
    turns_->next();
  }
  return {host_.abort(), host_.bells(), lane_, settings_.budget, {}, {}, nullptr, &*turns_};
}

// One lane that was moved is in the way of others, so all of the host change their ways.
bool RankLane::has_lost_cpu() {
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

void RankLane::report_deadlock() {
  if (host_.abort().is_set()) return;
  host_.failure().fail({.rank = -1,
                        .code = ExitCode::parallel,
                        .message = "deadlock: every rank waits for another\n" + host_.describe_calls({})});
}

}  // namespace skein
