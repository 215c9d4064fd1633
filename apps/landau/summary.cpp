// SPDX-License-Identifier: Apache-2.0
//
// The summary for people and for programs.
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "landau/output.hpp"

namespace landau {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

// Digits that the error bar leaves: the value to a tenth of its error.
std::string with_error(const Estimate& estimate) {
  if (!(estimate.error > 0)) return fmt::format("{:.6g}", estimate.value);
  const int digits = std::clamp(static_cast<int>(std::ceil(1 - std::log10(estimate.error))), 4, 9);
  return fmt::format("{:.{}f} ± {:.1e}", estimate.value, digits, estimate.error);
}

// Pads by what is seen, of which the plus-minus sign is one column in two bytes.
std::string padded(const std::string& text, std::size_t width) {
  std::size_t columns = 0;
  for (const char c : text) columns += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return columns < width ? text + std::string(width - columns, ' ') : text;
}

std::string rule() {
  std::string text;
  for (int i = 0; i < 78; ++i) text += "─";
  return text + "\n";
}

std::string comparison_row(std::string_view name, const std::optional<Estimate>& measured,
                           std::optional<double> theory) {
  const double deviation = measured && theory ? measured->value / *theory - 1 : 0;
  std::string text = "  " + padded(std::string(name), 12) + padded(measured ? with_error(*measured) : "no fit", 26) +
                     padded(theory ? fmt::format("{:.7g}", *theory) : "none", 16);
  if (measured && theory)
    text += *theory != 0 ? fmt::format("{:+.3f} %", 100 * deviation) : fmt::format("{:+.1e}", measured->value);
  while (text.ends_with(' ')) text.pop_back();
  return text + "\n";
}

std::string comparison(const Summary& summary) {
  const Analysis& a = summary.analysis;
  if (summary.config.fit == "none") return "  no comparison asked for (fit.kind = \"none\")\n";
  std::string text = "  " + padded("", 12) + padded("measured", 26) + padded("theory", 16) + "deviation\n";
  const auto theory = [&](auto part) { return a.theory ? std::optional<double>(part(*a.theory)) : std::nullopt; };
  if (summary.config.fit == "nonlinear") {
    text += comparison_row("gamma first", a.gamma, std::nullopt);
    text += comparison_row("gamma late", a.late_gamma, std::nullopt);
    text += fmt::format("  {:12}first: from peak to peak; late: {} peaks, t = {:.4g} to {:.4g}; no theory\n", "",
                        a.peaks.size() < 2 ? 0 : a.peaks.size() - 2, a.from, a.to);
    return text;
  }
  text += comparison_row("omega", a.omega, theory([](auto root) { return root.real(); }));
  text += comparison_row("gamma", a.gamma, theory([](auto root) { return root.imag(); }));
  if (a.amplitude) text += comparison_row("amplitude", Estimate{*a.amplitude, 0}, a.amplitude_theory);
  const std::string what = summary.config.fit == "damping" ? fmt::format("{} peaks, ", a.peaks.size()) : "";
  text += fmt::format("  {:12}fit: {}t = {:.4g} to {:.4g}\n", "", what, a.from, a.to);
  if (a.with_steps && a.theory) {
    text += fmt::format("  {:12}of this the time step explains {:+.3f} % in gamma\n", "",
                        100 * (a.with_steps->imag() / a.theory->imag() - 1));
  }
  return text;
}

}  // namespace

std::string summary_text(const Summary& summary) {
  const Config& c = summary.config;
  const Conservation kept = summary.conservation();
  std::string text = rule();
  text += fmt::format("  {}   k = {:g}, amplitude = {:g}{}\n", c.name, c.wave_number, c.amplitude,
                      c.is_two_stream() ? fmt::format(", beams at ±{:g}", c.beam_speed) : "");
  text += fmt::format("  {} x {} points, v_max = {:g}, {} steps of {:g}, degree {}\n", c.points_x, c.points_v, c.v_max,
                      c.steps(), c.step, c.degree);
  text += rule() + comparison(summary) + rule();
  text += fmt::format("  largest change   mass {:+.1e}   momentum {:+.1e}   energy {:+.1e}   L2 {:+.1e}\n", kept.mass,
                      kept.momentum, kept.energy, kept.l2);
  text += fmt::format("  smallest f {:+.2e}   negative mass {:.1e} of all\n", kept.min_f, std::abs(kept.negative_mass));
  text += rule();
  text +=
      fmt::format("  {}   {:.0f} steps/s   {:.1f} ns per point and step   {:.1f} % waiting\n", summary.record.layout,
                  summary.steps_per_s(), 1e9 / summary.steps_per_s() / static_cast<double>(c.points_x * c.points_v),
                  100 * summary.record.share_waiting);
  text += rule();
  for (const std::string& warning : summary.warnings) text += "  warning: " + warning + "\n";
  return text;
}

std::string summary_json(const Summary& summary) {
  const Config& c = summary.config;
  const Analysis& a = summary.analysis;
  const Conservation kept = summary.conservation();
  const auto value = [](const std::optional<Estimate>& e) { return e ? Json(e->value) : Json(nullptr); };
  const auto error = [](const std::optional<Estimate>& e) { return e ? Json(e->error) : Json(nullptr); };
  const bool compared = a.omega && a.gamma && a.theory;

  Json json;
  json["case"] = c.name;
  json["kind"] = c.fit;
  json["omega"] = value(a.omega);
  json["omega_error"] = error(a.omega);
  json["omega_theory"] = a.theory ? Json(a.theory->real()) : Json(nullptr);
  json["omega_deviation"] = compared && a.theory->real() != 0 ? Json(a.omega_deviation()) : Json(nullptr);
  json["gamma"] = value(a.gamma);
  json["gamma_error"] = error(a.gamma);
  json["gamma_theory"] = a.theory ? Json(a.theory->imag()) : Json(nullptr);
  json["gamma_deviation"] = compared ? Json(a.gamma_deviation()) : Json(nullptr);
  json["gamma_late"] = value(a.late_gamma);
  json["gamma_late_error"] = error(a.late_gamma);
  json["amplitude"] = or_null(a.amplitude);
  json["amplitude_theory"] = or_null(a.amplitude_theory);
  json["fit"] = {{"from", a.from}, {"to", a.to}, {"peaks", a.peaks.size()}};
  json["conservation"] = {{"mass", kept.mass}, {"momentum", kept.momentum}, {"energy", kept.energy}, {"l2", kept.l2}};
  json["min_f"] = kept.min_f;
  json["negative_mass"] = kept.negative_mass;
  json["points"] = {{"x", c.points_x}, {"v", c.points_v}};
  json["steps"] = c.steps();
  json["steps_per_second"] = summary.steps_per_s();
  json["share_waiting"] = summary.record.share_waiting;
  json["layout"] = summary.record.layout;
  json["snapshots"] = {{"file", summary.record.snapshot_times.empty() ? Json(nullptr) : Json(kSnapshotFile)},
                       {"times", summary.record.snapshot_times}};
  json["warnings"] = summary.warnings;
  return json.dump(2) + "\n";
}

}  // namespace landau
