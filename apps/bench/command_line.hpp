// SPDX-License-Identifier: Apache-2.0
// The command line of skein-bench: what it accepts, what it explains.
#pragma once

#include <cstdint>
#include <optional>

#include "options.hpp"

namespace bench {

struct MillionOptions {
  std::optional<int> ranks;  // per process; empty: as SKEIN_RANKS says
  std::uint64_t barriers = 1'000'000;
};

enum class Action { leave, compare, million };

struct CommandLine {
  Action action = Action::leave;
  int exit_code = 0;  // for Action::leave: 0 after --help, 2 after an error that has been printed
  BenchOptions bench;
  MillionOptions million;
};

CommandLine parse_command_line(int argc, char** argv);

// "5", "64KiB" or "1MiB" (bytes of doubles) as a number of doubles; nothing when it is none of these.
std::optional<std::uint64_t> parse_count(const std::string& text);

}  // namespace bench
