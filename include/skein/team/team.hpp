// SPDX-License-Identifier: Apache-2.0
//
// Team: the ordered set of ranks that run together, as seen by one of them. Skein's communicator.
//
// Contract  a Team object belongs to one rank and is used by that rank only, inside a run, and not by the
//           operators and functions that it calls itself: any other call throws Error and changes nothing. Every rank calls
//           the same collectives in the same order, with the arguments that MPI demands to be equal equal. Every collective
//           synchronises: nobody leaves before all have arrived, and what a rank wrote before is visible to all after.
// Takes     values, and buffers such as std::vector, std::span, and Eigen objects with skein/eigen.hpp (buffer.hpp). `out` is
//           as large as the result, never resized. `in` and `out` must not overlap; forms with one buffer are in place.
// Cost      a collective whose payload fits kInlineBytes costs one exchange (exchange.hpp), and so does one of up to kPostBytes
//           where no rank reads more than 8 KiB; larger payloads cost two or three, and are read where they are. Those whose
//           parts differ in size (allgatherv apart) first exchange the sizes.
// Allocates nothing, but: shared(), forms that return containers, and scratch memory of the in-place forms of scan, exscan,
//           alltoall and reduce_scatter_block and of gatherv, allgatherv, scatterv and alltoallv, of which up to 64 KiB a rank
//           are kept.
// Results   same bits on every rank and for every layout with the same number of ranks (fold.hpp), but with any_order.
// Forks     in the child of a fork every call throws; the child may call exec or _exit, and the parent is not affected.
// Errors    TeamAborted when a rank has failed, whose message it carries. A mismatch of collectives ends the run with a
//           message that says what every rank called; a bad argument with one that names operation, value and rule.
// Where     the line of the call, for reports. Wrappers pass on that of their caller.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <tuple>

#include "skein/team/buffer.hpp"
#include "skein/team/member.hpp"
#include "skein/team/parts.hpp"
#include "skein/team/request.hpp"
#include "skein/team/shared_array.hpp"

namespace skein {

template <class Op, class T>
struct Operand;

class Team : private Member {
 public:
  /// The run's first team, made by Runtime. The context outlives it. Programs make others with split() and its like.
  explicit Team(RankContext& context);
  ~Team();

  using Member::rank;
  using Member::size;

  /// Whether this is rank 0.
  bool root() const { return rank_ == 0; }

  /// The process that this rank lives in, and how many the team spans, numbered in the order of their lowest ranks.
  using Member::process;
  using Member::processes;

  /// The host that this rank runs on, and how many the team spans, numbered likewise. Ranks of one host share what shared()
  /// gives them.
  int host() const { return map().own_host(); }
  using Member::hosts;
  int host_of(int rank) const { return map().host_of(rank); }

  using Where = std::source_location;

  /// Nobody leaves before all have arrived.
  void barrier(Where where = Where::current()) {
    const Call call{.operation = Operation::barrier, .where = where};
    check(call);
    constexpr Signature kBarrier = signature(Call{.operation = Operation::barrier});
    exchange(kBarrier, nullptr, 0, kNoContent, kNothing, nullptr, 0, &call);
  }

  // --- one rank's values to all ---

  /// `root`'s value, on every rank. The buffer form overwrites `data` everywhere but at root; all pass the same size.
  template <Value T>
  [[nodiscard]] T bcast(const T& value, int root, Where where = Where::current());
  template <InPlaceBuffer Data>
  void bcast(Data&& data, int root, Where where = Where::current());

  // --- reductions: op(value of rank 0, value of rank 1, ...) in rank order, element by element for buffers, which have the
  // same size on all ranks. `op` need not commute ---

  /// On every rank.
  template <Value T, class Op>
  [[nodiscard]] T allreduce(const T& value, Op op, Where where = Where::current());
  template <Buffer In, OutBuffer<BufferValue<In>> Out, class Op>
  void allreduce(const In& in, Out&& out, Op op, Where where = Where::current());
  template <InPlaceBuffer Data, class Op>
  void allreduce(Data&& data, Op op, Where where = Where::current());

