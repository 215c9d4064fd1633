// SPDX-License-Identifier: Apache-2.0
#include "landau/solver.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace landau {
namespace {

// The largest f that the fixed-point density takes, in units of the largest initial one. Advection conserves the maximum;
// interpolation overshoots it by some per cent.
constexpr double kHeadroom = 4;

double largest_initial_f(const Problem& problem) { return (1 + problem.amplitude) / std::sqrt(2 * std::numbers::pi); }

}  // namespace

double Problem::length() const { return 2 * std::numbers::pi / wave_number; }
double Problem::dx() const { return length() / static_cast<double>(points_x); }
double Problem::dv() const { return 2 * v_max / static_cast<double>(points_v); }
double Problem::x(std::size_t i) const { return static_cast<double>(i) * dx(); }
double Problem::v(std::size_t j) const {
  // Symmetric bit by bit, so that a symmetric state has no momentum.
  return (static_cast<double>(2 * j + 1) - static_cast<double>(points_v)) * (dv() / 2);
}

double Problem::initial_f(double x, double v) const {
  const auto gauss = [](double u) { return std::exp(-u * u / 2) / std::sqrt(2 * std::numbers::pi); };
  const double over_v = beam_speed == 0 ? gauss(v) : (gauss(v - beam_speed) + gauss(v + beam_speed)) / 2;
  return (1 + amplitude * std::cos(wave_number * x)) * over_v;
}

Solver::Solver(skein::Team& team, const Problem& problem)
    : team_(&team),
      problem_(problem),
      points_(problem.degree + 1),
      kernels_(kernels(points_)),
      fixed_point_(kHeadroom * largest_initial_f(problem)),
      poisson_(problem.points_x, problem.wave_number),
      to_v_(team, kernels_, problem.points_v, problem.points_x, problem.points_x),
      to_x_(team, kernels_, problem.points_x, problem.points_v, 0),
      v_(problem.points_v),
      density_(problem.points_x),
      field_(problem.points_x),
      line_stride_(odd_strides(std::max(problem.points_x, problem.points_v) + 2 * kGhosts)),
      lines_(kGroup * line_stride_),
      scratch_(problem.points_v),
      line_moments_(team, problem.points_x, 1),
      kept_f_(team, problem.points_x, problem.points_v) {
  for (std::size_t j = 0; j < v_.size(); ++j) v_[j] = problem.v(j);
  for (std::size_t j = to_v_.my_rows().begin; j < to_v_.my_rows().end; ++j) {
    drift_shifts_.push_back(make_shift(points_, v_[j] * problem.time_step / problem.dx(), problem.points_x));
  }
  set_initial_state();
}

void Solver::set_initial_state() {
  std::ranges::fill(to_v_.rider(), 0);
  for (std::size_t j = to_v_.my_rows().begin; j < to_v_.my_rows().end; ++j) {
    const auto line = to_v_.row(j);
    for (std::size_t i = 0; i < line.size(); ++i) line[i] = problem_.initial_f(problem_.x(i), v_[j]);
    add_density(line);
  }
  to_v_.publish();
}

template <class Line>
void Solver::for_my_columns(Transpose& matrix, std::size_t length, Line&& line) {
  const auto mine = matrix.my_columns();
  for (std::size_t first = mine.begin; first < mine.end;) {
    // Groups end at multiples of kGroup, so that a block's odd start costs one short group only.
    const std::size_t last = std::min(mine.end, (first / kGroup + 1) * kGroup);
    matrix.read_columns(first, last - first, lines_.data() + kGhosts, line_stride_);
    for (std::size_t index = first; index < last; ++index) {
      const std::span<double> buffer(lines_.data() + (index - first) * line_stride_, length + 2 * kGhosts);
      fill_periodic_ghosts(buffer, length);
      line(index, buffer);
    }
    first = last;
  }
}

void Solver::solve_field() {
  const double dv = problem_.dv();
  for (std::size_t i = 0; i < density_.size(); ++i) {
    std::uint64_t sum = 0;
    for (int rank = 0; rank < team_->size(); ++rank) sum += to_v_.rider_of(rank)[i];
    density_[i] = fixed_point_.to_double(sum) * dv;
  }
  poisson_.solve(density_, field_);
}

Shift Solver::kick_shift(std::size_t x_index, double duration) const {
  const double acceleration = -field_[x_index];  // the electron's charge is -1
  return make_shift(points_, acceleration * duration / problem_.dv(), problem_.points_v);
}

void Solver::kick(double duration) {
  for_my_columns(to_v_, problem_.points_v, [&](std::size_t i, std::span<const double> line) {
    to_x_.claim_row(i);
    kernels_.shift_line(line, kick_shift(i, duration), to_x_.row(i));
  });
  to_x_.publish();
}

void Solver::drift() {
  std::ranges::fill(to_v_.rider(), 0);
  const std::size_t first = to_v_.my_rows().begin;
  for_my_columns(to_x_, problem_.points_x, [&](std::size_t j, std::span<const double> line) {
    const auto moved = to_v_.row(j);
    to_v_.claim_row(j);
    kernels_.shift_line(line, drift_shifts_[j - first], moved);
    add_density(moved);
  });
  to_v_.publish();
}

void Solver::observe(double duration, Keep keep) {
  for_my_columns(to_v_, problem_.points_v, [&](std::size_t i, std::span<const double> line) {
    kernels_.shift_line(line, kick_shift(i, duration), scratch_);
    line_moments_.item(i)[0] = line_moments(scratch_, v_);
    if (keep == Keep::moments_and_f) std::ranges::copy(scratch_, kept_f_.item(i).begin());
  });
  line_moments_.collect();
  if (keep == Keep::moments_and_f) kept_f_.collect();
}

Moments Solver::moments() const { return total(line_moments_.all(), problem_.dx() * problem_.dv()); }

void Solver::check_range(const Moments& moments) const {
  if (-moments.min_f < fixed_point_.largest() && moments.max_f < fixed_point_.largest()) return;
  throw skein::Error(skein::ExitCode::data,
                     fmt::format("landau: f reached {:g} to {:g}, but never exceeds {:g} at the start; "
                                 "the resolution or the time step cannot be right",
                                 moments.min_f, moments.max_f, largest_initial_f(problem_)));
}

}  // namespace landau
