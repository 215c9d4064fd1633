// SPDX-License-Identifier: Apache-2.0
//
// What a rank is in all its teams: who may call for it, how it waits, what it reports, and how it leaves a run that failed.
//
// Who      its rank only, inside a run; Runtime before and after.
// Cost     what every call touches is its first cache line: many ranks on a lane have to fit the caches.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "skein/lane/fp_environment.hpp"
#include "skein/lane/this_thread.hpp"
#include "skein/team/call.hpp"
#include "skein/team/host.hpp"
#include "skein/team/rank_lane.hpp"
#include "skein/team/readers.hpp"

namespace skein {

class alignas(kStride) RankContext {  // each rank writes to its own in every call
 public:
  /// `host` and `lane`, which carries the rank, outlive it. `rank` is its number in the run.
  RankContext(Host& host, int rank, RankLane& lane);

  /// What a rank is in the operations of a team of its: they wait as its helpers, and call from there. Needs the lane's turns.
  explicit RankContext(const RankContext& rank_itself, RollCallLine<StdAtomics>& line);
  RankContext(const RankContext&) = delete;
  RankContext& operator=(const RankContext&) = delete;

  /// For what programs may keep longer than the Runtime: the context lives as long, with all that it stands on. Null before
  /// let_share(), and for operations.
  std::shared_ptr<RankContext> share() const { return shared_.lock(); }
  void let_share(const std::shared_ptr<RankContext>& shared) { shared_ = shared; }

  int rank() const { return rank_; }
  Host& host() const { return *host_; }
  RankLane& lane() const { return *lane_; }
  RollCall<StdAtomics>& roll_call() { return roll_call_; }
  Waiter<StdAtomics>& waiter() { return waiter_; }
  const Waiter<StdAtomics>& waiter() const { return waiter_; }
  Readers<StdAtomics>& readers() { return readers_; }
  RollCallLine<StdAtomics>& roll_call_line() const { return *line_; }
  bool is_of_operations() const { return mark_ != 0; }

  /// How long none of the ranks of its lane could go on.
  std::int64_t waited_ns() const;

  // --- who may call ---

  /// Only the rank's own thread may, inside a run and outside of its other calls. A rank that has seen a failure or lost a
  /// request may not either: with peers that swallow TeamAborted as well it might find everybody there.
  bool may_call() const {
    const std::uintptr_t caller = caller_.load(std::memory_order_relaxed);
    return caller == this_thread() || (caller == kAskLane && is_its_turn());
  }

  /// It is its thread that calls, and its turn on it if it shares its lane.
  bool is_its_turn() const { return is_its_thread() && lane_->runs(rank_); }
  bool is_its_thread() const { return thread_.load(std::memory_order_relaxed) == this_thread(); }

  /// It is one of its operations that calls, or code of the program that this runs.
  bool is_in_operation() const { return !lane_->runs(rank_); }

  bool is_inside_run() const { return thread_.load(std::memory_order_relaxed) != kNobody; }

  void refuse_calls() { caller_.store(kNobody, std::memory_order_relaxed); }
  void accept_calls() { caller_.store(lane_caller_, std::memory_order_relaxed); }
  bool accepts_calls() const { return caller_.load(std::memory_order_relaxed) != kNobody; }

  /// For the rest of the run.
  void must_leave() {
    must_leave_ = true;
    refuse_calls();
  }
  bool is_leaving() const { return must_leave_; }

  /// An operation of the rank has failed, and told of it.
  void leave_with_operation() {
    has_recorded_ = true;
    must_leave();
    stop_operations();
  }

  /// In the child of a fork, which owns nothing here.
  void belong_to_parent() {
    is_in_child_ = true;
    must_leave();
  }
  bool is_in_child() const { return is_in_child_; }

  /// While it lives, the rank is in a call that may run code of the program, which may not call back.
  class Busy {
   public:
    explicit Busy(RankContext& context) : context_(context) { context_.refuse_calls(); }
    ~Busy() {
      if (!context_.must_leave_) context_.accept_calls();
    }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    RankContext& context_;
  };

  // --- operations: what the rank has begun and not waited for ---

  /// From the first one on, the rank gives way to its helpers while it waits.
  void begin_operation();
  void end_operation();
  int operations() const { return operations_; }

  /// At the end of the run: throws when one is not complete.
  void require_no_operations();

  /// After a failure: returns when none of them, nor of what others do for them, will touch the rank's memory any more.
  void stop_operations();

  /// By the rank: returns when some have ended, or the run has.
  void wait_for_operations() { lane_->turns()->sleep_for_helpers(ended_); }