  /// Several values at once, each with an operator of its own: auto [mass, peak] = team.allreduce(sum(a), max(b)).
  template <class Op, Value T, class... Ops, Value... Ts>
  [[nodiscard]] std::tuple<T, Ts...> allreduce(const Operand<Op, T>& first, const Operand<Ops, Ts>&... others);

  /// At `root` only: elsewhere the value form returns `value`, and `out` is not touched and may be empty.
  template <Value T, class Op>
  [[nodiscard]] T reduce(const T& value, Op op, int root, Where where = Where::current());
  template <Buffer In, OutBuffer<BufferValue<In>> Out, class Op>
  void reduce(const In& in, Out&& out, Op op, int root, Where where = Where::current());
  template <InPlaceBuffer Data, class Op>
  void reduce(Data&& data, Op op, int root, Where where = Where::current());

  /// Over ranks 0 to this one (inclusive): the same bits as allreduce over those ranks.
  template <Value T, class Op>
  [[nodiscard]] T scan(const T& value, Op op, Where where = Where::current());
  template <Buffer In, OutBuffer<BufferValue<In>> Out, class Op>
  void scan(const In& in, Out&& out, Op op, Where where = Where::current());
  template <InPlaceBuffer Data, class Op>
  void scan(Data&& data, Op op, Where where = Where::current());

  /// Over the ranks before this one, behind `initial`, as std::exclusive_scan has it: `initial` on rank 0, elsewhere
  /// op(initial, fold of the ranks before).
  template <Value T, class Op>
  [[nodiscard]] T exscan(const T& value, Op op, const std::type_identity_t<T>& initial, Where where = Where::current());
  template <Buffer In, OutBuffer<BufferValue<In>> Out, class Op>
  void exscan(const In& in, Out&& out, Op op, const BufferValue<In>& initial, Where where = Where::current());
  template <InPlaceBuffer Data, class Op>
  void exscan(Data&& data, Op op, const BufferValue<Data>& initial, Where where = Where::current());

  /// Rank q gets the q-th of size() equal parts of the result. In place it is the beginning of `data`, whose rest is kept.
  template <Buffer In, OutBuffer<BufferValue<In>> Out, class Op>
  void reduce_scatter_block(const In& in, Out&& out, Op op, Where where = Where::current());
  template <WritableBuffer Data, class Op>
  void reduce_scatter_block(Data&& data, Op op, Where where = Where::current());

  /// As reduce_scatter_block, with parts of the given counts, which are the same on all ranks.
  template <Buffer In, OutBuffer<BufferValue<In>> Out, class Op>
  void reduce_scatter(const In& in, Out&& out, Parts parts, Op op, Where where = Where::current());

  // --- gathering and distributing: parts in rank order ---

  /// `out` holds the inputs of all ranks: size() times as many values as `in`. In place, this rank's part of `data` is its
  /// input.
  template <class T, WritableBuffer Out>
    requires requires(const T& value) { BufferValue<Out>{value}; }
  void allgather(const T& value, Out&& out, Where where = Where::current());
  template <Buffer In, OutBuffer<BufferValue<In>> Out>
  void allgather(const In& in, Out&& out, Where where = Where::current());
  template <WritableBuffer Data>
  void allgather(Data&& data, Where where = Where::current());

  /// As allgather, at `root` only; elsewhere `out` may be empty. At root, `in` may be its own part of `out`.
  template <class T, WritableBuffer Out>
    requires requires(const T& value) { BufferValue<Out>{value}; }
  void gather(const T& value, Out&& out, int root, Where where = Where::current());
  template <Buffer In, OutBuffer<BufferValue<In>> Out>
  void gather(const In& in, Out&& out, int root, Where where = Where::current());

  /// Rank q receives the q-th part of root's `in`, which holds size() times as many values as `out`; elsewhere `in` may
  /// be empty. At root, `out` may be its own part of `in`.
  template <Buffer In>
  [[nodiscard]] BufferValue<In> scatter(const In& in, int root, Where where = Where::current());
  template <Buffer In, OutBuffer<BufferValue<In>> Out>
  void scatter(const In& in, Out&& out, int root, Where where = Where::current());

