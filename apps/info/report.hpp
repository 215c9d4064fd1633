// SPDX-License-Identifier: Apache-2.0
//
// One report from the records of all processes.
#pragma once

#include <string>
#include <vector>

#include "record.hpp"
#include "skein/runtime/runtime.hpp"

namespace info {

/// Brings the texts of all processes together, by the team that is being described; each starts with its own. `all` is
/// filled in process 0, in process order. Returns the exit code of the run.
/// Collective  all processes.
int gather(skein::Runtime& runtime, const std::string& own, std::vector<std::string>& all);

Json merge(const std::vector<std::string>& records);

}  // namespace info
