// SPDX-License-Identifier: Apache-2.0
//
// The non-blocking calls of one rank in one team. Each is the blocking collective, made by a helper of the rank (rank_lane.hpp)
// on the team's second strand: it begins at once, goes on whenever its lane would wait or gives way, and is made with the same
// bits. Operations follow each other as they were begun, so a strand has one set of channels, however many are outstanding.
//
// Who      the rank, and its helpers.
// Cost     two changes of fiber, and two more for each wait of the collective.
// Memory   allocates when the team's first operation begins, and when more of the lane's are outstanding than ever before: a
//          stack each, as large as a rank's, used as it is touched. An overflow of one is a plain SIGSEGV.
// Order    on all ranks the same among operations, as among blocking calls. Between the two, none is needed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <source_location>
#include <utility>
#include <vector>

#include "skein/lane/fp_environment.hpp"
#include "skein/team/rank_context.hpp"

namespace skein {

class Member;
class Team;

/// Non-blocking calls of one team that a rank may have begun and not completed.
inline constexpr int kMaxOutstanding = 8;

/// One of them.
struct Outstanding {
  std::uint64_t number = 0;
  RankLane::Helper* helper = nullptr;  ///< as long as it is taken
  bool is_taken = false;               ///< by a request
  bool is_over = false;
  bool has_failed = false;     ///< and is over
  std::exception_ptr failure;  ///< if so: its own; null for that of another rank

  /// For what value forms return.
  std::byte* result(std::size_t bytes) {
    if (bytes <= small_result.size()) return small_result.data();
    large_result.resize(bytes);
    return large_result.data();
  }
  alignas(std::max_align_t) std::array<std::byte, 64> small_result;
  std::vector<std::byte> large_result;
};

class Operations {
 public:
  using Where = std::source_location;

  /// `team` is that of the blocking calls. Both outlive it.
  Operations(Member& team, RankContext& rank);
  ~Operations();
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;

  /// body(team, outstanding) makes the blocking call. Throws what that throws before it first waits.
  template <class Body>
  Outstanding& start(const Call& call, Body body) {
    Outstanding& own = free_one(call);
    take(own);
    Job<Body> job{*this, own, body, FpEnvironment::capture()};
    run_helper(own, &Job<Body>::work, &job);
    if (own.has_failed) complete(own);
    return own;
  }

  bool test(Outstanding& own, Where where);
  void wait(Outstanding& own, Where where);
  void enter_wait(Where where);

  /// Of one that is over: its request is done. Throws what the call has thrown.
  void complete(Outstanding& own);

  /// Its request is destroyed.
  void drop(Outstanding& own);

  int outstanding() const { return taken_; }

 private:
  /// What a helper is told. It lies on the rank's stack until the helper waits for the first time.
  template <class Body>
  struct Job {
    Operations& all;
    Outstanding& own;
    Body& body;
    FpEnvironment fp_environment;

    static void work(void* context) {
      auto& job = *static_cast<Job*>(context);
      job.fp_environment.install();
      Operations& all = job.all;
      Outstanding& own = job.own;
      Body body = std::move(job.body);
      const RankContext::AtWork at_work(all.rank_);
      try {
        all.wait_for_turn(own);
        body(*all.team_, own);
      } catch (const TeamAborted&) {
        own.has_failed = true;
      } catch (...) {
        own.has_failed = true;
        own.failure = std::current_exception();
        all.context_.leave_by_exception();  // which it has done if it comes from the collective itself
      }
      all.finish(own);
    }
  };

  Outstanding& free_one(const Call& call);
  void take(Outstanding& free);
  void run_helper(Outstanding& own, void (*work)(void*), void* context);
  void wait_for_turn(const Outstanding& own);
  void finish(Outstanding& own);
  void release(Outstanding& own);

  Member& calls_;
  RankContext& rank_;
  RollCallLine<StdAtomics> line_;
  RankContext context_;
  std::unique_ptr<Team> team_;  ///< the same ranks, on the second strand
  std::array<Outstanding, kMaxOutstanding> outstanding_;
  int taken_ = 0;
  std::uint64_t started_ = 0;
  std::uint64_t finished_ = 0;
  Turns<StdAtomics>::Queue in_order_;  ///< helpers that wait for the operation before theirs
};

}  // namespace skein
