// SPDX-License-Identifier: Apache-2.0
//
// Member: one rank's part in its team, which every collective is made of. Programs see it as Team (team.hpp).
//
// Who      its rank only, inside a run; what others may do is refused with words.
// Cost     see Exchange; of what is done around it, nothing needs more than the four cache lines that come first.
// Memory   allocates nothing after it is made.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "skein/lane/fibers.hpp"
#include "skein/lane/fp_environment.hpp"
#include "skein/lane/held_mutexes.hpp"
#include "skein/lane/this_thread.hpp"
#include "skein/team/call.hpp"
#include "skein/team/host.hpp"
#include "skein/team/parts.hpp"
#include "skein/team/team_lane.hpp"

namespace skein {

class alignas(kStride) Member {  // each rank writes to its own in every call
 public:
  /// `host` and `lane`, which carries the rank, outlive it.
  Member(Host& host, int rank, TeamLane& lane);
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  int process() const { return host_->process(); }
  int processes() const { return map().processes(); }
  int hosts() const { return map().hosts(); }
  const RankMap& map() const { return host_->map(); }
  const Staging& staging() const { return host_->staging(); }

  /// The way to other hosts; null but on the lane that speaks to them.
  HostExchange* others() const { return lane_->others(); }

  /// What every call begins with. The shortest ones leave the roll-call to their exchange().
  void enter(const Call& call) {
    require_caller(call);
    roll_call_.enter(call, exchange_.arrived() + 1);
    make_room();
  }
  void check(const Call& call) {
    require_caller(call);
    make_room();
  }

  /// Only the rank's own thread may call, inside a run and outside of its other calls. A rank that has seen a failure or lost
  /// a request may not either: with peers that swallow TeamAborted as well it might find everybody there.
  void require_caller(const Call& call) {
    const std::uintptr_t caller = caller_.load(std::memory_order_relaxed);
    if (caller != this_thread() && (caller != kAskLane || !is_its_turn())) [[unlikely]]
      look_at_caller(Call(call));  // a copy, so that the call itself needs no memory
#ifndef NDEBUG
    check_fp_environment(call);
    check_mutexes(call);
#endif
  }

  /// Of a rank that shares its lane.
  bool is_its_turn() const { return thread_.load(std::memory_order_relaxed) == this_thread() && lane_->runs(rank_); }

  void make_room() {
    if (exchange_.outstanding() >= kMaxOutstanding) [[unlikely]]
      complete_barriers(exchange_.retired() + 1);
  }

  // In the place of a thread. The last two are of ranks that share a lane, and of those that change turns at every call.
  static constexpr std::uintptr_t kNobody = 0;
  static constexpr std::uintptr_t kAskLane = 1;
  static constexpr std::uintptr_t kAskLaneAndShake = 2;
  void refuse_calls() { caller_.store(kNobody, std::memory_order_relaxed); }
  void accept_calls() { caller_.store(lane_caller_, std::memory_order_relaxed); }
  bool accepts_calls() const { return caller_.load(std::memory_order_relaxed) != kNobody; }

  /// While it lives, the rank is in a call that may run code of the program, which may not call back.
  class Busy {
   public:
    explicit Busy(Member& member) : member_(member) { member_.refuse_calls(); }
    ~Busy() {
      if (!member_.must_leave_) member_.accept_calls();
    }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    Member& member_;
  };

  /// In the place of Busy where no code of the program runs; a Busy that is told so costs 4 % (skein-bench allreduce).
  struct NotBusy {
    explicit NotBusy(Member&) {}
  };

  static constexpr auto kNoContent = [] { return Content{}; };
  static constexpr auto kNothing = [](void*) {};
  static auto content_of(int rank, std::size_t bytes) {
    return [=] { return Content{.need = Content::Need::one_rank, .rank = rank, .bytes = bytes}; };
  }
  static auto content_of_all(std::size_t bytes) {
    return [=] { return Content{.need = Content::Need::all_ranks, .bytes = bytes}; };
  }

  /// One exchange: see Exchange::complete. `noted` goes into the roll-call behind the post, where the time is spent waiting
  /// anyway; before it, peers would wait for that as well (skein-bench allreduce). Throws TeamAborted.
  template <class MakeContent, class Combine>
  [[gnu::always_inline]] inline void exchange(Signature signature, const void* payload, std::size_t bytes,
                                              MakeContent&& content, Combine&& combine, void* out,
                                              std::size_t out_bytes, const Call* noted = nullptr) {
    exchange_.arrive(signature, payload, bytes);
    if (noted != nullptr) roll_call_.enter(*noted, exchange_.arrived());
    const Progress progress = exchange_.complete(combine, content, out, out_bytes);
    if (progress != Progress::complete) [[unlikely]]
      throw_failed(progress);
  }

  void complete_barriers(Episode episode);

