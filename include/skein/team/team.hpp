// SPDX-License-Identifier: Apache-2.0
//
// Team: the ordered set of ranks that run together, as seen by one of them. Skein's communicator.
//
// Contract  a Team object belongs to one rank and is used by that rank only, inside a run, and not by the
//           operators and functions that it calls itself: any other call throws Error and changes nothing. Every rank calls
//           the same collectives in the same order, with the arguments that MPI demands to be equal equal. Every collective
//           synchronises: nobody leaves before all have arrived, and what a rank wrote before is visible to all after.
// Cost      a collective whose payload fits kInlineBytes costs one exchange (exchange.hpp); larger payloads cost two or
//           three, and are read where they are.
// Allocates nothing in any collective but shared().
// Results   same bits on every rank and for every layout with the same number of ranks (fold.hpp).
// Forks     in the child of a fork every call throws; the child may call exec or _exit, and the parent is not affected.
// Errors    TeamAborted when a rank has failed, whose message it carries. A mismatch of collectives ends the run with a
//           message that says what every rank called; a bad argument with one that names operation, value and rule.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <ranges>
#include <source_location>
#include <span>
#include <type_traits>

#include "skein/lane/fibers.hpp"
#include "skein/lane/fp_environment.hpp"
#include "skein/lane/held_mutexes.hpp"
#include "skein/lane/this_thread.hpp"
#include "skein/team/call.hpp"
#include "skein/team/host.hpp"
#include "skein/team/request.hpp"
#include "skein/team/shared_array.hpp"
#include "skein/team/team_lane.hpp"

namespace skein {

/// What can travel between ranks: bytes that mean the same in every process. Not pointers, and not views, which are
/// pointers in disguise: std::span(array) has a type of its own, so pass std::span<double>(array).
template <class T>
concept Transferable =
    std::is_trivially_copyable_v<T> && !std::is_pointer_v<T> && !std::ranges::enable_view<std::remove_cv_t<T>>;

class alignas(kStride) Team {  // each rank writes to its own in every call
 public:
  /// Made by Runtime. `host` and `lane`, which carries the rank, outlive the team.
  Team(Host& host, int rank, TeamLane& lane);
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// The process that this rank lives in, and how many the team spans.
  int process() const { return host_->process(); }
  int processes() const { return host_->map().processes(); }

  /// The host that this rank runs on, and how many the team spans. Ranks of one host share what shared() gives them.
  int host() const { return host_->map().own_host(); }
  int hosts() const { return host_->map().hosts(); }
  int host_of(int rank) const { return host_->map().host_of(rank); }

  using Where = std::source_location;

  /// Nobody leaves before all have arrived.
  void barrier(Where where = Where::current()) {
    const Call call{.operation = Operation::barrier, .where = where};
    check(call);
    constexpr Signature kBarrier = signature(Call{.operation = Operation::barrier});
    exchange(kBarrier, nullptr, 0, kNoContent, kNothing, nullptr, 0, &call);
  }

  /// Arrives and returns at once; Request::wait is the other half. Up to kMaxOutstanding may be outstanding; one more
  /// first waits for the oldest. Other collectives may be called in between.
  [[nodiscard]] Request ibarrier(Where where = Where::current());

  /// `root`'s value, on every rank. The span form overwrites `data` everywhere but at root; all pass the same size.
  template <class T>
  T bcast(const T& value, int root, Where where = Where::current());
  template <class T>
  void bcast(std::span<T> data, int root, Where where = Where::current());

  /// op(value of rank 0, value of rank 1, ...) in rank order, on every rank; element by element for spans, which have
  /// the same size on all ranks. `op` need not commute. `in` and `out` must not overlap; the two-argument form is in
  /// place.
  template <class T, class Op>
  T allreduce(const T& value, Op op, Where where = Where::current());
  template <class T, class Op>
  void allreduce(std::span<const std::type_identity_t<T>> in, std::span<T> out, Op op, Where where = Where::current());
  template <class T, class Op>
  void allreduce(std::span<T> data, Op op, Where where = Where::current());

  /// As allreduce, but the result is at `root` only: elsewhere the value form returns `value` and `out` is not touched,
  /// and may be empty.
  template <class T, class Op>
  T reduce(const T& value, Op op, int root, Where where = Where::current());
  template <class T, class Op>
  void reduce(std::span<const std::type_identity_t<T>> in, std::span<T> out, Op op, int root,
              Where where = Where::current());

  /// The fold of ranks 0 to this one (inclusive): the same bits as allreduce over those ranks. `in` and `out` must not
  /// overlap.
  template <class T, class Op>
  T scan(const T& value, Op op, Where where = Where::current());
  template <class T, class Op>
  void scan(std::span<const std::type_identity_t<T>> in, std::span<T> out, Op op, Where where = Where::current());

  /// `out` holds the inputs of all ranks in rank order: size() times as many values as `in`.
  template <class T>
  void allgather(const std::type_identity_t<T>& value, std::span<T> out, Where where = Where::current());
  template <class T>
  void allgather(std::span<const std::type_identity_t<T>> in, std::span<T> out, Where where = Where::current());

  /// As allgather, at `root` only; elsewhere `out` may be empty.
  template <class T>
  void gather(const std::type_identity_t<T>& value, std::span<T> out, int root, Where where = Where::current());
  template <class T>
  void gather(std::span<const std::type_identity_t<T>> in, std::span<T> out, int root, Where where = Where::current());

