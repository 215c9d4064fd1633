// SPDX-License-Identifier: Apache-2.0
//
// What is conserved, and what shows that it is not: moments of f, first along each line of v, then over the lines.
//
// Who      ranks for their own x lines (line_moments), rank 0 for all lines in index order (total). So bits do not depend
//          on who owned which line.
// Units    f in mean densities per thermal speed; results per mean density, thermal speed 1, Debye length 1.
#pragma once

#include <span>

namespace landau {

struct Moments {
  double mass = 0;           ///< integral of f
  double momentum = 0;       ///< integral of v f
  double speed = 0;          ///< integral of |v| f, which normalises the momentum
  double kinetic = 0;        ///< integral of v^2 f / 2
  double l2 = 0;             ///< integral of f^2
  double negative_mass = 0;  ///< integral of min(f, 0)
  double min_f = 0;
  double max_f = 0;
};

/// Sums over one line of f, in index order; without the factor dx dv.
Moments line_moments(std::span<const double> f, std::span<const double> v);

/// The integrals over all lines: sums in index order times `cell`, which is dx dv.
Moments total(std::span<const Moments> lines, double cell);

}  // namespace landau
