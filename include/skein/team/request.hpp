// SPDX-License-Identifier: Apache-2.0
//
// Requests: the halves of non-blocking collectives that are still to come.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <utility>

#include "skein/team/operations.hpp"

namespace skein {

template <class T>
class Pending;

/// Returned by the non-blocking forms of Team. Complete it with wait(), or with test() until that returns true; until then the
/// buffers of the call belong to it, and should be declared before it. Destroying it earlier, or its team, is an error that ends
/// the run, and waits until nobody touches the buffers. Used by its rank only, inside the run; kept longer than the Runtime, it
/// throws. One that is empty or moved from is complete.
class Request {
 public:
  using Where = std::source_location;

  Request() = default;
  Request(Request&& other) noexcept { swap(other); }
  Request& operator=(Request&& other) noexcept {
    Request(std::move(other)).swap(*this);
    return *this;
  }
  ~Request();

  /// True when the call is complete on this rank. Goes on with it as far as it can without waiting, and lets other ranks of its
  /// lane run. A rank that tests for ever seems to compute: a run in which others wait for it then is not ended.
  /// Errors  those of the call; TeamAborted when another rank has failed.
  bool test(Where where = Where::current());

  /// Blocks until the call is complete on this rank.
  /// Errors  as test.
  void wait(Where where = Where::current());

 private:
  friend class Team;
  template <class T>
  friend class Pending;
  friend std::optional<std::size_t> wait_any(std::span<Request> requests, Where where);

  Request(Operations& operations, Outstanding& outstanding, std::shared_ptr<RankContext> rank)
      : operations_(&operations), outstanding_(&outstanding), rank_(std::move(rank)) {}
  void swap(Request& other) noexcept {
    std::swap(operations_, other.operations_);
    std::swap(outstanding_, other.outstanding_);
    std::swap(rank_, other.rank_);
  }
  void require_team(Operation operation, Where where) const;
  void require_value(Where where) const;

  /// As test; what is over stays to be completed.
  bool go_on(Where where);

  /// Of one that is over: throws what the call has thrown.
  void complete();

  /// As wait, for what a value form returns.
  void wait_for(void* value, std::size_t bytes, Where where);

  Operations* operations_ = nullptr;  ///< null when it is complete; may be gone when the rank has to leave
  Outstanding* outstanding_ = nullptr;
  std::shared_ptr<RankContext> rank_;  ///< keeps what it asks whether the run is over; null when it is complete
};

/// Blocks until all are complete.
/// Errors  as Request::wait.
void wait_all(std::span<Request> requests, Request::Where where = Request::Where::current());

/// Blocks until one more is complete, and returns which; nothing if all of them are complete already. They may be of several
/// teams of the rank.
/// Errors  as Request::wait.
std::optional<std::size_t> wait_any(std::span<Request> requests, Request::Where where = Request::Where::current());

}  // namespace skein
