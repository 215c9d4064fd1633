// SPDX-License-Identifier: Apache-2.0
// The program Skein began with: a million barriers, what one costs, and the allocations they made (none).
#pragma once

#include "command_line.hpp"

namespace bench {

int run_million(int argc, char** argv, const MillionOptions& options);

}  // namespace bench
