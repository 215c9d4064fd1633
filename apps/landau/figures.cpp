// SPDX-License-Identifier: Apache-2.0
//
// The two figures of a run, as descriptions for draw_figures.py.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "landau/output.hpp"

namespace landau {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostPanels = 6;
constexpr double kShownTail = 4.5;  // thermal speeds beyond the beams that the phase space picture shows

std::string subtitle(const Config& c) {
  return fmt::format("k = {:g}, amplitude {:g}{}, {} × {} points, {} steps of {:g}", c.wave_number, c.amplitude,
                     c.is_two_stream() ? fmt::format(", beams at ±{:g}", c.beam_speed) : "", c.points_x, c.points_v,
                     c.steps(), c.step);
}

// Both ends of exp(line) over a range: straight on a logarithmic axis.
Json line_ends(const Line& line, double from, double to) {
  return Json::array({{from, std::exp(line.at(from))}, {to, std::exp(line.at(to))}});
}

std::string note(const Config& c, const Analysis& a) {
  if (c.fit == "nonlinear") {
    std::string text = a.gamma ? fmt::format("first two peaks  γ = {:.4f}", a.gamma->value) : "";
    if (a.late_gamma)
      text += fmt::format("\nlater peaks  γ = {:+.4f} ± {:.4f}", a.late_gamma->value, a.late_gamma->error);
    return text;
  }
  if (!a.gamma || !a.theory) return {};
  std::string text = fmt::format("γ = {:.6f}   theory {:.6f}   ({:+.3f} %)", a.gamma->value, a.theory->imag(),
                                 100 * a.gamma_deviation());
  if (a.theory->real() != 0) {
    text += fmt::format("\nω = {:.6f}   theory {:.6f}   ({:+.3f} %)", a.omega->value, a.theory->real(),
                        100 * a.omega_deviation());
  }
  return text;
}

Json energy_figure(const Summary& summary) {
  const Config& c = summary.config;
  const Analysis& a = summary.analysis;
  Json series = Json::array();
  series.push_back(
      {{"label", "field energy"}, {"look", "data"}, {"csv", "field_energy.csv"}, {"x", "time"}, {"y", "field_energy"}});
  if (a.theory && a.amplitude_theory) {
    // The envelope of the least damped (or the growing) mode with the amplitude that theory gives it.
    const double rate = a.theory->imag();
    const double ratio = a.theory->real() != 0 ? rate / a.theory->real() : 0;
    const double at_0 = std::numbers::pi / (2 * c.wave_number) * std::pow(*a.amplitude_theory, 2) / (1 + ratio * ratio);
    const double last = c.fit == "growth" ? a.to : c.end;
    series.push_back({{"label", "theory: amplitude and rate"},
                      {"look", "theory"},
                      {"points", line_ends({std::log(at_0), 2 * rate, 0}, 0, last)}});
  }
  for (std::size_t n = 0; n < a.lines.size(); ++n) {
    const auto& [line, range] = a.lines[n];
    const char* label = c.fit != "nonlinear" ? "fit"
                        : n == 0             ? "through the first two peaks"
                                             : "fit to the later peaks";
    series.push_back({{"label", label}, {"look", "fit"}, {"points", line_ends(line, range.first, range.second)}});
  }
  if (!a.peaks.empty()) {
    Json points = Json::array();
    for (const Peak& peak : a.peaks) points.push_back({peak.time, std::exp(peak.log_value)});
    series.push_back({{"label", "peaks used"}, {"look", "marks"}, {"points", points}});
  }
  double low = summary.record.field.front().energy;
  double high = low;
  for (const FieldMoments& field : summary.record.field) high = std::max(high, field.energy);
  for (const Peak& peak : a.peaks) low = std::min(low, std::exp(peak.log_value));
  if (c.fit == "growth") {
    for (const FieldMoments& field : summary.record.field) low = std::min(low, field.energy);
  }
  Json figure = {{"file", "field_energy.png"},
                 {"kind", "lines"},
                 {"title", "Field energy: " + c.name},
                 {"subtitle", subtitle(c)},
                 {"x_label", "time  [$1/\\omega_p$]"},
                 {"y_label", "field energy  [$n_0 T \\lambda_D$]"},
                 {"y_scale", "log"},
                 {"x_range", {0, c.end}},
                 {"y_range", {low / 30, high * 10}},
                 {"series", series},
                 {"note_at", c.fit == "growth" ? "upper left" : "upper right"}};
  if (const std::string text = note(c, a); !text.empty()) figure["note"] = text;
  if (a.to > a.from && a.gamma && c.fit != "nonlinear") {
    figure["spans"] = Json::array({{{"from", a.from}, {"to", a.to}, {"label", "window of the fit"}}});
  }
  return figure;
}

Json phase_space_figure(const Summary& summary) {
  const Config& c = summary.config;
  const Record& record = summary.record;
  const Problem problem = c.problem();
  const bool deviation = c.fit == "damping";  // f itself would show nothing
  const double shown = std::min(c.v_max, c.beam_speed + kShownTail);
  const std::size_t states = record.snapshot_times.size();
  const std::size_t panels = std::min(states, kMostPanels);
  Json list = Json::array();
  for (std::size_t p = 0; p < panels; ++p) {
    const std::size_t state = panels < 2 ? states - 1 : (states - 1) * p / (panels - 1);
    const std::uint64_t offset = record.snapshots_offset + state * problem.points_x * problem.points_v * sizeof(double);
    list.push_back({{"title", fmt::format("t = {:.4g}", record.snapshot_times[state])},
                    {"raw", kSnapshotFile},
                    {"offset", offset},
                    {"shape", {problem.points_x, problem.points_v}},
                    {"x", {0, problem.length()}},
                    {"y", {-c.v_max, c.v_max}}});
  }
  return {{"file", "phase_space.png"},
          {"kind", "maps"},
          {"title", (deviation ? "Perturbation in phase space: " : "Phase space: ") + c.name},
          {"subtitle", subtitle(c)},
          {"x_label", "x  [$\\lambda_D$]"},
          {"y_label", "v  [$v_{th}$]"},
          {"value_label", deviation ? "f − mean over x  [$n_0/v_{th}$]" : "f  [$n_0/v_{th}$]"},
          {"quantity", deviation ? "deviation" : "value"},
          {"y_range", {-shown, shown}},
          {"panels", list}};
}

}  // namespace

std::string figures_json(const Summary& summary) {
  Json figures = Json::array();
  figures.push_back(energy_figure(summary));
  if (!summary.record.snapshot_times.empty()) figures.push_back(phase_space_figure(summary));
  return Json{{"figures", figures}}.dump(2) + "\n";
}

}  // namespace landau
