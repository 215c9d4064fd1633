// SPDX-License-Identifier: Apache-2.0
//
// How Skein speaks.
#pragma once

#include <string>
#include <string_view>

namespace skein {

/// Writes a whole text at once to standard output, behind what stdio holds back for it; signals cut nothing off. Blocks until it
/// is written, as stdio does.
void write_output(std::string_view text);

/// Writes a whole text at once to standard error, so that the output of several processes does not mix, and appends it to a
/// file if one is named. Uses no stdio, whose locks a stuck thread may hold, and survives readers that have gone.
void write_report(std::string_view text, const std::string& file = {});

}  // namespace skein
