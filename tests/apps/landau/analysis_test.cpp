// SPDX-License-Identifier: Apache-2.0
#include "landau/analysis.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace {

landau::Config damping() {
  landau::Config config;
  config.initial = "maxwellian";
  config.fit = "damping";
  config.wave_number = 0.5;
  config.amplitude = 0.001;
  config.points_x = 32;
  config.points_v = 512;
  config.v_max = 8;
  config.step = 0.05;
  config.end = 40;
  return config;
}

landau::Config growth() {
  landau::Config config = damping();
  config.initial = "two-stream";
  config.fit = "growth";
  config.wave_number = 0.2;
  config.amplitude = 1e-6;
  config.beam_speed = 3;
  config.v_max = 10;
  config.end = 60;
  return config;
}

// A field with one standing wave amplitude(t) sin(kx).
template <class Amplitude>
std::vector<landau::FieldMoments> field_of(const landau::Config& config, Amplitude&& amplitude) {
  std::vector<landau::FieldMoments> field;
  for (std::int64_t n = 0; n <= config.steps(); ++n) {
    const double a = amplitude(static_cast<double>(n) * config.step);
    field.push_back({std::numbers::pi / (2 * config.wave_number) * a * a, 0, a});
  }
  return field;
}

bool mentions(const std::vector<std::string>& warnings, const std::string& start) {
  return std::ranges::any_of(warnings, [&](const std::string& text) { return text.starts_with(start); });
}

// Fails if window, factor 2 between energy and amplitude, or the peaks' offset are wrong.
TEST(Analysis, FindsTheRatesOfADampedWave) {
  const auto field =
      field_of(damping(), [](double t) { return 0.0014 * std::exp(-0.15 * t) * std::cos(1.4 * t - 0.5); });
  const auto result = landau::analyse(damping(), field);
  ASSERT_TRUE(result.gamma && result.omega && result.amplitude);
  EXPECT_NEAR(result.gamma->value, -0.15, 1e-6);
  EXPECT_NEAR(result.omega->value, 1.4, 1e-5);
  EXPECT_NEAR(*result.amplitude, 0.0014, 1e-7);
  EXPECT_EQ(result.from, 10);
  EXPECT_EQ(result.to, 40);
  EXPECT_EQ(result.peaks.size(), 13U);
}

// Fails if error bars do not cover what disturbs the wave, here a second one.
TEST(Analysis, ErrorBarsCoverADisturbance) {
  const auto field = field_of(
      damping(), [](double t) { return 0.001 * (std::exp(-0.15 * t) * std::cos(1.4 * t) + 1e-4 * std::cos(3.1 * t)); });
  const auto result = landau::analyse(damping(), field);
  ASSERT_TRUE(result.gamma);
  EXPECT_GT(result.gamma->error, 1e-5);
  EXPECT_LT(std::abs(result.gamma->value + 0.15), 4 * result.gamma->error);
}

// Fails if peaks in the noise are fitted: the wave ends at round-off at about t = 100.
TEST(Analysis, StopsAboveRoundOff) {
  landau::Config config = damping();
  config.end = 120;
  config.fit_to = 120;
  const auto field = field_of(
      config, [](double t) { return 1e-5 * std::exp(-0.3 * t) * std::cos(1.4 * t) + 1e-15 * std::cos(5 * t); });
  const auto result = landau::analyse(config, field);
  ASSERT_TRUE(result.gamma);
  EXPECT_NEAR(result.gamma->value, -0.3, 1e-4);
  EXPECT_LT(result.peaks.back().time, 60);
}

// Fails if the window ignores the echo, or the config does not overrule it.
TEST(Analysis, WindowFollowsRecurrenceAndConfig) {
  landau::Config config = damping();
  config.points_v = 32;
  config.v_max = 6;
  const double echo = landau::recurrence_time(config);
  EXPECT_NEAR(echo, 33.5, 0.05);
  const auto field = field_of(config, [](double t) { return std::exp(-0.1 * t) * std::cos(1.4 * t); });
  EXPECT_NEAR(landau::analyse(config, field).to, 0.7 * echo, 1e-9);
  EXPECT_TRUE(mentions(landau::config_warnings(config), "recurrence: this velocity grid echoes at t = 33.5"));
  config.fit_from = 12;
  config.fit_to = 35;
  EXPECT_EQ(landau::analyse(config, field).from, 12);
  EXPECT_EQ(landau::analyse(config, field).to, 35);
}

