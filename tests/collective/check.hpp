// SPDX-License-Identifier: Apache-2.0
//
// One check: a collective, with a type, an operator, a length, a form and a root, compared on every rank with what a
// serial program would have got.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kinds.hpp"
#include "skein/skein.hpp"

namespace skein_test {

enum class Form { value, span, in_place, inferred };

struct Check {
  Kind kind;
  int type;       ///< index into the list of types
  int op;         ///< index into the operators of the type
  std::size_t n;  ///< values that one rank gives, or gets; the most of them where these differ
  Form form;
  int root;
};

/// Every check of a kind for a team of `ranks` ranks.
std::vector<Check> all_checks(Kind kind, int ranks);

/// Bytes that the busiest rank moves: the cost of a check.
std::size_t weight(const Check& check, int ranks);

/// Runs a check; collective. `number` selects the inputs and who is late. Returns an empty text when all was as it must
/// be, else what was not.
std::string run_check(skein::Team& team, const Check& check, std::uint64_t number);

/// Non-blocking barriers: as many outstanding as may be, completed in any order by wait or test, among other collectives.
/// Collective; returns what was wrong on this rank.
std::string check_split_phase(skein::Team& team, int rounds, std::uint64_t seed);

/// Teams made of teams, in every way, and collectives of all of them, which overlap as they will: which team comes next is
/// drawn, and ranks that are not in it go on.
struct TeamProgram {
  int steps;
  std::uint64_t seed;
  std::size_t most_bytes;  ///< that the busiest rank moves in one collective

  /// What one rank does otherwise than the program says, once, at the first step that calls for it from `from_step` on.
  enum class Deviation { none, other_call, call_less, call_more, team_less };
  Deviation deviation = Deviation::none;
  int rank = 0;
  int from_step = 0;
  bool* has_deviated = nullptr;  ///< written by that rank: the program may have given it no occasion
};

/// Collective; returns what was wrong on this rank.
std::string check_teams(skein::Team& team, const TeamProgram& program);

}  // namespace skein_test
