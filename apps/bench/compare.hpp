// SPDX-License-Identifier: Apache-2.0
// One comparing run from line-up to report.
#pragma once

#include <string>

#include "options.hpp"

namespace bench {

// Measures, prints, writes the JSON file. Returns the exit code: 0, 4 when the file cannot be written, 5 when a
// contender failed, 130 when interrupted. `command` is what the user typed, for the record.
int compare(const BenchOptions& options, const std::string& command);

}  // namespace bench
