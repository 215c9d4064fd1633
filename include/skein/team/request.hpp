// SPDX-License-Identifier: Apache-2.0
//
// A started split-phase collective.
#pragma once

#include <utility>

#include "skein/team/line.hpp"

namespace skein {

class Team;

/// Returned by Team::ibarrier. Complete it with wait(), or with test() until that returns true. Destroying it earlier is
/// an error that ends the run. Used by its rank only, inside the run. When the team spans hosts, it completes only while a
/// rank of the first lane of each host is in some Skein call: a rank that waits for it must not be what that rank waits for.
class Request {
 public:
  Request() = default;
  Request(Request&& other) noexcept : team_(std::exchange(other.team_, nullptr)), episode_(other.episode_) {}
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
  Request(Team& team, Episode episode) : team_(&team), episode_(episode) {}
  void swap(Request& other) noexcept {
    std::swap(team_, other.team_);
    std::swap(episode_, other.episode_);
  }

  Team* team_ = nullptr;
  Episode episode_ = 0;
};

}  // namespace skein
