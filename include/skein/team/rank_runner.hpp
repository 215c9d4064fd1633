// SPDX-License-Identifier: Apache-2.0
//
// One rank's way through a run: the user's function, then leaving together, and the failure path when either throws.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <string>
#include <string_view>

#include "skein/sync/claim.hpp"
#include "skein/team/team.hpp"

namespace skein {

class RankRunner {
 public:
  /// Of the run's first team. Both outlive it.
  RankRunner(RankContext& context, Team& team) : context_(context), team_(team) {}

  struct Outcome {
    bool has_left = false;       ///< together with all others; the same on every rank
    std::exception_ptr failure;  ///< that this rank failed with; null when it only followed another's
  };

  /// Never throws.
  Outcome run(const std::function<void(Team&)>& body) noexcept;

  /// The parts of run for a rank whose program is not a function: begin, then leave, or fail with a message.
  /// Leaving is a collective with a signature of its own, so that a rank that makes one call less is found. It throws as
  /// any does.
  void begin();
  void leave();
  void fail(const std::string& message) noexcept;

 private:
  void let_go_of_thread();

  RankContext& context_;
  Team& team_;
};

/// Ends a child of a fork that does more than a child may, with words.
[[noreturn]] void end_child(std::string_view why);

/// Counts the ranks of one process that have left a run that failed. Relaxed: what they leave behind is read when the lanes have
/// ended the run.
class Departures {
 public:
  /// Before the ranks start.
  void expect(int ranks);

  void depart();
  bool are_all() const;

  /// Waits for the others, but not for ever; true when all have left.
  bool wait_for_all() const;

  /// True for one caller, who then ends the process.
  bool claim_exit() { return exit_.take(); }

 private:
  std::atomic<int> expected_{0};  // read by the watchdog's thread as well
  std::atomic<int> departed_{0};
  Claim<StdAtomics> exit_;
};

}  // namespace skein
