// SPDX-License-Identifier: Apache-2.0
#include "landau/numerics/field.hpp"

#include <cmath>
#include <numbers>

namespace landau {
namespace {

// Five-point Gauss-Legendre integrates the polynomials of degree 9 exactly.
std::array<double, kMaxPoints> cell_integral_weights() {
  const double inner = std::sqrt(5 - 2 * std::sqrt(10.0 / 7)) / 3;
  const double outer = std::sqrt(5 + 2 * std::sqrt(10.0 / 7)) / 3;
  const double inner_weight = (322 + 13 * std::sqrt(70.0)) / 900;
  const double outer_weight = (322 - 13 * std::sqrt(70.0)) / 900;
  const std::array<double, 5> nodes{-outer, -inner, 0, inner, outer};
  const std::array<double, 5> node_weights{outer_weight, inner_weight, 128.0 / 225, inner_weight, outer_weight};
  std::array<double, kMaxPoints> sum{};
  for (std::size_t g = 0; g < nodes.size(); ++g) {
    const auto at_node = lagrange_weights(kMaxPoints, (1 + nodes[g]) / 2);
    for (std::size_t k = 0; k < kMaxPoints; ++k) sum[k] += node_weights[g] / 2 * at_node[k];
  }
  return sum;
}

double sum_in_order(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

}  // namespace

FieldSolver::FieldSolver(std::size_t points, double wave_number)
    : points_(points),
      dx_(2 * std::numbers::pi / wave_number / static_cast<double>(points)),
      weights_(cell_integral_weights()),
      charge_(points + 2 * kGhosts),
      steps_(points),
      cos_(points),
      sin_(points) {
  for (std::size_t i = 0; i < points; ++i) {
    const double phase = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(points);
    cos_[i] = std::cos(phase);
    sin_[i] = std::sin(phase);
  }
}

void FieldSolver::solve(std::span<const double> density, std::span<double> field) {
  const double mean = sum_in_order(density) / static_cast<double>(points_);
  for (std::size_t i = 0; i < points_; ++i) charge_[kGhosts + i] = (mean - density[i]) * dx_;
  fill_periodic_ghosts(charge_, points_);

  // steps_[i] leads from point i to point i + 1.
  for (std::size_t i = 0; i < points_; ++i) {
    const std::size_t leftmost = i + kGhosts - (kMaxPoints / 2 - 1);
    double step = weights_[0] * charge_[leftmost];
    for (std::size_t k = 1; k < kMaxPoints; ++k) step += weights_[k] * charge_[leftmost + k];
    steps_[i] = step;
  }
  double value = 0;
  double sum = 0;
  for (std::size_t i = 0; i < points_; ++i) {
    field[i] = value;
    sum += value;
    value += steps_[i];
  }
  const double offset = sum / static_cast<double>(points_);
  for (std::size_t i = 0; i < points_; ++i) field[i] -= offset;
}

FieldMoments FieldSolver::moments(std::span<const double> field) const {
  double square = 0;
  double with_cos = 0;
  double with_sin = 0;
  for (std::size_t i = 0; i < points_; ++i) {
    square += field[i] * field[i];
    with_cos += field[i] * cos_[i];
    with_sin += field[i] * sin_[i];
  }
  const double per_mode = 2 / static_cast<double>(points_);
  return {square * dx_ / 2, with_cos * per_mode, with_sin * per_mode};
}

}  // namespace landau
