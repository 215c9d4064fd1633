// SPDX-License-Identifier: Apache-2.0
#include "landau/analysis.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "landau/numerics/dispersion.hpp"

namespace landau {
namespace {

// Windows, in inverse plasma frequencies: see the rules in the header.
constexpr double kDampingFrom = 10;
constexpr double kDampingTo = 40;
constexpr double kRecurrenceShare = 0.7;
constexpr double kLateFrom = 20;
constexpr double kLateTo = 40;
// The density is known to some 1e-15 of itself; a field is taken seriously from 1000 times the field of that on.
constexpr double kDensityNoise = 1e-15;
constexpr double kAboveNoise = 1000;
// Growth is fitted from this many times the initial energy to this share of the largest. Where that leaves less than
// a decade, because the run starts close to saturation, the second pair is used.
constexpr double kAboveStable = 1e4;
constexpr double kBelowSaturation = 1e-3;
constexpr double kAboveStableAtLeast = 100;
constexpr double kBelowSaturationAtMost = 1e-2;
constexpr double kDecade = 10;

double box_length(const Config& config) { return 2 * std::numbers::pi / config.wave_number; }

double noise_energy(const Config& config) {
  const double field = kAboveNoise * kDensityNoise / config.wave_number;
  return box_length(config) / 4 * field * field;
}

std::vector<double> energies(const std::vector<FieldMoments>& field) {
  std::vector<double> values;
  for (const FieldMoments& moments : field) values.push_back(moments.energy);
  return values;
}

// gamma is half the slope of log(energy).
Estimate half(const Line& line) { return {line.slope / 2, line.slope_error / 2}; }

void fit_damping(const Config& config, const std::vector<double>& energy, Analysis& result) {
  result.theory = landau_root(config.wave_number);
  if (result.theory) {
    result.with_steps = root_with_kicks(config.wave_number, 0, config.step, *result.theory);
    result.amplitude_theory = 2 * config.amplitude * std::abs(mode_amplitude(config.wave_number, 0, *result.theory));
  }
  result.from = config.fit_from.value_or(kDampingFrom);
  result.to = config.fit_to.value_or(std::min({config.end, kDampingTo, kRecurrenceShare * recurrence_time(config)}));
  result.peaks = find_peaks(energy, config.step, result.from, result.to);
  const double floor = std::log(noise_energy(config));
  const auto end = std::ranges::find_if(result.peaks, [&](const Peak& peak) { return peak.log_value < floor; });
  result.peaks.erase(end, result.peaks.end());
  if (result.peaks.size() < 3) return;

  std::vector<double> number, time, height;
  for (const Peak& peak : result.peaks) {
    number.push_back(static_cast<double>(number.size()));
    time.push_back(peak.time);
    height.push_back(peak.log_value);
  }
  const Line decay = fit_line(time, height);
  const Line spacing = fit_line(number, time);  // the energy peaks twice a period
  result.lines.push_back({decay, {time.front(), time.back()}});
  result.gamma = half(decay);
  const double omega = std::numbers::pi / spacing.slope;
  result.omega = {omega, omega * spacing.slope_error / spacing.slope};
  // The energy is L/4 of the amplitude squared times cos^2, and cos^2 is omega^2/(omega^2 + gamma^2) where it peaks.
  const double ratio = result.gamma->value / omega;
  result.amplitude = std::sqrt(4 / box_length(config) * (1 + ratio * ratio) * std::exp(decay.intercept));
}

void fit_growth(const Config& config, const std::vector<FieldMoments>& field, const std::vector<double>& energy,
                Analysis& result) {
  result.theory = two_stream_root(config.wave_number, config.beam_speed);
  if (result.theory) {
    result.with_steps = root_with_kicks(config.wave_number, config.beam_speed, config.step, *result.theory);
    result.amplitude_theory =
        config.amplitude * std::abs(mode_amplitude(config.wave_number, config.beam_speed, *result.theory));
  }
  const double highest = std::ranges::max(energy);
  const bool wide = kBelowSaturation * highest > kDecade * kAboveStable * energy[0];
  const double low = energy[0] * (wide ? kAboveStable : kAboveStableAtLeast);
  const double high = highest * (wide ? kBelowSaturation : kBelowSaturationAtMost);
  const auto first = std::ranges::find_if(energy, [&](double value) { return value > low; });
  const auto last = std::find_if(first, energy.end(), [&](double value) { return value > high; });
  const auto time_of = [&](auto at) { return static_cast<double>(at - energy.begin()) * config.step; };
  result.from = config.fit_from.value_or(time_of(first));
  result.to = config.fit_to.value_or(time_of(last));

  std::vector<double> time, height, phase;
  for (std::size_t n = 0; n < energy.size(); ++n) {
    const double t = static_cast<double>(n) * config.step;
    if (t < result.from || t > result.to || energy[n] <= 0) continue;
    double angle = std::atan2(field[n].mode_cos, field[n].mode_sin);
    // Unwrapped: half turns are left to standing waves, which change sign.
    if (!phase.empty()) angle += 2 * std::numbers::pi * std::round((phase.back() - angle) / (2 * std::numbers::pi));
    time.push_back(t);
    height.push_back(std::log(energy[n]));
    phase.push_back(angle);
  }
  if (time.size() < 3) return;
  const Line growth = fit_line(time, height);
  const Line drift = fit_line(time, phase);
  result.lines.push_back({growth, {result.from, result.to}});
  // What disturbs the line oscillates with about the plasma frequency, so of all samples one per half period counts.
  const double samples_per_half_period = std::max(1.0, std::numbers::pi / config.step);
  result.gamma = half(growth);
  result.gamma->error *= std::sqrt(samples_per_half_period);
  result.omega = {std::abs(drift.slope), drift.slope_error * std::sqrt(samples_per_half_period)};
  result.amplitude = std::sqrt(4 / box_length(config) * std::exp(growth.intercept));
}

void fit_nonlinear(const Config& config, const std::vector<double>& energy, Analysis& result) {
  result.from = config.fit_from.value_or(kLateFrom);
  result.to = config.fit_to.value_or(std::min(config.end, kLateTo));
  const auto all = find_peaks(energy, config.step, 0, config.end);
  if (all.size() < 2) return;
  const Line first = fit_line(std::vector{all[0].time, all[1].time}, std::vector{all[0].log_value, all[1].log_value});
  result.lines.push_back({first, {all[0].time, all[1].time}});
  result.gamma = half(first);
  result.omega = {std::numbers::pi / (all[1].time - all[0].time), 0};
  std::vector<double> time, height;
  for (const Peak& peak : all) {
    if (peak.time < result.from || peak.time > result.to) continue;
    time.push_back(peak.time);
    height.push_back(peak.log_value);
    result.peaks.push_back(peak);
  }
  if (time.size() >= 3) {
    const Line late = fit_line(time, height);
    result.lines.push_back({late, {time.front(), time.back()}});
    result.late_gamma = half(late);
  }
  result.peaks.insert(result.peaks.begin(), {all[0], all[1]});
}

}  // namespace

double recurrence_time(const Config& config) {
  return 2 * std::numbers::pi / (config.wave_number * config.problem().dv());
}

Analysis analyse(const Config& config, const std::vector<FieldMoments>& field) {
  Analysis result;
  const auto energy = energies(field);
  if (config.fit == "damping") fit_damping(config, energy, result);
  if (config.fit == "growth") fit_growth(config, field, energy, result);
  if (config.fit == "nonlinear") fit_nonlinear(config, energy, result);
  return result;
}

}  // namespace landau