  /// The q-th part of `in` goes to rank q, whose `out` holds the parts it got.
  /// Limit  between processes, a piece must hold a byte for each rank: by default, teams have up to 5,600 ranks (SKEIN_PIECE).
  template <Buffer In, OutBuffer<BufferValue<In>> Out>
  void alltoall(const In& in, Out&& out, Where where = Where::current());
  template <WritableBuffer Data>
  void alltoall(Data&& data, Where where = Where::current());

  // --- the same with parts of different sizes. The last form of each infers the counts of those who receive ---

  /// `out` is divided by `parts`, the same on all ranks; `in` has the count of its rank.
  template <Buffer In, OutBuffer<BufferValue<In>> Out>
  void allgatherv(const In& in, Out&& out, Parts parts, Where where = Where::current());
  template <Buffer In>
    requires Returnable<BufferValue<In>>
  [[nodiscard]] Ragged<BufferValue<In>> allgatherv(const In& in, Where where = Where::current());

  /// At `root`, `out` is divided by `parts`; elsewhere neither is looked at.
  template <Buffer In, OutBuffer<BufferValue<In>> Out>
  void gatherv(const In& in, Out&& out, Parts parts, int root, Where where = Where::current());
  template <Buffer In>
    requires Returnable<BufferValue<In>>
  [[nodiscard]] Ragged<BufferValue<In>> gatherv(const In& in, int root, Where where = Where::current());

  /// At `root`, `in` is divided by `parts`; elsewhere neither is looked at. `out` has the count of its rank.
  /// Limit  between processes, as alltoallv.
  template <Buffer In, OutBuffer<BufferValue<In>> Out>
  void scatterv(const In& in, Parts parts, Out&& out, int root, Where where = Where::current());
  template <Buffer In>
    requires Returnable<BufferValue<In>>
  [[nodiscard]] std::vector<BufferValue<In>> scatterv(const In& in, Parts parts, int root,
                                                      Where where = Where::current());

  /// `in` is divided by `in_parts` among the ranks that receive, `out` by `out_parts` among those that send.
  /// Limit  between processes, a piece must hold 32 bytes for each rank: by default, teams have up to 1,000 ranks (SKEIN_PIECE).
  template <Buffer In, OutBuffer<BufferValue<In>> Out>
  void alltoallv(const In& in, Parts in_parts, Out&& out, Parts out_parts, Where where = Where::current());
  template <Buffer In>
    requires Returnable<BufferValue<In>>
  [[nodiscard]] Ragged<BufferValue<In>> alltoallv(const In& in, Parts in_parts, Where where = Where::current());

