// SPDX-License-Identifier: Apache-2.0
//
// What a run leaves in its folder, beside the snapshots:
//
//   field_energy.csv  every step: time, field energy, first Fourier component     same bits for every layout
//   moments.csv       every output.moments_every: what should be conserved        same bits for every layout
//   config.toml       what was run, with all defaults and overrides; can be run again
//   summary.txt, summary.json   the comparison with theory, conservation, timing
//   figures.json      what draw_figures.py draws
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "landau/analysis.hpp"
#include "landau/config.hpp"
#include "landau/simulation.hpp"

namespace landau {

/// Relative changes from the first look to the one that differs most; the momentum, which is zero, relative to the
/// integral of |v| f.
struct Conservation {
  double mass = 0, momentum = 0, energy = 0, l2 = 0;
  double min_f = 0;
  double negative_mass = 0;
};

struct Summary {
  const Config& config;
  const Record& record;
  const Analysis& analysis;
  const std::vector<std::string>& warnings;

  Conservation conservation() const;
  double steps_per_s() const { return static_cast<double>(config.steps()) / record.elapsed_s; }
};

std::string field_csv(const Config& config, const Record& record);
std::string moments_csv(const Record& record);
std::string summary_text(const Summary& summary);
std::string summary_json(const Summary& summary);
std::string figures_json(const Summary& summary);

/// Writes all of the above to `folder`. Throws io errors.
void write_output(const Summary& summary, const std::filesystem::path& folder);

}  // namespace landau
