// SPDX-License-Identifier: Apache-2.0
#include "landau/numerics/field.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "landau/numerics/moments.hpp"

namespace {

constexpr double kWave = 0.5;

// For n = 1 + a cos(kx) + b sin(2kx): E = -a/k sin(kx) + b/(2k) cos(2kx).
double error_of(std::size_t points) {
  landau::FieldSolver solver(points, kWave);
  std::vector<double> density(points), field(points);
  const auto phase = [&](std::size_t i) {
    return 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(points);
  };
  for (std::size_t i = 0; i < points; ++i) density[i] = 1 + 0.3 * std::cos(phase(i)) + 0.1 * std::sin(2 * phase(i));
  solver.solve(density, field);
  double worst = 0;
  for (std::size_t i = 0; i < points; ++i) {
    const double exact = -0.3 / kWave * std::sin(phase(i)) + 0.1 / (2 * kWave) * std::cos(2 * phase(i));
    worst = std::max(worst, std::abs(field[i] - exact));
  }
  return worst;
}

// Fails if the quadrature is off by a point (first order) or a weight is wrong.
TEST(Field, IsOfTenthOrder) {
  EXPECT_LT(error_of(32), 1e-7);
  EXPECT_NEAR(std::log2(error_of(16) / error_of(32)), 10, 0.7);
}

// Fails if the smallest grid reads beyond its ghosts, or the constant of integration is left in.
TEST(Field, SmallestGridAndZeroMean) {
  landau::FieldSolver solver(8, kWave);
  const std::vector<double> density{1.2, 1.1, 0.9, 0.7, 0.8, 1.0, 1.1, 1.2};
  std::vector<double> field(8);
  solver.solve(density, field);
  double mean = 0;
  for (const double value : field) mean += value / 8;
  EXPECT_NEAR(mean, 0, 1e-15);
}

// Fails if energy or Fourier components are normalised otherwise than documented.
TEST(Field, MomentsOfASineAreKnown) {
  const std::size_t n = 32;
  const landau::FieldSolver solver(n, kWave);
  std::vector<double> field(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double phase = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(n);
    field[i] = 0.3 * std::cos(phase) - 0.4 * std::sin(phase);
  }
  const auto moments = solver.moments(field);
  EXPECT_NEAR(moments.mode_cos, 0.3, 1e-15);
  EXPECT_NEAR(moments.mode_sin, -0.4, 1e-15);
  EXPECT_NEAR(moments.energy, 0.25 / 4 * 2 * std::numbers::pi / kWave, 1e-15);
}

// Fails if a moment is weighted with the wrong power of v, or extremes and negative parts are taken over something else.
TEST(Moments, OfASmallTable) {
  const std::vector<double> v{-1, 1, 3};
  const std::vector<double> f{2, -0.5, 1};
  const std::vector<double> g{0, 1, 0};
  const std::vector lines{landau::line_moments(f, v), landau::line_moments(g, v)};
  const auto sum = landau::total(lines, 0.5);
  EXPECT_DOUBLE_EQ(sum.mass, 0.5 * 3.5);
  EXPECT_DOUBLE_EQ(sum.momentum, 0.5 * (-2 - 0.5 + 3 + 1));
  EXPECT_DOUBLE_EQ(sum.speed, 0.5 * (2 - 0.5 + 3 + 1));
  EXPECT_DOUBLE_EQ(sum.kinetic, 0.5 * (1 - 0.25 + 4.5 + 0.5));
  EXPECT_DOUBLE_EQ(sum.l2, 0.5 * (4 + 0.25 + 1 + 1));
  EXPECT_DOUBLE_EQ(sum.negative_mass, -0.25);
  EXPECT_DOUBLE_EQ(sum.min_f, -0.5);
  EXPECT_DOUBLE_EQ(sum.max_f, 2);
}

}  // namespace
