// SPDX-License-Identifier: Apache-2.0
#include "landau/output.hpp"

#include <cmath>

#include <fmt/format.h>

#include "support/files.hpp"

namespace landau {
namespace {

// Keeps the one that is farther from zero.
void keep_worst(double& worst, double value) {
  if (std::abs(value) > std::abs(worst)) worst = value;
}

}  // namespace

Conservation Summary::conservation() const {
  const Look& first = record.looks.front();
  Conservation worst;
  worst.min_f = first.moments.min_f;
  for (const Look& look : record.looks) {
    keep_worst(worst.mass, look.moments.mass / first.moments.mass - 1);
    keep_worst(worst.momentum, (look.moments.momentum - first.moments.momentum) / first.moments.speed);
    keep_worst(worst.energy, look.energy() / first.energy() - 1);
    keep_worst(worst.l2, look.moments.l2 / first.moments.l2 - 1);
    keep_worst(worst.negative_mass, look.moments.negative_mass / first.moments.mass);
    worst.min_f = std::min(worst.min_f, look.moments.min_f);
  }
  return worst;
}

std::string field_csv(const Config& config, const Record& record) {
  std::string text =
      "time [1/omega_p],field_energy [n_0 T lambda_D],mode_cos [T/(e lambda_D)],mode_sin [T/(e lambda_D)]\n";
  for (std::size_t n = 0; n < record.field.size(); ++n) {
    const FieldMoments& field = record.field[n];
    text += fmt::format("{},{},{},{}\n", static_cast<double>(n) * config.step, field.energy, field.mode_cos,
                        field.mode_sin);
  }
  return text;
}

std::string moments_csv(const Record& record) {
  std::string text =
      "time [1/omega_p],mass [n_0 lambda_D],momentum [n_0 lambda_D m v_th],kinetic_energy [n_0 T lambda_D],"
      "field_energy [n_0 T lambda_D],l2 [n_0^2 lambda_D/v_th],min_f [n_0/v_th],max_f [n_0/v_th],negative_mass [n_0 "
      "lambda_D]\n";
  for (const Look& look : record.looks) {
    const Moments& m = look.moments;
    text += fmt::format("{},{},{},{},{},{},{},{},{}\n", look.time, m.mass, m.momentum, m.kinetic, look.field_energy,
                        m.l2, m.min_f, m.max_f, m.negative_mass);
  }
  return text;
}

void write_output(const Summary& summary, const std::filesystem::path& folder) {
  Config printed = summary.config;
  support::write_file(folder / "config.toml", support::to_toml(config_keys(printed)));
  support::write_file(folder / "field_energy.csv", field_csv(summary.config, summary.record));
  support::write_file(folder / "moments.csv", moments_csv(summary.record));
  support::write_file(folder / "summary.txt", summary_text(summary));
  support::write_file(folder / "summary.json", summary_json(summary));
  support::write_file(folder / "figures.json", figures_json(summary));
}

}  // namespace landau
