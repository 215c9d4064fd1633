// SPDX-License-Identifier: Apache-2.0
//
// Lanes: the pinned operating-system threads of a process. Lane 0, the main lane, is the thread that made the group; the
// others run until it is destroyed, and sleep between jobs.
//
// Ranks   a lane carries one rank on its own stack, or several as fibers (fibers.hpp), which take turns: a Rota says who
//         runs next.
// Stack   each started thread and each fiber has one of the size asked for, above a guard area, independent of ulimit -s. The
//         main lane has that of its thread, which grows at least as far if the hard limit of RLIMIT_STACK allows, and else warns.
//         An overflow ends the process with one message that names the rank, and ExitCode::parallel. Helpers have as much.
// FP      every job starts on every lane in the floating-point environment that the main lane has when it calls run().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace skein {

/// What Linux gives a main thread unless told otherwise. Address space; memory is used as it is touched.
inline constexpr std::size_t kDefaultStackBytes = std::size_t{8} << 20U;

/// Who of the ranks of a lane runs. Called on that lane.
class Rota {
 public:
  /// All its ranks are about to start.
  virtual void begin() = 0;

  /// At the start, and when a rank has ended: who goes on, counted from 0 within the lane; negative when all have ended.
  virtual int next() = 0;

 protected:
  ~Rota() = default;
};

struct LaneSettings {
  std::size_t stack_bytes = kDefaultStackBytes;
  int first_rank = 0;                            ///< that of lane 0, for messages; the others follow
  int ranks = 0;                                 ///< of all lanes, in blocks; 0 for one each
  std::vector<Rota*> rotas = {};                 ///< of the lanes that carry several ranks, by lane; outlive the lanes
  std::function<void(const std::string&)> warn;  ///< called by the main lane; none: warnings are dropped
};

class Lanes {
 public:
  /// Starts cpus.size() - 1 threads and pins each lane to its CPU, unless that is negative. All or nothing: when a
  /// thread cannot start, those before it are joined and Error(environment) says how many there were. A lane that
  /// cannot be pinned runs unpinned.
  explicit Lanes(std::span<const int> cpus, LaneSettings settings = {});

  /// Joins the threads and restores the caller's affinity, the limit of its stack, and the handler of SIGSEGV.
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  /// Runs job(rank) for every rank, on all lanes at once, and waits for all; ranks are counted from 0 within the process.
  /// `job` does not throw. Called by the main lane. A rank that ends the job in another floating-point environment than it
  /// began with is warned about, and the lane gets the old one back.
  void run(const std::function<void(int)>& job);

  /// Whether any lanes of this process are in a job. Called by any thread.
  static bool some_run();

  int size() const;

  /// Lanes that should have been pinned and could not be.
  const std::vector<int>& unpinned() const;

 private:
  struct Group;
  std::unique_ptr<Group> group_;
};

}  // namespace skein
