// SPDX-License-Identifier: Apache-2.0
#include "landau/numerics/fit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace {

// Fails if slope, intercept or the error's degrees of freedom are wrong: checked against the textbook formula by hand.
TEST(Fit, LineAndErrorBar) {
  const std::vector<double> x{0, 1, 2, 3};
  const std::vector<double> y{1, 3, 4, 8};
  const auto line = landau::fit_line(x, y);
  EXPECT_NEAR(line.slope, 2.2, 1e-14);
  EXPECT_NEAR(line.intercept, 0.7, 1e-14);
  EXPECT_NEAR(line.slope_error, std::sqrt(1.8 / 2 / 5), 1e-14);
}

// Fails if an error bar is made up where the data leave none.
TEST(Fit, TwoPointsHaveNoErrorBar) {
  const auto line = landau::fit_line(std::vector{1.0, 2.0}, std::vector{5.0, 3.0});
  EXPECT_DOUBLE_EQ(line.slope, -2);
  EXPECT_EQ(line.slope_error, 0);
}

// Fails if peaks are missed, taken twice, or placed on samples instead of between them. The maxima of
// exp(2 gamma t) cos^2(omega t - phi) lie at tan(omega t - phi) = gamma/omega.
TEST(Fit, PeaksOfADampedOscillation) {
  const double omega = 1.4;
  const double gamma = -0.15;
  const double phase = 0.5;
  const double step = 0.02;
  std::vector<double> values;
  for (int n = 0; n <= 2000; ++n) {
    const double t = n * step;
    values.push_back(std::exp(2 * gamma * t) * std::pow(std::cos(omega * t - phase), 2));
  }
  const auto peaks = landau::find_peaks(values, step, 1, 39);
  ASSERT_EQ(peaks.size(), 17U);
  for (std::size_t n = 0; n < peaks.size(); ++n) {
    const double exact = (phase + std::atan(gamma / omega) + std::numbers::pi * static_cast<double>(n + 1)) / omega;
    EXPECT_NEAR(peaks[n].time, exact, 2e-4) << n;
    const double height = 2 * gamma * exact - std::log1p(std::pow(gamma / omega, 2));
    EXPECT_NEAR(peaks[n].log_value, height, 1e-6) << n;
  }
}

// Fails if zeros and plateaus, of which the logarithm makes nonsense, are taken for peaks.
TEST(Fit, NoPeaksWhereThereAreNone) {
  EXPECT_TRUE(landau::find_peaks(std::vector{0.0, 1.0, 0.0, 1.0, 0.0}, 1, 0, 10).empty());
  EXPECT_TRUE(landau::find_peaks(std::vector{1.0, 1.0, 1.0}, 1, 0, 10).empty());
  EXPECT_TRUE(landau::find_peaks(std::vector<double>{}, 1, 0, 10).empty());
}

}  // namespace