// Fails if the window reaches into the stable modes or into saturation.
TEST(Analysis, FindsTheRateOfAGrowingWave) {
  const auto field = field_of(growth(), [](double t) {
    const double linear = 5e-7 * std::exp(0.28 * t) + 4.5e-6 * std::cos(1.2 * t) * std::exp(-0.05 * t);
    return linear / std::sqrt(1 + linear * linear);
  });
  const auto result = landau::analyse(growth(), field);
  ASSERT_TRUE(result.gamma && result.omega);
  EXPECT_NEAR(result.gamma->value, 0.28, 0.001);
  EXPECT_LT(std::abs(result.omega->value), 1e-12);
  EXPECT_NEAR(*result.amplitude, 5e-7, 0.2e-7);
}

// Fails if a growing wave that travels is reported as one that stands.
TEST(Analysis, SeesTheFrequencyOfATravellingWave) {
  std::vector<landau::FieldMoments> field;
  const auto config = growth();
  for (std::int64_t n = 0; n <= config.steps(); ++n) {
    const double t = static_cast<double>(n) * config.step;
    const double a = 1e-6 * std::exp(0.25 * t);
    field.push_back({a * a, a * std::sin(0.7 * t), a * std::cos(0.7 * t)});
  }
  const auto result = landau::analyse(config, field);
  ASSERT_TRUE(result.omega);
  EXPECT_NEAR(result.omega->value, 0.7, 1e-9);
}

// Fails if a config that spoils the comparison passes in silence, or a good one does not.
TEST(Warnings, EachRuleHasItsCase) {
  const auto with = [](landau::Config config, auto change) {
    change(config);
    return landau::config_warnings(config);
  };
  EXPECT_TRUE(landau::config_warnings(damping()).empty());
  EXPECT_TRUE(landau::config_warnings(growth()).empty());
  EXPECT_TRUE(mentions(with(damping(), [](auto& c) { c.amplitude = 0.01; }), "trapping: sqrt(amplitude) x end = 4 "));
  EXPECT_TRUE(
      mentions(with(damping(), [](auto& c) { c.step = 0.25; }), "time step: 0.25 alone changes gamma by 0.59 %"));
  EXPECT_TRUE(mentions(with(damping(), [](auto& c) { c.v_max = 4; }), "velocity grid: v_max = 4 does not hold"));
  EXPECT_TRUE(mentions(with(damping(), [](auto& c) { c.v_max = 5; }), "velocity grid: at v_max = 5 f is still"));
  EXPECT_TRUE(mentions(with(damping(), [](auto& c) { c.points_x = 8; }), "resolution: 8 points on a wavelength"));
  EXPECT_TRUE(
      mentions(with(damping(), [](auto& c) { c.points_v = 16; }), "resolution: the velocity grid has steps of 1 "));
  EXPECT_TRUE(
      mentions(with(damping(), [](auto& c) { c.step = 1, c.wave_number = 1; }), "time step: in one step of 1 "));
  EXPECT_TRUE(mentions(with(growth(), [](auto& c) { c.amplitude = 0.01; }), "saturation: "));
  EXPECT_TRUE(mentions(with(growth(), [](auto& c) { c.beam_speed = 1; }), "stable: "));
  EXPECT_TRUE(mentions(with(growth(), [](auto& c) { c.v_max = 7; }), "velocity grid: at v_max = 7 "));
}

// Fails if too few peaks, no growth or lost mass stay unmentioned.
TEST(Warnings, TheResultIsJudgedToo) {
  landau::Config config = damping();
  config.end = 15;
  landau::Record record;
  record.field = field_of(config, [](double t) { return std::exp(-0.15 * t) * std::cos(1.4 * t); });
  record.looks.resize(2);
  record.looks[0].moments.mass = 1;
  record.looks[1].moments.mass = 1 + 1e-11;
  record.looks[1].time = 15;
  const auto warnings = landau::result_warnings(config, landau::analyse(config, record.field), record);
  EXPECT_TRUE(mentions(warnings, "fit: only 2 peaks"));
  EXPECT_TRUE(mentions(warnings, "mass: off by 1.0e-11 at t = 15"));

  record.field = field_of(growth(), [](double t) { return std::cos(t); });
  EXPECT_TRUE(mentions(landau::result_warnings(growth(), landau::analyse(growth(), record.field), record),
                       "fit: the field energy does not"));
}

}  // namespace
