// SPDX-License-Identifier: Apache-2.0
// Skein as a contender.
#pragma once

#include "contender_main.hpp"

namespace bench {

// Runs commands inside Runtime::run until the coordinator ends it. Returns the runtime's exit code.
int serve_skein(int argc, char** argv, const ContenderArguments& arguments);

}  // namespace bench