  // --- non-blocking: begins the call named without the i; Request::wait and the like are the other half, and forms that
  // return a value or a container do so there (Pending). It goes on while its rank, or another of its lane, waits in any
  // Skein call. Buffers, and the counts of parts, must be left alone until then. Non-blocking calls match each other in the
  // order in which they begin.
  // Cost       that of the call, and some changes of fiber (operations.hpp); those of one team follow each other
  // Allocates  as the call, and at a team's first, and when more are outstanding on the lane than ever before
  // Errors     Error(parallel) when kMaxOutstanding of the team are outstanding; those of the call, here or at its completion ---
  [[nodiscard]] Request ibarrier(Where where = Where::current());
  template <Value T>
  [[nodiscard]] Pending<T> ibcast(const T& value, int root, Where where = Where::current());
  template <InPlaceBuffer Data>
  [[nodiscard]] Request ibcast(Data&& data, int root, Where where = Where::current());
  template <Value T, class Op>
  [[nodiscard]] Pending<T> ireduce(const T& value, Op op, int root, Where where = Where::current());
  template <KeptBuffer In, OutBuffer<BufferValue<In>> Out, class Op>
  [[nodiscard]] Request ireduce(In&& in, Out&& out, Op op, int root, Where where = Where::current());
  template <InPlaceBuffer Data, class Op>
  [[nodiscard]] Request ireduce(Data&& data, Op op, int root, Where where = Where::current());
  template <Value T, class Op>
  [[nodiscard]] Pending<T> iallreduce(const T& value, Op op, Where where = Where::current());
  template <KeptBuffer In, OutBuffer<BufferValue<In>> Out, class Op>
  [[nodiscard]] Request iallreduce(In&& in, Out&& out, Op op, Where where = Where::current());
  template <InPlaceBuffer Data, class Op>
  [[nodiscard]] Request iallreduce(Data&& data, Op op, Where where = Where::current());
  template <class Op, Value T, class... Ops, Value... Ts>
  [[nodiscard]] Pending<std::tuple<T, Ts...>> iallreduce(const Operand<Op, T>& first,
                                                         const Operand<Ops, Ts>&... others);
  template <Value T, class Op>
  [[nodiscard]] Pending<T> iscan(const T& value, Op op, Where where = Where::current());
  template <KeptBuffer In, OutBuffer<BufferValue<In>> Out, class Op>
  [[nodiscard]] Request iscan(In&& in, Out&& out, Op op, Where where = Where::current());
  template <InPlaceBuffer Data, class Op>
  [[nodiscard]] Request iscan(Data&& data, Op op, Where where = Where::current());
  template <Value T, class Op>
  [[nodiscard]] Pending<T> iexscan(const T& value, Op op, const std::type_identity_t<T>& initial,
                                   Where where = Where::current());
  template <KeptBuffer In, OutBuffer<BufferValue<In>> Out, class Op>
  [[nodiscard]] Request iexscan(In&& in, Out&& out, Op op, const BufferValue<In>& initial,
                                Where where = Where::current());
  template <InPlaceBuffer Data, class Op>
  [[nodiscard]] Request iexscan(Data&& data, Op op, const BufferValue<Data>& initial, Where where = Where::current());
  template <KeptBuffer In, OutBuffer<BufferValue<In>> Out, class Op>
  [[nodiscard]] Request ireduce_scatter_block(In&& in, Out&& out, Op op, Where where = Where::current());
  template <WritableBuffer Data, class Op>
  [[nodiscard]] Request ireduce_scatter_block(Data&& data, Op op, Where where = Where::current());
  template <KeptBuffer In, OutBuffer<BufferValue<In>> Out, class Op>
  [[nodiscard]] Request ireduce_scatter(In&& in, Out&& out, KeptParts parts, Op op, Where where = Where::current());
  template <class T, WritableBuffer Out>
    requires requires(const T& value) { BufferValue<Out>{value}; }
  [[nodiscard]] Request iallgather(const T& value, Out&& out, Where where = Where::current());
  template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
  [[nodiscard]] Request iallgather(In&& in, Out&& out, Where where = Where::current());
  template <WritableBuffer Data>
  [[nodiscard]] Request iallgather(Data&& data, Where where = Where::current());
  template <class T, WritableBuffer Out>
    requires requires(const T& value) { BufferValue<Out>{value}; }
  [[nodiscard]] Request igather(const T& value, Out&& out, int root, Where where = Where::current());
  template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
  [[nodiscard]] Request igather(In&& in, Out&& out, int root, Where where = Where::current());
  template <KeptBuffer In>
  [[nodiscard]] Pending<BufferValue<In>> iscatter(In&& in, int root, Where where = Where::current());
  template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
  [[nodiscard]] Request iscatter(In&& in, Out&& out, int root, Where where = Where::current());
  template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
  [[nodiscard]] Request ialltoall(In&& in, Out&& out, Where where = Where::current());
  template <WritableBuffer Data>
  [[nodiscard]] Request ialltoall(Data&& data, Where where = Where::current());
  template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
  [[nodiscard]] Request iallgatherv(In&& in, Out&& out, KeptParts parts, Where where = Where::current());
  template <KeptBuffer In>
    requires Returnable<BufferValue<In>>
  [[nodiscard]] Pending<Ragged<BufferValue<In>>> iallgatherv(In&& in, Where where = Where::current());
  template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
  [[nodiscard]] Request igatherv(In&& in, Out&& out, KeptParts parts, int root, Where where = Where::current());
  template <KeptBuffer In>
    requires Returnable<BufferValue<In>>
  [[nodiscard]] Pending<Ragged<BufferValue<In>>> igatherv(In&& in, int root, Where where = Where::current());
  template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
  [[nodiscard]] Request iscatterv(In&& in, KeptParts parts, Out&& out, int root, Where where = Where::current());
  template <KeptBuffer In>
    requires Returnable<BufferValue<In>>
  [[nodiscard]] Pending<std::vector<BufferValue<In>>> iscatterv(In&& in, KeptParts parts, int root,
                                                                Where where = Where::current());
  template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
  [[nodiscard]] Request ialltoallv(In&& in, KeptParts in_parts, Out&& out, KeptParts out_parts,
                                   Where where = Where::current());
  template <KeptBuffer In>
    requires Returnable<BufferValue<In>>
  [[nodiscard]] Pending<Ragged<BufferValue<In>>> ialltoallv(In&& in, KeptParts in_parts,
                                                            Where where = Where::current());

