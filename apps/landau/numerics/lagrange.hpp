// SPDX-License-Identifier: Apache-2.0
//
// Semi-Lagrangian advection of one periodic line by a constant distance, with Lagrange polynomials of odd degree.
//
// Who      the solver, for every line of x and of v: make_shift here, the moving itself in kernels.hpp.
// Why so   the stencil has as many points left as right of the foot of the characteristic, which makes the shift stable
//          for every distance (Strang, J. Math. Phys. 41, 1962, 147, doi:10.1002/sapm1962411147) and damps only what the
//          grid does not resolve. The weights add up to one, so a periodic line keeps its sum to round-off.
// Bits     every output is w0*a0 + w1*a1 + ... in index order, in vector registers as in the scalar rest, so they depend
//          on neither the position in memory nor the instruction set. Needs -ffp-contract=off.
// Cost     one multiplication and one addition per point and weight; the line passes through L1 once.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace landau {

inline constexpr std::size_t kMaxPoints = 10;  ///< stencil points of the highest degree, 9
/// Copies of the other end's points on either side of a line; half of them serve the stencil, the rest short rotations.
inline constexpr std::size_t kGhosts = 8;

/// A shift of f: the new f(i) is the old f(i - cells). Made once per line and used for all its points.
struct Shift {
  std::array<double, kMaxPoints> weights{};  ///< of the old points rotation + i - (points/2 - 1) + k, k = 0 .. points-1
  std::size_t rotation = 0;                  ///< whole cells to the right of i, modulo the length of the line
};

/// Weights of `points` neighbours (4, 6, 8 or 10) at `fraction` of the way from the middle-left to the middle-right one.
std::array<double, kMaxPoints> lagrange_weights(std::size_t points, double fraction);

/// The shift by `cells` (any sign and size) on a periodic line of `length` cells.
Shift make_shift(std::size_t points, double cells, std::size_t length);

/// Copies the ends of line[kGhosts, kGhosts + length) around it, so that its points have neighbours. `line` is the whole
/// buffer of length + 2 kGhosts.
void fill_periodic_ghosts(std::span<double> line, std::size_t length);

}  // namespace landau
