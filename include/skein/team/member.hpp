// SPDX-License-Identifier: Apache-2.0
//
// Member: one rank's part in a team, which every collective is made of. Programs see it as Team (team.hpp).
//
// Who      its rank only, inside a run; what others may do is refused with words.
// Cost     see Exchange; of what is done around it, nothing needs more than a few cache lines, which come first.
// Memory   allocates nothing after it is made.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skein/lane/fibers.hpp"
#include "skein/lane/held_mutexes.hpp"  // counts in the units of programs
#include "skein/team/call.hpp"
#include "skein/team/exchange.hpp"
#include "skein/team/heap_handle.hpp"
#include "skein/team/parts.hpp"
#include "skein/team/rank_context.hpp"
#include "skein/team/team_side.hpp"

namespace skein {

/// For what another thread may still use, from which nobody takes it any more: it stays reachable, as memory checkers ask for.
void keep_for_ever(std::shared_ptr<const void> object);

class alignas(kStride) Member {  // each rank writes to its own in every call
 public:
  /// Of the run's first team. The context outlives it.
  explicit Member(RankContext& context);

  /// Of a team whose board `side` holds; `rank` is the number in it. `block` is what the board lies in, on the strand of calls.
  Member(RankContext& context, HeapHandle block, std::shared_ptr<TeamSide> side, int rank, TeamName name,
         Strand strand);
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  const RankMap& map() const { return side_->board().map(); }
  int process() const { return map().process_of(rank_); }
  int processes() const { return map().processes(); }
  int hosts() const { return map().hosts(); }
  const Staging& staging() const { return side_->board().staging(strand_); }

  /// The way to other hosts; null but on the lane that is the root of this one.
  HostExchange* others() const { return side_->others(strand_); }

  /// What every call begins with. The shortest ones leave the roll-call to their exchange().
  void enter(const Call& call) {
    require_caller(call);
    note(call, exchange_.arrived() + 1);
    prepare();
  }
  void check(const Call& call) {
    require_caller(call);
    prepare();
  }
  /// Of a call that is none of the strand's own.
  void enter_beside(const Call& call) {
    require_caller(call);
    note(call, exchange_.arrived());
    prepare();
  }

  void require_caller(const Call& call) {
    if (!context_->may_call()) [[unlikely]]
      look_at_caller(Call(call));  // a copy, so that the call itself needs no memory
#ifndef NDEBUG
    context_->check_fp_environment(call);
    context_->check_mutexes(call);
#endif
  }

  void prepare() {
    if (name_ != 0) look_around();
  }

  /// For teams of some ranks: what goes on elsewhere. A team without the rank that has failed would never notice; a rank that
  /// is alone in its team on its lane would never let the others there run; and a team of one lane's ranks would never let
  /// the leader's listen to other hosts.
  void look_around() {
    if (context_->host().abort().is_set()) [[unlikely]]
      throw_failed(Progress::aborted);
    constexpr Episode kGiveWayEvery = 8;
    if (gives_way_ && exchange_.arrived() % kGiveWayEvery == 0) context_->waiter().idle();
  }

  /// In the place of Busy where no code of the program runs; a Busy that is told so costs 4 % (skein-bench allreduce).
  struct NotBusy {
    explicit NotBusy(RankContext&) {}
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
    if (noted != nullptr) note(*noted, exchange_.arrived());
    const Progress progress = exchange_.complete(combine, content, out, out_bytes);
    if (progress != Progress::complete) [[unlikely]]
      throw_failed(progress);
  }

  /// Runs a collective in which peers read this rank's memory or user code runs: whatever it throws ends the run, and
  /// passes on only when nobody reads any more.
  template <class Body>
  decltype(auto) guarded(Body&& body) {
    try {
      const RankContext::Busy busy(*context_);
      if constexpr (std::is_void_v<decltype(body())>) {
        body();
        context_->shed_scratch();
      } else {
        decltype(auto) result = body();
        context_->shed_scratch();
        return result;
      }
    } catch (...) {
      context_->leave_by_exception();
      throw;
    }
  }

  /// Whether exchange() takes payloads of that size, where each rank reads as much as `ranks` of them have. Beyond, it is better
  /// to read only a share of each (large_reduce.hpp), or to copy once.
  static constexpr bool fits_post(std::size_t bytes, int ranks = 1) {
    constexpr std::size_t kMostReadBytes = std::size_t{8} * 1024;
    return bytes <= kInlineBytes || (bytes <= kPostBytes && bytes * static_cast<std::size_t>(ranks) <= kMostReadBytes);
  }

  /// The same of a fold of all ranks. Those of a lane would each fold the same, one after the other.
  bool fits_fold(std::size_t bytes) const { return fits_post(bytes, size_ * folds_of_lane_); }

  /// What `rank` posted in the newest exchange, of that many bytes, if it was content of it or the rank is of this host. Valid in
  /// its `combine`, and until the next exchange.
  const std::byte* posted(int rank, std::size_t bytes) const {
    if (!spans_hosts_) [[likely]]
      return exchange_.payload(rank, exchange_.arrived(), bytes);
    return posted_on_hosts(rank, bytes);
  }
  const std::byte* posted_on_hosts(int rank, std::size_t bytes) const;

  /// Where a fold of payloads that the line has no room for goes, for `out` of exchange(); null when the team has one host, whose
  /// ranks each fold themselves.
  std::byte* folded() const { return spans_hosts_ ? exchange_.folded() : nullptr; }

  /// As posted, as a function, for `combine` of a fold, which runs where the team has one host only. This rank's own
  /// contribution comes from where it came: reading back the line that peers are fetching would delay them and this rank.
  auto posted_with_own(const std::byte* own) const {
    return [this, own](int rank) { return rank == rank_ ? own : exchange_.payload(rank, exchange_.arrived(), 0); };
  }

  /// Copies the posted object of a rank.
  template <class T>
  T posted_value(int rank, T value) const {
    static_assert(sizeof(T) <= kInlineBytes);
    std::memcpy(&value, posted(rank, sizeof(T)), sizeof(T));
    return value;
  }

  /// Runs `touch`, which reads or writes memory of other ranks, while that is held alive: a bounded piece of work.
  template <class Touch>
  void touch_peers(const Touch& touch) {
    if (context_->readers().guard(touch) == WaitResult::aborted) context_->throw_aborted();
  }

  std::byte* scratch(std::size_t bytes) { return context_->scratch(bytes); }

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

  [[noreturn]] void throw_failed(Progress progress);
  void look_at_caller(const Call& call);
  [[noreturn]] void refuse_call(const Call& call);

  /// "rank 1 of 4 of team 4.1 (rank 5 of the run)".
  std::string who() const;

  /// Into the roll-call.
  [[gnu::always_inline]] inline void note(const Call& call, Episode episode) {
    context_->roll_call().enter(call, {name_, episode});
  }

  /// The rank of the process of this one that its main lane carries; -1 if that carries none of the team.
  int rank_on_main_lane() const;

 protected:
  friend class Operations;

  // What every call touches comes first: many ranks on a lane have to fit the caches.
  RankContext* context_;
  int rank_;
  int size_;
  TeamName name_ = 0;
  Exchange<StdAtomics> exchange_;
  Strand strand_;
  bool gives_way_;     // see look_around
  int folds_of_lane_;  // of payloads that the line has no room for, at most
  bool spans_hosts_;   // kept at hand: posted() is on the way of small reductions
  HeapHandle block_;
  std::shared_ptr<TeamSide> side_;  // ends before the block, which may then be another team's
};

}  // namespace skein