  /// Runs a collective in which peers read this rank's memory or user code runs: whatever it throws ends the run, and
  /// passes on only when nobody reads any more.
  template <class Body>
  decltype(auto) guarded(Body&& body) {
    try {
      const Busy busy(*this);
      if constexpr (std::is_void_v<decltype(body())>) {
        body();
        shed_scratch();
      } else {
        decltype(auto) result = body();
        shed_scratch();
        return result;
      }
    } catch (...) {
      leave_by_exception();
      throw;
    }
  }

  /// What `rank` posted in the newest exchange, if it was content of it or the rank is of this host. Valid in its
  /// `combine`, and until the next exchange.
  const std::byte* posted(int rank) const {
    if (!spans_hosts_) [[likely]]
      return exchange_.payload(rank, exchange_.arrived());
    return posted_on_hosts(rank);
  }
  const std::byte* posted_on_hosts(int rank) const;

  /// As posted, as a function, for `combine` of a fold, which runs where the team has one host only. This rank's own
  /// contribution comes from where it came: reading back the line that peers are fetching would delay them and this rank.
  auto posted_with_own(const std::byte* own) const {
    return [this, own](int rank) { return rank == rank_ ? own : exchange_.payload(rank, exchange_.arrived()); };
  }

  /// Copies the posted object of a rank.
  template <class T>
  T posted_value(int rank, T value) const {
    std::memcpy(&value, posted(rank), sizeof(T));
    return value;
  }

  /// Runs `touch`, which reads or writes memory of other ranks, while that is held alive: a bounded piece of work.
  template <class Touch>
  void touch_peers(const Touch& touch) {
    if (readers_.guard(touch) == WaitResult::aborted) throw_aborted();
  }

  /// Memory for one call, of any alignment. What is small is kept for the next.
  std::byte* scratch(std::size_t bytes);
  void shed_scratch() {
    if (scratch_.size() > kKeptScratch) [[unlikely]]
      scratch_ = {};
  }

  void require(bool holds, const Call& call, std::string_view rule) const {
    if (!holds) [[unlikely]]
      reject(call, rule);
  }
  void require_root(const Call& call) const {
    require(0 <= call.root && call.root < size_, call, "root must be a rank of the team");
  }
  void require_parts(const Parts& parts, std::size_t values, const Call& call) const {
    if (const std::string_view problem = parts.problem(size_, values); !problem.empty()) reject(call, problem);
  }
  /// That a rank sends as many values as this one expects of it.
  void require_sent(std::size_t sent, std::size_t expected, int rank, const Call& call) const {
    if (sent != expected) [[unlikely]]
      reject_sent(sent, expected, rank, call);
  }
  [[noreturn]] void reject(const Call& call, std::string_view rule) const;
  [[noreturn]] void reject_sent(std::size_t sent, std::size_t expected, int rank, const Call& call) const;

  /// Warns once a run when the rank's floating-point environment is not the one it began with. In programs compiled
  /// without NDEBUG; a rank that keeps it changed is told at the end of the run anyway.
  void check_fp_environment(const Call& call);

  /// Warns, once for each lane, when the rank waits for others of its process, or ends, with a mutex that it has locked in
  /// this run. Another rank of the lane that wants it would block the thread of both; one of another lane could not come to the
  /// call. In programs compiled without NDEBUG.
  void check_mutexes(const Call& call);

  [[noreturn]] void throw_failed(Progress progress);
  [[noreturn]] void throw_aborted() const;
  void look_at_caller(const Call& call);
  [[noreturn]] void refuse_call(const Call& call);
  void must_leave();
  void leave_by_exception();
  void record_current_exception();
  void record(const std::exception_ptr& exception);
  void drop_request();
  RollCallLine<StdAtomics>& roll_call_line() const;
  void give_others_time(Episode episode) const;
  Failure failure_here(ExitCode code, const std::string& message) const;

 protected:
  // What every call touches comes first: many ranks on a lane have to fit the caches.
  TeamLane* lane_;
  Host* host_;
  int rank_;
  int size_;
  // Atomic, as any thread may try to call.
  std::atomic<std::uintptr_t> caller_ = kNobody;  // the thread that may call now; kAsk... if it has other ranks
  std::atomic<std::uintptr_t> thread_ = kNobody;  // the rank's, inside a run
  std::uintptr_t lane_caller_ = kNobody;          // what caller_ is between calls
  RollCall<StdAtomics> roll_call_;
  Exchange<StdAtomics> exchange_;
  Waiter<StdAtomics> waiter_;
  Readers<StdAtomics> readers_;
  bool spans_hosts_;           // kept at hand: posted() is on the way of small reductions
  bool must_leave_ = false;    // the rank has seen a failure
  bool is_in_child_ = false;   // of a fork
  bool has_recorded_ = false;  // the rank has reported its own
  FpEnvironment fp_entered_ = FpEnvironment::capture();
  bool has_warned_of_fp_ = false;
  int mutexes_before_run_ = 0;  // that the rank's thread held

  static constexpr std::size_t kKeptScratch = std::size_t{64} * 1024;
  std::vector<std::byte> scratch_;
};

}  // namespace skein
