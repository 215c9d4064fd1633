// SPDX-License-Identifier: Apache-2.0
//
// Which ranks read which lines in an exchange, and the one place that chooses. The pattern changes speed, never results.
#pragma once

#include <string_view>

namespace skein {

enum class Pattern {
  automatic,
  all_to_all,      ///< every rank reads every rank
  gather_release,  ///< rank 0 reads every rank; the others read a release line, kPollersPerLine to a line
};

/// Ranks that poll one release line.
inline constexpr int kPollersPerLine = 16;

/// The pattern of a team of `ranks` ranks of one host when `wanted` leaves the choice.
Pattern choose_pattern(Pattern wanted, int ranks);

std::string_view pattern_name(Pattern pattern);

}  // namespace skein
