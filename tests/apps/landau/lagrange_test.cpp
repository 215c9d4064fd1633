// SPDX-License-Identifier: Apache-2.0
#include "landau/numerics/lagrange.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "landau/numerics/kernels.hpp"

namespace {

using landau::kGhosts;

std::vector<double> shifted(const std::vector<double>& values, std::size_t points, double cells) {
  std::vector<double> line(values.size() + 2 * kGhosts);
  std::copy(values.begin(), values.end(), line.begin() + kGhosts);
  landau::fill_periodic_ghosts(line, values.size());
  std::vector<double> out(values.size());
  landau::kernels(points).shift_line(line, landau::make_shift(points, cells, values.size()), out);
  return out;
}

// Fails if a weight belongs to another point, or is wrong for a polynomial that the degree should reproduce.
TEST(Lagrange, WeightsReproducePolynomialsOfTheirDegree) {
  for (const std::size_t points : {4U, 6U, 8U, 10U}) {
    const int left = static_cast<int>(points) / 2 - 1;
    for (const double fraction : {0.0, 1e-9, 0.25, 0.5, 0.999}) {
      const auto weights = landau::lagrange_weights(points, fraction);
      for (int power = 0; power < static_cast<int>(points); ++power) {
        double sum = 0;
        double scale = 1;
        for (int k = 0; k < static_cast<int>(points); ++k) {
          const double term = weights[static_cast<std::size_t>(k)] * std::pow(k - left, power);
          sum += term;
          scale += std::abs(term);
        }
        EXPECT_NEAR(sum, std::pow(fraction, power), 4e-15 * scale)
            << points << " points, " << fraction << ", power " << power;
      }
    }
  }
}

// Fails if a shift by whole cells does anything but renumber: at the ends of the line, over several turns, to either side.
TEST(Lagrange, WholeCellsAreARotationBitByBit) {
  std::vector<double> values(11);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<double>(i * i)) + 1e-3;
  for (const std::size_t points : {4U, 6U, 8U, 10U}) {
    for (int cells = -40; cells <= 40; ++cells) {
      const auto out = shifted(values, points, cells);
      for (int i = 0; i < 11; ++i) {
        EXPECT_EQ(out[static_cast<std::size_t>(i)], values[static_cast<std::size_t>(((i - cells) % 11 + 11) % 11)])
            << points << " points, " << cells << " cells, at " << i;
      }
    }
  }
}

// Fails if the interpolation is of lower order than promised: halving the spacing must divide the error by 2^(degree+1).
TEST(Lagrange, ErrorFallsWithTheOrderOfTheStencil) {
  const auto error = [](std::size_t points, std::size_t n) {
    const auto f = [&](double cell) {
      return std::exp(std::sin(2 * std::numbers::pi * cell / static_cast<double>(n)));
    };
    std::vector<double> values(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = f(static_cast<double>(i));
    const double cells = 2.5;
    const auto out = shifted(values, points, cells);
    double largest = 0;
    for (std::size_t i = 0; i < n; ++i)
      largest = std::max(largest, std::abs(out[i] - f(static_cast<double>(i) - cells)));
    return largest;
  };
  for (const std::size_t points : {4U, 6U, 8U, 10U}) {
    const double order = std::log2(error(points, 32) / error(points, 64));
    EXPECT_GT(order, static_cast<double>(points) - 0.5) << points << " points";
    EXPECT_LT(order, static_cast<double>(points) + 0.8) << points << " points";
  }
}

// Fails if weights do not add up to one, or if a point is counted twice where the line ends.
TEST(Lagrange, APeriodicLineKeepsItsSum) {
  for (const std::size_t n : {8U, 9U, 33U, 128U}) {
    std::vector<double> values(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = 1 + 0.5 * std::cos(static_cast<double>(7 * i));
    double before = 0;
    for (const double value : values) before += value;
    auto moved = values;
    for (int turn = 0; turn < 100; ++turn) moved = shifted(moved, 8, 0.37 * turn - 11.3);
    double after = 0;
    for (const double value : moved) after += value;
    EXPECT_NEAR(after / before, 1, 1e-14) << n << " points";
  }
}

}  // namespace
