// SPDX-License-Identifier: Apache-2.0
//
// How Skein says what went wrong.
#pragma once

#include <string>
#include <string_view>

namespace skein {

/// Writes a whole text at once to standard error, so that the output of several processes does not mix, and appends it to a
/// file if one is named. Uses no stdio, whose locks a stuck thread may hold, and survives readers that have gone.
void write_report(std::string_view text, const std::string& file = {});

}  // namespace skein
