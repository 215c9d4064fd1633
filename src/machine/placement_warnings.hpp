// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "skein/machine/placement.hpp"

namespace skein {

/// How the lanes of a process came to their CPUs.
enum class Pinning {
  pinned,
  not_wanted,   ///< SKEIN_BIND=none
  overlapping,  ///< with a process that may use other CPUs: who would get which?
  too_few,      ///< CPUs
};

/// One warning for each pitfall that the plan has, with its remedy under the launcher in use.
std::vector<std::string> placement_warnings(const HostFacts& host, const HostPlan& plan,
                                            const std::vector<Pinning>& pinning);

}  // namespace skein
