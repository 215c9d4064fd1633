// SPDX-License-Identifier: Apache-2.0
#include "skein/team/pattern.hpp"

namespace skein {
namespace {

// Beyond this the p * (p - 1) line transfers of all-to-all cost more than the second hop of gather and release.
constexpr int kMostRanksAllToAll = 4;

}  // namespace

Pattern choose_pattern(Pattern wanted, int ranks) {
  if (wanted != Pattern::automatic) return wanted;
  return ranks <= kMostRanksAllToAll ? Pattern::all_to_all : Pattern::gather_release;
}

std::string_view pattern_name(Pattern pattern) {
  switch (pattern) {
    case Pattern::all_to_all:
      return "all-to-all";
    case Pattern::gather_release:
      return "gather-release";
    case Pattern::automatic:
      break;
  }
  return "auto";
}

}  // namespace skein
