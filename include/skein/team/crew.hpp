// SPDX-License-Identifier: Apache-2.0
//
// The ranks that one lane carries, as one party of an exchange: the first level of it. Their arrivals are counted in plain
// memory, for they run one at a time; one line for all of them crosses to other lanes. The last to arrive sees to the
// exchange for all; the others wait in a queue of the lane, and take the result from its release line.
#pragma once

#include "skein/sync/turns.hpp"
#include "skein/team/line.hpp"

namespace skein {

/// Made once for each lane that carries several ranks of a team.
template <class Policy>
class Crew {
 public:
  /// `ranks` of those that take these turns are of the team.
  Crew(Turns<Policy>& turns, int ranks) : turns_(&turns), ranks_(ranks) {}
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  enum class Arrival { early, last, mismatched };

  /// A rank comes to an episode. A mismatch is one with those that came before, and does not count as an arrival.
  Arrival arrive(int seat, Episode episode, Signature signature) {
    Roll& roll = rolls_[episode % kRingLines];
    if (roll.arrived == 0) {
      roll.signature = signature;
      roll.first_seat = seat;
    } else if (roll.signature != signature) {
      return Arrival::mismatched;
    }
    if (++roll.arrived < ranks_) return Arrival::early;
    roll.arrived = 0;
    return Arrival::last;
  }

  /// Who came first to an episode that not all have come to.
  int first_seat_at(Episode episode) const { return rolls_[episode % kRingLines].first_seat; }

  WaitResult sleep(Awaited<Policy> awaited) { return turns_->sleep_in(asleep_, awaited); }
  void wake() { turns_->wake(asleep_); }

 private:
  struct Roll {
    Signature signature = 0;
    int arrived = 0;
    int first_seat = 0;
  };

  Turns<Policy>* turns_;
  int ranks_;
  Roll rolls_[kRingLines];
  typename Turns<Policy>::Queue asleep_;
};

}  // namespace skein