  /// Rank q receives the q-th part of root's `in`, which holds size() times as many values as `out`; elsewhere `in` may
  /// be empty.
  template <class T>
  std::remove_const_t<T> scatter(std::span<T> in, int root, Where where = Where::current());
  template <class T>
  void scatter(std::span<const std::type_identity_t<T>> in, std::span<T> out, int root, Where where = Where::current());

  /// The q-th part of `in` goes to rank q, whose `out` holds the parts it got in rank order. They must not overlap.
  /// Limit  between processes, teams of up to 5,600 ranks: a piece of the staging must hold a byte for each rank.
  template <class T>
  void alltoall(std::span<const std::type_identity_t<T>> in, std::span<T> out, Where where = Where::current());

  /// One zero-filled array of n values for all ranks of the host; each rank first touches its own block. On several hosts
  /// each has an array of its own, in which the ranks of the other hosts own blocks as well; nothing moves between them.
  /// Collective  all ranks, with the same n.
  /// Allocates   n * sizeof(T) bytes in the segment of each host, rounded up to pages.
  template <class T>
  SharedArray<T> shared(std::size_t n, Where where = Where::current());

  /// Calls f once in every process, on its main lane, the thread that may call MPI; the other ranks wait, parked after a
  /// while. For libraries that speak MPI themselves: PETSc, FFTW, parallel HDF5 (Runtime::comm is theirs to use).
  /// Collective  all ranks.
  /// Blocks      until f has returned in every process.
  template <class F>
  void per_process(F&& f, Where where = Where::current()) {
    const Call call{.operation = Operation::per_process, .where = where};
    enter(call);
    guarded([&] {
      exchange(signature(call), nullptr, 0, kNoContent, kNothing, nullptr, 0);
      if (rank_ == host_->map().first_of(process())) on_own_stack(f);
      if (is_in_child_) refuse_call(call);  // of a fork in f
      exchange(signature(Call{.operation = Operation::piece}), nullptr, 0, kNoContent, kNothing, nullptr, 0);
    });
  }

  /// Prints one line for the whole team: rank 0's. The others only pass by; it does not synchronise.
  template <class... Args>
  void log(fmt::format_string<Args...> format, Args&&... args) {
    if (rank_ == 0) print_line(fmt::format(format, std::forward<Args>(args)...));
  }

  /// For Runtime, in the child of a fork: the team belongs to the parent, and every call here throws.
  void belongs_to_parent() {
    is_in_child_ = true;
    must_leave();
  }

  /// Lets the other ranks of this rank's lane run before it goes on, those that can; a rank alone on its lane gives its CPU to
  /// other threads. For a rank that computes long, or polls something outside Skein. Not collective.
  void yield(Where where = Where::current()) {
    require_caller({.operation = Operation::yield, .where = where});
    waiter_.idle();
    if (host_->abort().is_set()) [[unlikely]]
      throw_failed(Progress::aborted);
    if (!lane_->is_shared()) StdAtomics::yield();
  }

  /// Seconds that this rank has spent waiting for others; waits shorter than the first polls count as none. Where ranks share
  /// a lane, the time in which none of them could go on.
  double waited_s() const { return static_cast<double>(waiter_.waited_ns()) * 1e-9; }

 private:
  friend class Request;
  friend class RankRunner;
  friend struct LargePayload;

  static void print_line(const std::string& line);

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
    explicit Busy(Team& team) : team_(team) { team_.refuse_calls(); }
    ~Busy() {
      if (!team_.must_leave_) team_.accept_calls();
    }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    Team& team_;
  };

  /// In the place of Busy where no code of the program runs; a Busy that is told so costs 4 % (skein-bench allreduce).
  struct NotBusy {
    explicit NotBusy(Team&) {}
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
      return body();
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

  // The untyped halves of the collectives; defined with them.
  template <class T, class Op>
  void reduce_elements(const Call& call, const T* in, T* out, Op& op);
  void gather_bytes(const Call& call, const std::byte* in, std::byte* out);
  void scatter_bytes(const Call& call, const std::byte* in, std::byte* out);
  void alltoall_bytes(const Call& call, const std::byte* in, std::byte* out);

  void require(bool holds, const Call& call, std::string_view rule) const {
    if (!holds) [[unlikely]]
      reject(call, rule);
  }
  void require_root(const Call& call) const {
    require(0 <= call.root && call.root < size_, call, "root must be a rank of the team");
  }
  [[noreturn]] void reject(const Call& call, std::string_view rule) const;

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
};

template <class T>
SharedArray<T> Team::shared(std::size_t n, Where where) {
  static_assert(Transferable<T>,
                "a shared array holds trivially copyable values, no pointers: processes map it elsewhere");
  const Call call{.operation = Operation::shared, .element_bytes = sizeof(T), .count = n, .where = where};
  enter(call);
  return guarded([&] {
    require(n <= PTRDIFF_MAX / sizeof(T), call, "too many values");
    const Heap heap = host_->heap();
    const RankMap& map = host_->map();
    int block = rank_ == map.rank_at(0) ? heap.allocate(n * sizeof(T), map.seats()) : -1;
    exchange(signature(call), &block, sizeof(block), kNoContent, kNothing, nullptr, 0);
    block = posted_value(map.rank_at(0), block);
    SharedArray<T> array(heap, block, n, block_range(n, size_, rank_));
    std::memset(static_cast<void*>(array.block().data()), 0, array.block().size_bytes());  // first touch
    exchange(signature(Call{.operation = Operation::piece}), nullptr, 0, kNoContent, kNothing, nullptr, 0);
    return array;
  });
}

}  // namespace skein
