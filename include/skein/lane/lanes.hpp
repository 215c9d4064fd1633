// SPDX-License-Identifier: Apache-2.0
//
// Lanes: the pinned operating-system threads of a process. Lane 0, the main lane, is the thread that made the group; the
// others run until it is destroyed, and sleep between jobs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace skein {

class Lanes {
 public:
  /// Starts cpus.size() - 1 threads and pins each lane to its CPU, unless that is negative. All or nothing: when a
  /// thread cannot start, those before it are joined and Error(environment) says how many there were. A lane that
  /// cannot be pinned runs unpinned.
  explicit Lanes(std::span<const int> cpus);

  /// Joins the threads and restores the caller's affinity.
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  /// Runs job(lane) on every lane at once and waits for all. `job` does not throw. Called by the main lane.
  void run(const std::function<void(int)>& job);

  int size() const;

  /// Lanes that should have been pinned and could not be.
  const std::vector<int>& unpinned() const;

 private:
  struct Group;
  std::unique_ptr<Group> group_;
};

}  // namespace skein
