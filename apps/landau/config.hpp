// SPDX-License-Identifier: Apache-2.0
//
// What a run of landau is told: the config file and the overrides of the command line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "landau/solver.hpp"
#include "support/config.hpp"

namespace landau {

/// Keys, units and meaning are in config_keys(); the same names without the section.
struct Config {
  std::string name = "unnamed";

  std::string initial;
  double wave_number = 0;
  double amplitude = 0;
  double beam_speed = 0;

  std::int64_t points_x = 0;
  std::int64_t points_v = 0;
  double v_max = 0;

  double step = 0;
  double end = 0;

  std::int64_t degree = 7;

  std::string fit;
  std::optional<double> fit_from;
  std::optional<double> fit_to;

  double moments_every = 0.5;
  std::int64_t snapshots = 6;
  double snapshots_from = 0;
  bool plots = true;

  bool is_two_stream() const { return initial == "two-stream"; }
  std::int64_t steps() const;
  Problem problem() const;
};

/// The table of all keys, with `config`'s members as targets. Also for --help and for printing.
std::vector<support::Key> config_keys(Config& config);

/// Reads and checks everything. Throws skein::Error(ExitCode::usage) as support/config.hpp says.
Config read_config(const support::ConfigSource& source);

}  // namespace landau
