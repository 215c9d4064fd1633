// SPDX-License-Identifier: Apache-2.0
#include "skein/team/member.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <utility>

namespace skein {

void keep_for_ever(std::shared_ptr<const void> object) {
  struct Kept {
    std::shared_ptr<const void> object;
    Kept* next;
  };
  static std::atomic<Kept*> all{nullptr};
  auto* kept = new (std::nothrow) Kept{std::move(object), nullptr};
  if (kept != nullptr) kept->next = all.exchange(kept, std::memory_order_relaxed);  // nobody follows the list
}

namespace {

/// Between hosts, the root folds for all.
int most_folds_of_lane(const RankMap& map) {
  if (map.hosts() > 1) return 1;
  const auto fewer = [](const LaneRanks& left, const LaneRanks& right) { return left.count() < right.count(); };
  return std::ranges::max(map.lanes(), fewer).count();
}

}  // namespace

Member::Member(RankContext& context)
    : Member(context, {}, context.lane().first_side(), context.rank(), TeamName{0}, Strand::calls) {}

Member::Member(RankContext& context, HeapHandle block, std::shared_ptr<TeamSide> side, int rank, TeamName name,
               Strand strand)
    : context_(&context),
      rank_(rank),
      size_(side->board().map().size()),
      name_(name),
      exchange_(side->board().channels(strand), side->board().stations(), side->board().map().seat_of(rank),
                context.waiter(), context.host().bells(), context.lane().settings().first_episode, side->crew(strand),
                side->others(strand), side->board().map().hosts() > 1),
      strand_(strand),
      gives_way_((context.lane().is_shared() && side->crew(strand) == nullptr) || context.lane().is_leader()),
      folds_of_lane_(most_folds_of_lane(side->board().map())),
      spans_hosts_(side->board().map().hosts() > 1),
      block_(std::move(block)),
      side_(std::move(side)) {}

// What belongs to another thread, or to the parent of a fork, stays.
Member::~Member() {
  if (name_ == 0 || strand_ != Strand::calls) return;
  const bool is_others = context_->is_inside_run() && !context_->is_its_turn();
  if (is_others && !context_->is_in_child()) {
    context_->host().failure().fail(
        {context_->rank(), ExitCode::parallel,
         fmt::format("a team{} of rank {} was destroyed by another rank or thread; each rank lets its own go",
                     of_team(name_), context_->rank())});
    context_->refuse_calls();  // or it might find its peers in each of them, and leave as if nothing had happened
  }
  if (is_others || context_->is_in_child()) {
    keep_for_ever(std::move(side_));
    block_.release();
  }
}

const std::byte* Member::posted_on_hosts(int rank, std::size_t bytes) const {
  if (map().is_here(rank)) return exchange_.payload(map().seat_of(rank), exchange_.arrived(), bytes);
  return exchange_.remote_payload(rank, bytes);
}

std::string Member::who() const {
  const std::string own = fmt::format("rank {} of {}", rank_, size_);
  return name_ == 0 ? own : fmt::format("{}{} (rank {} of the run)", own, of_team(name_), context_->rank());
}

int Member::rank_on_main_lane() const {
  const RankMap& run = context_->host().map();
  const int main_lane = run.lane_of(run.first_of(context_->host().process()));
  for (int lane = 0; lane < static_cast<int>(map().lanes().size()); ++lane) {
    if (map().run_lane(lane) == main_lane) return map().lanes()[static_cast<std::size_t>(lane)].first();
  }
  return -1;
}

void Member::reject(const Call& call, std::string_view rule) const {
  Call named = call;
  if (strand_ == Strand::operations) named.operation = nonblocking(call.operation);
  throw Error(ExitCode::parallel, fmt::format("{}: {}: {}", who(), describe(named), rule));
}

void Member::reject_sent(std::size_t sent, std::size_t expected, int rank, const Call& call) const {
  reject(call, fmt::format("rank {} sends {} values to rank {}, which expects {}", rank, sent, rank_, expected));
}

void Member::throw_failed(Progress progress) {
  context_->must_leave();
  if (progress != Progress::mismatched) context_->throw_aborted();
  const int seat = exchange_.mismatched_seat();
  const int host = seat >= 0 ? map().own_host() : exchange_.mismatched_host();
  const int first = map().run_rank(seat >= 0 ? map().rank_at(seat) : map().ranks_of_host(host).front());
  const std::string other = seat >= 0 ? fmt::format("rank {}", first)
                                      : fmt::format("host {}, whose first is rank {}", map().run_host(host), first);
  const bool is_call = strand_ == Strand::calls;
  const CallId failed{name_, is_call ? read_entry(context_->roll_call_line()).value_or(RollCallEntry()).episode : 0};
  const Host& here = context_->host();
  const auto have_others_come = [&] {
    return std::ranges::all_of(map().ranks_of_host(map().own_host()), [&](int rank) {
      return here.has_come_to(here.map().seat_of(map().run_rank(rank)), failed);
    });
  };
  if (is_call)
    context_->wait_for_calls(have_others_come, kLeaveGrace, [&] { return context_->host().abort().is_set(); });
  Failure failure = context_->failure_here(
      ExitCode::parallel,
      fmt::format("mismatched {}collectives{}: rank {} and {} have made different calls; all ranks must make the same "
                  "calls in the same order, with equal root, operator, element size and count, also of each part\n{}",
                  is_call ? "" : "non-blocking ", of_team(name_), context_->rank(), other,
                  here.describe_calls(failed)));
  failure.lists_calls = true;
  failure.call = failed;
  context_->fail(failure);
  context_->throw_aborted();
}

void Member::look_at_caller(const Call& call) {
  if (context_->is_its_thread() && context_->accepts_calls() && !context_->is_in_child()) {
    RankLane& lane = context_->lane();
    if (lane.runs(context_->rank())) return lane.turns()->shake();
    if (lane.turns()->running() < lane.carried().count())
      reject(call,
             fmt::format("called by rank {}, which is carried by the same thread; a rank may use its own team only",
                         lane.carried().first() + lane.turns()->running()));
  }
  refuse_call(call);
}

void Member::refuse_call(const Call& call) {
  if (context_->is_in_child()) context_->throw_must_leave(call);
  if (!context_->is_inside_run()) {
    reject(call, "called outside of a run; a rank may use its team until the function that it runs returns");
  }
  if (!context_->is_its_thread()) {
    reject(call, "called by a thread that does not carry the rank; only the one that runs the rank's function may");
  }
  if (!context_->is_leaving() && !context_->host().abort().is_set()) {
    reject(call, "called inside another collective of the rank, by an operator or the function of per_process or once");
  }
  if (call.where.line() != 0) note(call, exchange_.arrived() + 1);
  context_->throw_must_leave(call);
}

}  // namespace skein
