// SPDX-License-Identifier: Apache-2.0
//
// Rules for when a comparison with theory is worth nothing, each with the number that it follows from.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "landau/analysis.hpp"
#include "landau/numerics/dispersion.hpp"

namespace landau {
namespace {

constexpr double kWorstStepError = 0.005;  // of gamma or omega, from the dispersion relation with kicks
constexpr double kMostBounces = 2.5;      // sqrt(a) t_end: gamma is wrong by 6 % and more from 4 on (k = 0.3, a = 0.01)
constexpr double kRecurrenceShare = 0.7;  // of the recurrence time is free of the echo
constexpr double kTailAtEdge = 1e-7;      // of the maximum; what f may be at v_max
constexpr double kBeyondPhaseSpeed = 1.5;    // thermal speeds that the grid should reach beyond omega/k
constexpr std::int64_t kFewestPointsX = 16;  // with 8, gamma is wrong by 2 % (k = 0.3)
constexpr double kCoarsestV = 0.5;           // thermal speeds
constexpr double kLongestDrift = 0.25;       // of the wavelength in one step at v_max
constexpr std::size_t kFewestPeaks = 8;
constexpr double kLargestLinearGrowth = 1e-4;  // amplitude from which on saturation comes before pure growth
constexpr double kWorstMass = 1e-12;

}  // namespace

std::vector<std::string> config_warnings(const Config& config) {
  std::vector<std::string> warnings;
  const auto warn = [&]<class... Args>(fmt::format_string<Args...> text, Args&&... args) {
    warnings.push_back(fmt::format(text, std::forward<Args>(args)...));
  };
  const double k = config.wave_number;
  const double echo = recurrence_time(config);
  const double edge = config.v_max - config.beam_speed;
  const bool damping = config.fit == "damping";
  const bool growth = config.fit == "growth";

  if (damping && config.end > kRecurrenceShare * echo) {
    warn(
        "recurrence: this velocity grid echoes at t = {:.4g}, the run goes to {:g}; what is after {:.3g} is not used "
        "(grid.points_v above {:.0f} would do)",
        echo, config.end, kRecurrenceShare * echo,
        std::ceil(config.end / kRecurrenceShare * k * config.v_max / std::numbers::pi));
  }
  if (damping && std::sqrt(config.amplitude) * config.end > kMostBounces) {
    warn(
        "trapping: sqrt(amplitude) x end = {:.3g} is above {:g}, so trapped particles change the damping "
        "(amplitude up to {:.2g} would do)",
        std::sqrt(config.amplitude) * config.end, kMostBounces, std::pow(kMostBounces / config.end, 2));
  }
  if (growth && config.amplitude > kLargestLinearGrowth) {
    warn(
        "saturation: from an amplitude of {:g} the wave saturates before the stable modes are gone, so the linear rate "
        "is "
        "never reached (amplitude up to {:g} would do)",
        config.amplitude, kLargestLinearGrowth);
  }
  if (damping || growth) {
    const auto root = growth ? two_stream_root(k, config.beam_speed) : landau_root(k);
    const auto stepped = root ? root_with_kicks(k, config.beam_speed, config.step, *root) : std::nullopt;
    if (growth && !root) {
      warn("stable: two beams at +-{:g} do not grow at wave_number {:g}; there is no rate to compare with",
           config.beam_speed, k);
    } else if (!stepped) {
      warn("time step: {:g} is so long that the wave is another one", config.step);
    } else {
      const double gamma = std::abs(stepped->imag() / root->imag() - 1);
      const double omega = root->real() > 0 ? std::abs(stepped->real() / root->real() - 1) : 0;
      if (std::max(gamma, omega) > kWorstStepError) {
        warn("time step: {:g} alone changes gamma by {:.2g} % and omega by {:.2g} % (step up to {:.2g} would do)",
             config.step, 100 * gamma, 100 * omega, config.step * std::sqrt(kWorstStepError / std::max(gamma, omega)));
      }
    }
    if (damping && root && config.v_max < root->real() / k + kBeyondPhaseSpeed) {
      warn(
          "velocity grid: v_max = {:g} does not hold the particles that damp the wave, at omega/k = {:.3g} (v_max from "
          "{:.2g} "
          "on would do)",
          config.v_max, root->real() / k, root->real() / k + kBeyondPhaseSpeed);
    }
  }
  if (std::exp(-edge * edge / 2) > kTailAtEdge) {
    warn("velocity grid: at v_max = {:g} f is still {:.1g} of its maximum (v_max from {:.2g} on would do)",
         config.v_max, std::exp(-edge * edge / 2), config.beam_speed + std::sqrt(-2 * std::log(kTailAtEdge)));
  }
  if (config.points_x < kFewestPointsX) {
    warn("resolution: {} points on a wavelength are few (points_x from {} on would do)", config.points_x,
         kFewestPointsX);
  }
  if (config.problem().dv() > kCoarsestV) {
    warn("resolution: the velocity grid has steps of {:.2g} thermal speeds (points_v from {:.0f} on would do)",
         config.problem().dv(), std::ceil(2 * config.v_max / kCoarsestV));
  }
  if (const double drift = config.v_max * config.step * k / (2 * std::numbers::pi); drift > kLongestDrift) {
    warn("time step: in one step of {:g} the fastest particles pass {:.2g} wavelengths (step up to {:.2g} would do)",
         config.step, drift, config.step * kLongestDrift / drift);
  }
  return warnings;
}

std::vector<std::string> result_warnings(const Config& config, const Analysis& analysis, const Record& record) {
  std::vector<std::string> warnings;
  const auto warn = [&]<class... Args>(fmt::format_string<Args...> text, Args&&... args) {
    warnings.push_back(fmt::format(text, std::forward<Args>(args)...));
  };
  if (config.fit == "damping" && analysis.peaks.size() < kFewestPeaks) {
    warn("fit: only {} peaks of the field energy between t = {:.4g} and {:.4g}, {} are wanted{}", analysis.peaks.size(),
         analysis.from, analysis.to, kFewestPeaks, analysis.gamma ? "" : "; there is no fit");
  }
  if (config.fit == "growth" && !analysis.gamma) {
    warn("fit: the field energy does not grow far enough above where it starts; there is no fit");
  }
  if (config.fit == "growth" && analysis.gamma &&
      std::max_element(record.field.begin(), record.field.end(),
                       [](auto& a, auto& b) { return a.energy < b.energy; }) == std::prev(record.field.end())) {
    warn("fit: the run ends before saturation, so the end of the window is a guess");
  }
  if (config.fit == "nonlinear" && !analysis.late_gamma) {
    warn("fit: fewer than three peaks between t = {:g} and {:g}; no late growth rate", analysis.from, analysis.to);
  }
  const Moments& first = record.looks.front().moments;
  for (const Look& look : record.looks) {
    const double lost = std::abs(look.moments.mass / first.mass - 1);
    if (lost > kWorstMass) {
      warn("mass: off by {:.1e} at t = {:g}", lost, look.time);
      break;
    }
  }
  return warnings;
}

}  // namespace landau
