// SPDX-License-Identifier: Apache-2.0
//
// The solver on a team, small enough for every preset: its bits for several team sizes, its order in time, what it keeps.
#include "landau/solver.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "landau/analysis.hpp"
#include "landau/numerics/dispersion.hpp"
#include "landau/numerics/fit.hpp"

namespace {

struct Outcome {
  std::vector<landau::FieldMoments> field;
  std::vector<double> f;
  landau::Moments first, last;
};

skein::Runtime& runtime_of(int ranks, std::optional<skein::Runtime>& holder) {
  skein::Options options;
  options.ranks = ranks;
  options.mpi = skein::MpiUse::off;
  return holder.emplace(options);
}

Outcome run(int ranks, const landau::Problem& problem, int steps) {
  Outcome outcome;
  std::optional<skein::Runtime> holder;
  const int code = runtime_of(ranks, holder).run([&](skein::Team& team) {
    using Keep = landau::Solver::Keep;
    landau::Solver solver(team, problem);
    const bool writes = team.rank() == 0;
    for (int n = 0; n <= steps; ++n) {
      solver.solve_field();
      if (writes) outcome.field.push_back(solver.field_moments());
      if (n == 0 || n == steps) solver.observe(n == 0 ? 0 : problem.time_step / 2, Keep::moments_and_f);
      solver.kick(n == 0 ? problem.time_step / 2 : problem.time_step);
      if (writes && n == 0) outcome.first = solver.moments();
      if (writes && n == steps) {
        outcome.last = solver.moments();
        outcome.f.assign(solver.kept_f().begin(), solver.kept_f().end());
      }
      solver.drift();
    }
  });
  EXPECT_EQ(code, 0);
  return outcome;
}

constexpr landau::Problem kSmall{
    .wave_number = 0.5, .amplitude = 0.3, .points_x = 13, .points_v = 37, .v_max = 6, .time_step = 0.2, .degree = 5};

// Fails if a bit depends on who owns a line: blocks of all sizes, groups cut short, and more ranks than lines.
TEST(Solver, BitsDoNotDependOnTheNumberOfRanks) {
  const Outcome one = run(1, kSmall, 12);
  for (const int ranks : {2, 3, 5, 8, 16, 40}) {
    const Outcome many = run(ranks, kSmall, 12);
    ASSERT_EQ(many.f.size(), one.f.size());
    EXPECT_EQ(std::memcmp(many.f.data(), one.f.data(), one.f.size() * sizeof(double)), 0) << ranks << " ranks";
    EXPECT_EQ(std::memcmp(many.field.data(), one.field.data(), one.field.size() * sizeof(landau::FieldMoments)), 0)
        << ranks;
    EXPECT_EQ(std::memcmp(&many.last, &one.last, sizeof one.last), 0) << ranks << " ranks";
  }
}

// Fails if the splitting is of first order, as it is without the half kicks: the error against a run with a much smaller
// step has to fall by four when the step is halved.
TEST(Solver, HalvingTheStepQuartersTheError) {
  landau::Problem problem = kSmall;
  problem.points_x = 16;
  problem.points_v = 64;
  problem.degree = 9;
  const auto energy_at_3 = [&](double step) {
    problem.time_step = step;
    return run(2, problem, static_cast<int>(std::lround(3 / step))).field.back().energy;
  };
  const double exact = energy_at_3(0.0125);
  const double coarse = std::abs(energy_at_3(0.2) - exact);
  const double fine = std::abs(energy_at_3(0.1) - exact);
  EXPECT_NEAR(coarse / fine, 4, 0.3);
}

// Fails if anything but the time step makes an error worth mentioning: at a step so long that gamma is wrong by 0.4 %, the
// dispersion relation for a field in kicks predicts what the solver finds to 0.01 %.
TEST(Solver, TheErrorOfTheStepIsThePredictedOne) {
  landau::Config config;
  config.initial = "maxwellian";
  config.fit = "damping";
  config.wave_number = 0.5;
  config.amplitude = 1e-4;
  config.points_x = 32;
  config.points_v = 256;
  config.v_max = 8;
  config.step = 0.2;
  config.end = 40;
  const Outcome outcome = run(2, config.problem(), static_cast<int>(config.steps()));
  const auto analysis = landau::analyse(config, outcome.field);
  ASSERT_TRUE(analysis.gamma && analysis.omega && analysis.with_steps);
  EXPECT_GT(std::abs(analysis.gamma_deviation()), 0.003);
  EXPECT_NEAR(analysis.gamma->value / analysis.with_steps->imag(), 1, 2e-4);
  EXPECT_NEAR(analysis.omega->value / analysis.with_steps->real(), 1, 2e-4);
}

// Fails if mass leaks, if a symmetric state gets a momentum, or if L2 grows (an unstable or sharpening interpolation).
TEST(Solver, KeepsWhatItShould) {
  for (const std::size_t degree : {3U, 5U, 7U, 9U}) {
    landau::Problem problem = kSmall;
    problem.degree = degree;
    problem.points_x = 32;
    problem.points_v = 128;
    const Outcome outcome = run(2, problem, 100);
    EXPECT_NEAR(outcome.last.mass / outcome.first.mass, 1, 1e-13) << degree;
    EXPECT_LT(std::abs(outcome.last.momentum) / outcome.first.speed, 1e-13) << degree;
    EXPECT_LE(outcome.last.l2, outcome.first.l2 * (1 + 1e-13)) << degree;
    EXPECT_NEAR(
        (outcome.last.kinetic + outcome.field.back().energy) / (outcome.first.kinetic + outcome.field.front().energy),
        1, 0.01)
        << degree;
  }
}

// Fails if the initial state is not the documented one: mass L, kinetic energy L/2 (1 + u^2), field energy L a^2/(4 k^2).
TEST(Solver, StartsFromTheDocumentedState) {
  landau::Problem problem = kSmall;
  problem.beam_speed = 2;
  problem.points_x = 32;
  problem.points_v = 128;
  problem.v_max = 9;
  const Outcome outcome = run(3, problem, 0);
  EXPECT_NEAR(outcome.first.mass / problem.length(), 1, 1e-10);
  EXPECT_NEAR(outcome.first.kinetic / problem.length(), 2.5, 1e-9);
  EXPECT_NEAR(outcome.field[0].energy / problem.length(), 0.09 / (4 * 0.25), 1e-7);
  EXPECT_NEAR(outcome.field[0].mode_sin, -0.3 / 0.5, 1e-7);
}

}  // namespace
