// SPDX-License-Identifier: Apache-2.0
//
// One rank's part of a Vlasov-Poisson solver in one space and one velocity dimension.
//
//     df/dt + v df/dx - E df/dv = 0,   dE/dx = 1 - integral of f dv,   periodic in x; electrons, fixed ions
//
// Method   Strang splitting, second order in time: half a kick (advection in v), a drift (in x), half a kick. Since a kick
//          leaves the density alone, the field at the end of a step is the one the next step begins with: the two half
//          kicks between drifts become one, and the field is known at every whole step for nothing. Advection is
//          semi-Lagrangian with Lagrange polynomials of degree 3 to 9 (lagrange.hpp), so no step is too large to be
//          stable. f is periodic in v too: no mass leaves, and with f(v_max) at round-off nothing else is changed.
// Order    solve_field, [observe], kick, [observation], drift, again and again. solve_field communicates nothing; kick and
//          drift are collective and cost one barrier each, the only two of a step. Between hosts these are alltoalls, and
//          observe() gathers.
// Bits     a line is advanced by one rank from start to end, sums across lines are exact or in index order: results do not
//          depend on the number of ranks or processes.
// Units    lengths in Debye lengths, times in inverse plasma frequencies, speeds in thermal speeds.
#pragma once

#include <skein/skein.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "landau/gathered.hpp"
#include "landau/numerics/density.hpp"
#include "landau/numerics/field.hpp"
#include "landau/numerics/kernels.hpp"
#include "landau/numerics/lagrange.hpp"
#include "landau/numerics/moments.hpp"
#include "landau/transpose.hpp"

namespace landau {

/// The initial state (1 + amplitude cos kx) (g(v - beam_speed) + g(v + beam_speed))/2, g the Maxwellian of thermal speed 1,
/// and the grid: points_x on one wavelength 2 pi / wave_number, points_v on -v_max to v_max, in the middle of their cells.
struct Problem {
  double wave_number = 0;  ///< inverse Debye lengths
  double amplitude = 0;    ///< of the density, relative
  double beam_speed = 0;   ///< thermal speeds; 0 for one Maxwellian
  std::size_t points_x = 0;
  std::size_t points_v = 0;
  double v_max = 0;        ///< thermal speeds
  double time_step = 0;    ///< inverse plasma frequencies
  std::size_t degree = 7;  ///< of the Lagrange polynomials: 3, 5, 7 or 9

  double length() const;
  double dx() const;
  double dv() const;
  double x(std::size_t i) const;
  double v(std::size_t j) const;
  double initial_f(double x, double v) const;
};

class Solver {
 public:
  /// *Collective.* Allocates all that a run needs and sets the initial state. Kicks and drifts allocate nothing.
  Solver(skein::Team& team, const Problem& problem);

  /// The field at the current time, from the densities that the last drift (or the constructor) published.
  void solve_field();
  std::span<const double> field() const { return field_; }
  FieldMoments field_moments() const { return poisson_.moments(field_); }

  /// *Collective.* Advection in v by the field for `duration`; publishes f and what observe() left.
  void kick(double duration);

  /// *Collective.* Advection in x for one time step; publishes f and the densities.
  void drift();

  enum class Keep { moments, moments_and_f };

  /// *Collective.* This rank's part of the state that a kick of `duration` would make, without making it: moments, and f
  /// if wanted.
  void observe(double duration, Keep keep);

  /// What all ranks observed before the last kick. Valid on rank 0's host until the next observe(); costs points_x line
  /// moments.
  Moments moments() const;
  /// f(x, v) as points_x lines of points_v, valid like moments() if f was kept.
  std::span<const double> kept_f() const { return kept_f_.all(); }

  /// Throws if values of f left the range of the fixed-point density; only nonsense is that large.
  void check_range(const Moments& moments) const;

 private:
  void set_initial_state();
  void add_density(std::span<const double> line_over_x) { fixed_point_.add(line_over_x, to_v_.rider()); }
  Shift kick_shift(std::size_t x_index, double duration) const;

  // Calls line(index, buffer with ghosts) for this rank's columns of `matrix`, which have `length` points.
  template <class Line>
  void for_my_columns(Transpose& matrix, std::size_t length, Line&& line);

  skein::Team* team_;
  Problem problem_;
  std::size_t points_;  // of the stencil
  Kernels kernels_;
  FixedPoint fixed_point_;
  FieldSolver poisson_;
  Transpose to_v_;  // rows are lines of x, one per v; read as lines of v. Carries the densities
  Transpose to_x_;  // rows are lines of v, one per x; read as lines of x
  std::vector<double> v_;
  std::vector<double> density_, field_;
  std::vector<Shift> drift_shifts_;  // of this rank's lines of x
  std::size_t line_stride_;
  std::vector<double> lines_;       // kGroup lines with ghosts
  std::vector<double> scratch_;     // one line of v
  Gathered<Moments> line_moments_;  // per x: written by its owner in observe(), read after the next publish
  Gathered<double> kept_f_;         // likewise
};

}  // namespace landau
