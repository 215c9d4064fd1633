// SPDX-License-Identifier: Apache-2.0
//
// The tables that SKEIN_VERBOSE and SKEIN_REPORT print.
#pragma once

#include <string>

#include "skein/runtime/description.hpp"
#include "skein/team/host.hpp"

namespace skein {

/// How long each rank waited in the run that has just ended.
std::string waiting_table(const Host& host);

/// Where this process's ranks run, and how they wait.
std::string placement_table(const Description& run);

}  // namespace skein
