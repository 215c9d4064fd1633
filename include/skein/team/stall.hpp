// SPDX-License-Identifier: Apache-2.0
//
// Judges from the roll-call whether the ranks of a host still get anywhere.
//
// Stalled     all ranks have waited for as long as is allowed.
// Deadlocked  all ranks wait, each for a word that only another of them can write and that is short of what it waits for.
//             Found by looking twice: a rank that is in the same wait before and after the words were read was in it
//             meanwhile, so nobody was there to write them. Needs no time, and is never wrong.
// Ages        are sampled: the caller says how much time counts since the last look, so that it can leave out the time in
//             which a process was stopped.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "skein/team/line.hpp"
#include "skein/team/roll_call.hpp"

namespace skein {

/// Where each lane says that its ranks have arrived.
template <class Policy>
using LaneArrivals = std::vector<const Channel<Policy>*>;

/// The newest episode that all who post to these channels have posted.
template <class Policy>
Episode common_episode(const LaneArrivals<Policy>& arrivals) {
  Episode common = ~Episode{0};
  for (const Channel<Policy>* arrival : arrivals) {
    Episode newest = 0;
    for (const Line<Policy>& line : arrival->lines) {
      newest = std::max(newest, line.episode.load(std::memory_order_acquire));
    }
    common = std::min(common, newest);
  }
  return common;
}

/// Used by one thread, which looks again and again.
template <class Policy>
class StallJudge {
 public:
  enum class Verdict { fine, slow, stalled, deadlocked };

  /// What the ranks of one host share, by seat, and the arrivals of the run's first team; they are all of the run if
  /// `is_whole_team`, and wait for nobody else.
  StallJudge(std::span<RollCallLine<Policy>> lines, LaneArrivals<Policy> arrivals, bool is_whole_team,
             std::chrono::nanoseconds limit)
      : lines_(lines),
        arrivals_(std::move(arrivals)),
        is_whole_team_(is_whole_team),
        limit_ns_(limit.count()),
        seats_(lines.size()) {}

  /// slow: some rank has waited for the limit, or twice, four times as long, while others do not wait.
  Verdict look(std::chrono::nanoseconds counts) {
    sample(counts);
    bool all_wait = true;
    const std::int64_t longest_ns = longest_wait().count();
    std::int64_t shortest_ns = INT64_MAX;
    for (const RankStatus& seat : seats_) {
      if (!seat.call || !seat.call->waits()) {
        all_wait = false;
        continue;
      }
      shortest_ns = std::min(shortest_ns, seat.age_ns);
    }
    // Ranks elsewhere may compute; if they do not, host 0 finds out in about that time.
    if (longest_ns < limit_ns_) next_warning_ns_ = is_whole_team_ ? limit_ns_ : 2 * limit_ns_;
    have_all_waited_ = all_wait && shortest_ns >= limit_ns_;
    if (all_wait) {
      if (is_whole_team_ && nobody_can_go_on()) return Verdict::deadlocked;
      if (shortest_ns < (is_whole_team_ ? limit_ns_ : next_warning_ns_)) return Verdict::fine;
      next_warning_ns_ *= 2;
      return Verdict::stalled;
    }
    if (longest_ns < next_warning_ns_) return Verdict::fine;
    next_warning_ns_ *= 2;
    return Verdict::slow;
  }

  /// Whether at the last look all had waited for the limit.
  bool have_all_waited() const { return have_all_waited_; }

  /// Looks without a verdict.
  void sample(std::chrono::nanoseconds counts) {
    const Episode common = common_episode<Policy>(arrivals_);
    for (std::size_t i = 0; i < seats_.size(); ++i) {
      RankStatus& seat = seats_[i];
      const std::optional<RollCallEntry> now = read_entry(lines_[i]);
      const bool is_same = now && seat.call && now->is_same_as(*seat.call);
      const bool is_inside = now && now->team == 0 && now->episode > common;
      seat = {.rank = static_cast<int>(i),
              .call = now,
              .is_inside = is_inside,
              .age_ns = is_same ? seat.age_ns + counts.count() : 0};
    }
  }

  /// For how long the rank that has waited longest had done so at the last look; negative when none waited. A rank whose lane
  /// is busy with another gives no notice, but is in a call that cannot be over.
  std::chrono::nanoseconds longest_wait() const {
    std::int64_t longest_ns = -1;
    for (const RankStatus& seat : seats_) {
      if (!seat.call) continue;
      const bool is_held_up = seat.is_inside && !is_nonblocking(seat.call->operation);
      if (is_held_up || seat.call->waits()) longest_ns = std::max(longest_ns, seat.age_ns);
    }
    return std::chrono::nanoseconds(longest_ns);
  }

  /// What the last look saw, by seat; ranks are numbered by it.
  const std::vector<RankStatus>& seats() const { return seats_; }

 private:
  /// For ranks that were all found waiting.
  bool nobody_can_go_on() const {
    for (const RollCallLine<Policy>& line : lines_) {
      if (!line.wait.is_short()) return false;
    }
    for (std::size_t i = 0; i < seats_.size(); ++i) {
      if (lines_[i].wait.since_ns() != seats_[i].call->waiting_since_ns) return false;
    }
    return true;
  }

  std::span<RollCallLine<Policy>> lines_;
  LaneArrivals<Policy> arrivals_;
  bool is_whole_team_;
  std::int64_t limit_ns_;
  std::int64_t next_warning_ns_ = 0;
  bool have_all_waited_ = false;
  std::vector<RankStatus> seats_;
};

}  // namespace skein
