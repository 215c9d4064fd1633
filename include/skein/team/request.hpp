// SPDX-License-Identifier: Apache-2.0
//
// A started split-phase collective.
#pragma once

#include <utility>

#include "skein/team/line.hpp"

namespace skein {

class RankContext;
class Team;

/// Returned by Team::ibarrier. Complete it with wait(), or with test() until that returns true. Destroying it earlier, or its
/// team, is an error that ends the run. Used by its rank only, inside the run. When the team spans hosts, it completes only while
/// on each host a rank of the first lane that carries any of the team calls this team, or waits for or tests a request of it: a
/// rank that waits for it must not be what that rank waits for.
class Request {
 public:
  Request() = default;
  Request(Request&& other) noexcept { swap(other); }
  Request& operator=(Request&& other) noexcept {
    Request(std::move(other)).swap(*this);
    return *this;
  }
  ~Request();

  /// True when all ranks have arrived. Does not block, does not allocate.
  /// Errors  TeamAborted when another rank has failed.
  bool test();

  /// Blocks until all ranks have arrived.
  /// Errors  TeamAborted when another rank has failed.
  void wait();

 private:
  friend class Team;
  Request(Team& team, RankContext& context, Episode episode) : team_(&team), context_(&context), episode_(episode) {}
  void require_team() const;
  void swap(Request& other) noexcept {
    std::swap(team_, other.team_);
    std::swap(context_, other.context_);
    std::swap(episode_, other.episode_);
  }

  Team* team_ = nullptr;  ///< which may be gone when the rank has to leave
  RankContext* context_ = nullptr;
  Episode episode_ = 0;
};

}  // namespace skein
