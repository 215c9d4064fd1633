// SPDX-License-Identifier: Apache-2.0
// Who is measured: every contender with its default and its best settings, and who is left out, and why.
#pragma once

#include <string>
#include <vector>

#include "contender.hpp"
#include "machine_facts.hpp"
#include "options.hpp"

namespace bench {

// What an entry of the line-up is for.
enum class Role { yardstick, second_yardstick, subject, control, peer };

struct Entrant {
  Role role = Role::peer;
  std::string label;  // short name of the setting: "default", "active"
  ContenderSpec spec;
};

struct LeftOut {
  std::string name;
  std::string reason;
};

struct Lineup {
  std::vector<Entrant> entrants;
  std::vector<LeftOut> left_out;
};

// Names that --only and --skip accept.
const std::vector<std::string>& contender_names();

// `folder` holds the programs of the peers, `self` is this program, which also serves as Skein's contender.
Lineup make_lineup(const BenchOptions& options, const MachineFacts& facts, const std::string& folder,
                   const std::string& self);

}  // namespace bench