  /// An operation whose helper has work, until that is done.
  struct AtWork {
    explicit AtWork(RankContext& context) : rank(context) { ++rank.at_work_; }
    ~AtWork() {
      --rank.at_work_;
      rank.lane_->turns()->wake(rank.ended_);
    }
    AtWork(const AtWork&) = delete;
    AtWork& operator=(const AtWork&) = delete;
    RankContext& rank;
  };

  // --- a run ---

  void begin_run();
  void end_run();

  /// After the last run: what the program keeps longer is refused.
  void end();

  /// Teams that it has led, those that are gone included.
  std::uint32_t teams_led() const { return teams_led_; }
  void lead_team() { ++teams_led_; }

  /// Memory for one call, of any alignment. What is small is kept for the next.
  std::byte* scratch(std::size_t bytes);
  void shed_scratch() {
    if (scratch_.size() > kKeptScratch) [[unlikely]]
      scratch_ = std::vector<std::byte>();  // = {} would empty it only
  }

  /// Warns once a run when the rank's floating-point environment is not the one it began with. In programs compiled
  /// without NDEBUG; a rank that keeps it changed is told at the end of the run anyway.
  void check_fp_environment(const Call& call);

  /// Warns, once for each lane, when the rank waits for others of its process, or ends, with a mutex that it has locked in
  /// this run. Another rank of the lane that wants it would block the thread of both; one of another lane could not come to the
  /// call. In programs compiled without NDEBUG.
  void check_mutexes(const Call& call);

  // --- failure ---

  [[noreturn]] void throw_aborted();

  /// For a rank that is leaving: why it cannot make the call.
  [[noreturn]] void throw_must_leave(const Call& call);

  /// The rank fails with the exception in flight, if it is the first: sets the abort word, and waits until nobody reads its
  /// memory.
  void leave_by_exception();

  /// The program has lost track of a call that the rank has made and nobody waits for: ends the run, and returns when nobody
  /// touches the rank's memory any more. While an exception is in flight, that will be the message.
  void lose_track(const std::string& message);

  /// Several ranks may find a mismatch; this one has told of it.
  void fail(const Failure& failure);

  Failure failure_here(ExitCode code, const std::string& message) const;

  /// Waits for lines of the roll-call, so that ranks on their way are in a report with the call that they come to.
  template <class IsThere, class Stop>
  void wait_for_calls(const IsThere& are_there, std::chrono::nanoseconds longest, const Stop& stop) const {
    const std::int64_t end_ns = StdAtomics::now_ns() + longest.count();
    while (!are_there() && !stop() && StdAtomics::now_ns() < end_ns) {
      waiter_.idle();
      StdAtomics::yield();
    }
  }

 private:
  void record(const Failure& failure);
  void record_current_exception();
  void record(const std::exception_ptr& exception);
  void let_others_come() const;

  // In the place of a thread. The last two are of ranks that share a lane, and of those that change turns at every call.
  static constexpr std::uintptr_t kNobody = 0;
  static constexpr std::uintptr_t kAskLane = 1;
  static constexpr std::uintptr_t kAskLaneAndShake = 2;

  // Atomic, as any thread may try to call.
  std::atomic<std::uintptr_t> caller_ = kNobody;  // the thread that may call now; kAsk... if it has other ranks
  std::atomic<std::uintptr_t> thread_ = kNobody;  // the rank's, inside a run
  RankLane* lane_;
  RollCallLine<StdAtomics>* line_;
  int rank_;
  bool must_leave_ = false;    // the rank has seen a failure, or the end of its Runtime
  bool is_in_child_ = false;   // of a fork
  bool has_ended_ = false;     // as the Runtime has
  bool has_recorded_ = false;  // the rank has reported its own
  bool has_begun_ = false;     // to report one, and not said what it was
  bool has_warned_of_fp_ = false;
  std::uint8_t mark_ = 0;  // kNonblocking for operations
  RollCall<StdAtomics> roll_call_;
  Host* host_;
  Waiter<StdAtomics> waiter_;
  std::uintptr_t lane_caller_ = kNobody;  // what caller_ is between calls
  Readers<StdAtomics> readers_;
  FpEnvironment fp_entered_ = FpEnvironment::capture();
  int mutexes_before_run_ = 0;  // that the rank's thread held
  std::uint32_t teams_led_ = 0;
  int operations_ = 0;
  int at_work_ = 0;
  Turns<StdAtomics>::Queue ended_;  ///< the rank, while it waits for operations

  static constexpr std::size_t kKeptScratch = std::size_t{64} * 1024;
  std::vector<std::byte> scratch_;
  std::weak_ptr<RankContext> shared_;
};

}  // namespace skein
