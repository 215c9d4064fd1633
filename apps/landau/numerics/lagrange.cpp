// SPDX-License-Identifier: Apache-2.0
#include "landau/numerics/lagrange.hpp"

#include <cmath>

namespace landau {
namespace {

// The product of the distances from point k to the other points.
constexpr std::array<double, kMaxPoints> distances(int points) {
  std::array<double, kMaxPoints> products{};
  for (int k = 0; k < points; ++k) {
    double product = 1;
    for (int m = 0; m < points; ++m) product *= m == k ? 1 : k - m;
    products[static_cast<std::size_t>(k)] = product;
  }
  return products;
}

template <std::size_t kPoints>
std::array<double, kMaxPoints> weights_of(double fraction) {
  static constexpr auto kDistances = distances(static_cast<int>(kPoints));
  constexpr std::size_t kPointsLeft = kPoints / 2 - 1;
  constexpr auto kLeft = static_cast<double>(kPointsLeft);
  // The weight of point k has the distances to all points but k: the product of those before it and of those after it.
  // It is divided, not multiplied by an inverse, whose rounding would be the same at every step and add up in the mass.
  std::array<double, kMaxPoints> weights{};
  double before = 1;
  for (std::size_t k = 0; k < kPoints; ++k) {
    weights[k] = before;
    before *= fraction - (static_cast<double>(k) - kLeft);
  }
  double after = 1;
  for (std::size_t k = kPoints; k-- > 0;) {
    weights[k] = weights[k] * after / kDistances[k];
    after *= fraction - (static_cast<double>(k) - kLeft);
  }
  return weights;
}

}  // namespace

std::array<double, kMaxPoints> lagrange_weights(std::size_t points, double fraction) {
  switch (points) {
    case 4:
      return weights_of<4>(fraction);
    case 6:
      return weights_of<6>(fraction);
    case 8:
      return weights_of<8>(fraction);
    default:
      return weights_of<10>(fraction);
  }
}

Shift make_shift(std::size_t points, double cells, std::size_t length) {
  const double whole = std::floor(-cells);
  const auto n = static_cast<double>(length);
  const double rotation = whole - n * std::floor(whole / n);
  return {lagrange_weights(points, -cells - whole), static_cast<std::size_t>(rotation)};
}

void fill_periodic_ghosts(std::span<double> line, std::size_t length) {
  for (std::size_t g = 0; g < kGhosts; ++g) {
    line[g] = line[g + length];
    line[kGhosts + length + g] = line[kGhosts + g];
  }
}

}  // namespace landau
