// SPDX-License-Identifier: Apache-2.0
//
// The self-consistent field: dE/dx = <n> - n(x), periodic, electrons before a uniform background of fixed ions, whose
// density <n> is the mean electron density.
//
// Who      every rank, once per step, for all of x: cheaper than sending the result, and equal in every rank.
// Bits     everything in index order.
// Error    tenth order in dx: between neighbours, the density is integrated through ten points.
// Cost     about 15 operations per point, two of them in a chain.
// Units    x in Debye lengths, n in mean densities, E in thermal speed x plasma frequency x mass / charge (so that a
//          field of 1 accelerates by one thermal speed in one inverse plasma frequency).
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "landau/numerics/lagrange.hpp"

namespace landau {

/// Energy and first Fourier component of a field, E = ... + mode_cos cos(kx) + mode_sin sin(kx) + ...
struct FieldMoments {
  double energy = 0;  ///< integral of E^2/2 over the box; thermal energy x Debye length
  double mode_cos = 0;
  double mode_sin = 0;
};

class FieldSolver {
 public:
  /// A box of one wavelength, 2 pi / wave_number, with `points` points.
  FieldSolver(std::size_t points, double wave_number);

  /// The field of `density`. Allocates nothing.
  void solve(std::span<const double> density, std::span<double> field);

  FieldMoments moments(std::span<const double> field) const;

 private:
  std::size_t points_;
  double dx_;
  std::array<double, kMaxPoints> weights_{};  // integral over [0, 1] of the Lagrange polynomials through -4 .. 5
  std::vector<double> charge_;                // with ghosts
  std::vector<double> steps_;                 // field differences between neighbours
  std::vector<double> cos_, sin_;
};

}  // namespace landau