  // --- teams of some of the ranks. All of this team call, with the same arguments but color and key. The new team is this
  // rank's as long as the pointer lives, which before the end of the Runtime only the rank may end, and after a run the thread
  // that ran it; ranks that are in no new team get none. To let a team go is no collective. Collectives of different teams
  // overlap as they like. A team that is kept longer than its Runtime refuses every call that meets others, and keeps the
  // address space of the host's segment, as arrays and unfinished requests do.
  // Cost       two exchanges and O(size()) work a rank
  // Allocates  a block of each host's segment, of which 0.8 KB a rank are touched by calls, 1 KB more by payloads of 49 to 512
  //            bytes, and as much again by non-blocking calls. Where the team spans processes, it has 16 pieces a rank of address
  //            space (SKEIN_PIECE; 8 MiB), at most 512 MiB, of which large payloads touch what they need. Freed blocks are used
  //            again.
  // Errors     Error(environment) when the segment is full, or holds 1,024 teams and shared arrays; a mismatch of the calls or
  //            of `ranks` ends the run ---

  /// One team for each color, which is not negative, or kNoTeam; its ranks in the order of `key`, those of equal keys as here.
  static constexpr int kNoTeam = std::numeric_limits<int>::min();
  [[nodiscard]] std::unique_ptr<Team> split(int color, int key = 0, Where where = Where::current());

  /// One team for each lane, process, L3 cache, NUMA domain or host that has ranks of this one.
  [[nodiscard]] std::unique_ptr<Team> split_by(Level level, Where where = Where::current());

  /// The same ranks in the same order, for a part of the program whose calls shall not meet those of others.
  [[nodiscard]] std::unique_ptr<Team> dup(Where where = Where::current());

  /// The given ranks, in the given order.
  [[nodiscard]] std::unique_ptr<Team> subset(std::span<const int> ranks, Where where = Where::current());

  /// What `rank` is called in another team of this rank's; nothing when it is not in it, or its Runtime is another. Local.
  std::optional<int> translate(int rank, const Team& other) const;

  // --- memory and processes ---

  /// One zero-filled array of n values for all ranks of the host; each rank first touches its own block. On several hosts
  /// each has an array of its own, in which the ranks of the other hosts own blocks as well; nothing moves between them.
  /// Collective  all ranks, with the same n.
  /// Allocates   n * sizeof(T) bytes in the segment of each host, rounded up to pages.
  template <class T>
  SharedArray<T> shared(std::size_t n, Where where = Where::current());

  /// Calls f on rank 0 alone, and returns what it returned on every rank: a value, a std::string, a vector of values, or
  /// nothing. For files that one rank reads. What f throws ends the run.
  /// Collective  all ranks.
  template <class F>
  std::invoke_result_t<F&> once(F&& f, Where where = Where::current());

