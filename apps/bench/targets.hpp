// SPDX-License-Identifier: Apache-2.0
// What Skein must reach, as ratios Skein / peer within one run. The only place that holds these numbers.
#pragma once

#include <vector>

#include "evaluation.hpp"

namespace bench {

// Judges every target that the measured rows allow. `own_barrier` is allreduce over barrier of the same team.
std::vector<Verdict> judge_targets(const Evaluation& evaluation, const Spread& own_barrier, const BenchOptions& options,
                                   const MachineFacts& facts);

}  // namespace bench
