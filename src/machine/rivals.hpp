// SPDX-License-Identifier: Apache-2.0
//
// Which processes of a host compete for which CPUs and limits, and how many lanes meet there.
#pragma once

#include <vector>

#include "skein/machine/placement.hpp"

namespace skein {

/// CPUs of each process, ascending.
using CpuSets = std::vector<std::vector<int>>;

CpuSets masks_of(const std::vector<ProcessFacts>& processes);

/// The CPUs that the lanes of each process choose from: those of its list, else its mask.
CpuSets pools_of(const std::vector<ProcessFacts>& processes);

/// The processes that compete with each other, directly or through others between them; processes without CPUs are in no
/// group.
std::vector<std::vector<int>> rivals(const CpuSets& cpus);

/// A process's fair share of its pool and its limits, at least one; together no more than `most`.
std::vector<int> default_lanes(const std::vector<ProcessFacts>& processes, int most);

/// For each process: the lanes that can only run on CPUs of its mask, and these CPUs.
std::vector<Load> loads_of_masks(const CpuSets& masks, const std::vector<int>& lanes);

/// For each process: the most crowded limit that it is under; {0, 1} without one.
struct LimitLoad {
  Load load{0, 1};
  CpuLimit limit;
};
std::vector<LimitLoad> loads_of_limits(const std::vector<ProcessFacts>& processes, const std::vector<int>& lanes);

/// What decides how a process should wait: the most crowded of its mask, those of its rivals, all their CPUs together,
/// and its limits.
std::vector<Load> worst_loads(const std::vector<ProcessFacts>& processes, const std::vector<int>& lanes);

}  // namespace skein
