// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "skein/machine/placement.hpp"

namespace skein {

/// The CPUs in which lanes take their places: those of a list as given, else those of `allowed`, cores before second
/// hardware threads. CPUs that the machine does not show, as in some containers, come last. Empty for Kind::none.
std::vector<int> cpu_order(const Machine& machine, const Binding& binding, const std::vector<int>& allowed);

/// Cores that the CPUs belong to; a CPU that the machine does not show counts as one.
int cores_of(const Machine& machine, const std::vector<int>& cpus);

}  // namespace skein