  /// Calls f once in every process of the team, on its main lane, the thread that may call MPI, which has to carry a rank of
  /// the team; the other ranks wait, parked after a while. For libraries that speak MPI themselves: PETSc, FFTW, parallel HDF5
  /// (Runtime::comm is theirs to use).
  /// Collective  all ranks.
  /// Blocks      until f has returned in every process.
  template <class F>
  void per_process(F&& f, Where where = Where::current()) {
    const Call call{.operation = Operation::per_process, .where = where};
    enter(call);
    guarded([&] {
      const int caller = rank_on_main_lane();
      require(caller >= 0, call,
              "this process has no rank of the team on its main lane, the only one that may call MPI");
      exchange(signature(call), nullptr, 0, kNoContent, kNothing, nullptr, 0);
      if (rank_ == caller) on_own_stack(f);
      if (context_->is_in_child()) refuse_call(call);  // of a fork in f
      exchange(signature(Call{.operation = Operation::piece}), nullptr, 0, kNoContent, kNothing, nullptr, 0);
    });
  }

  // --- alone ---

  /// Prints one line for the whole team: rank 0's. The others only pass by; it does not synchronise.
  template <class... Args>
  void log(fmt::format_string<Args...> format, Args&&... args) {
    if (root()) print_line(fmt::format(format, std::forward<Args>(args)...));
  }

  /// Lets the other ranks of this rank's lane run before it goes on, those that can; a rank alone on its lane gives its CPU to
  /// other threads. For a rank that computes long, or polls something outside Skein. Not collective.
  void yield(Where where = Where::current()) {
    require_caller({.operation = Operation::yield, .where = where});
    context_->waiter().idle();
    if (context_->host().abort().is_set()) [[unlikely]]
      throw_failed(Progress::aborted);
    if (!context_->lane().is_shared()) StdAtomics::yield();
  }

  /// Seconds that this rank has spent waiting for others; waits shorter than the first polls count as none. Where ranks share
  /// a lane, the time in which none of them could go on.
  double waited_s() const { return static_cast<double>(context_->waited_ns()) * 1e-9; }

 private:
  friend class Operations;
  friend class RankRunner;

  Team(RankContext& context, HeapHandle block, std::shared_ptr<TeamSide> side, int rank, TeamName name, Strand strand);

  /// body(team, outstanding) makes the call that `operation` names.
  template <class Body>
  Request start(Operation operation, Where where, Body body) {
    const Call call{.operation = nonblocking(operation), .where = where};
    Operations& all = operations_for(call);
    return Request(all, all.start(call, std::move(body)), context_->share());
  }
  template <class Result, class Make>
  Pending<Result> start_making(Operation operation, Where where, Make make);
  Operations& operations_for(const Call& call);

  /// The team of the ranks that pass the same `color`, in the order of `key` and then of this team; none for kNoColor.
  std::unique_ptr<Team> divide(const Call& call, std::int64_t color, int key);
  static constexpr std::int64_t kNoColor = -1;

  static void print_line(const std::string& line);

  std::shared_ptr<Operations> operations_;  ///< from the first one on
};

template <class T>
SharedArray<T> Team::shared(std::size_t n, Where where) {
  static_assert(Transferable<T>,
                "a shared array holds trivially copyable values, no pointers: processes map it elsewhere");
  const Call call{.operation = Operation::shared, .element_bytes = sizeof(T), .count = n, .where = where};
  enter(call);
  return guarded([&] {
    require(n <= PTRDIFF_MAX / sizeof(T), call, "too many values");
    const Heap heap = context_->host().heap();
    const int first = map().rank_at(0);
    int block = rank_ == first ? heap.allocate("shared array", n * sizeof(T), map().seats()) : -1;
    exchange(signature(call), &block, sizeof(block), kNoContent, kNothing, nullptr, 0);
    block = posted_value(first, block);
    SharedArray<T> array(HeapHandle(context_->share(), block), heap.data(block), n, block_range(n, size_, rank_));
    std::memset(static_cast<void*>(array.block().data()), 0, array.block().size_bytes());  // first touch
    exchange(signature(Call{.operation = Operation::piece}), nullptr, 0, kNoContent, kNothing, nullptr, 0);
    return array;
  });
}

}  // namespace skein
