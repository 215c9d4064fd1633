// SPDX-License-Identifier: Apache-2.0
#include "landau/config.hpp"

#include <cmath>

#include <fmt/format.h>

namespace landau {
namespace {

using support::Bound;
using support::Choice;
using support::Flag;
using support::Integer;
using support::Need;
using support::OneOf;
using support::Real;
using support::Text;

constexpr double kMostPoints = 1 << 26;     // 1.5 GiB for f in both orders and the kept one
constexpr double kMostSteps = 1e8;          // the time series of the field stays in memory
constexpr double kMostSnapshots = 1 << 29;  // values in the HDF5 file: 4 GiB
constexpr double kWholeSteps = 1e-6;        // end may miss a whole number of steps by this share of a step

// What no single key can see.
void check_together(const support::ConfigSource& source, const Config& config) {
  if (config.is_two_stream() && config.beam_speed == 0) {
    source.fail("physics", "beam_speed", "missing or 0 with initial = \"two-stream\"", "a number above 0");
  }
  if (!config.is_two_stream() && config.beam_speed != 0) {
    source.fail("physics", "beam_speed", "given with initial = \"maxwellian\"", "only with initial = \"two-stream\"");
  }
  if (config.is_two_stream() && config.beam_speed >= config.v_max) {
    source.fail("grid", "v_max", fmt::format("{} does not hold the beams", config.v_max),
                fmt::format("above physics.beam_speed = {}", config.beam_speed));
  }
  if (const double points = static_cast<double>(config.points_x) * static_cast<double>(config.points_v);
      points > kMostPoints) {
    source.fail("grid", "points_v", fmt::format("{} x {} points are too many", config.points_x, config.points_v),
                fmt::format("points_x times points_v up to {:.0f}", kMostPoints));
  }
  if (config.step > config.end) {
    source.fail("time", "step", fmt::format("{} is longer than the run", config.step),
                fmt::format("at most time.end = {}", config.end));
  }
  const double steps = config.end / config.step;
  if (steps > kMostSteps) {
    source.fail("time", "step", fmt::format("makes {:.3g} steps", steps),
                fmt::format("up to {:.0e} steps", kMostSteps));
  }
  if (std::abs(steps - std::round(steps)) > kWholeSteps * std::max(1.0, steps)) {
    source.fail("time", "end", fmt::format("{} is no multiple of the step", config.end),
                fmt::format("a whole number of steps of time.step = {}", config.step));
  }
  if (config.is_two_stream() != (config.fit == "growth") && config.fit != "none") {
    source.fail("fit", "kind", fmt::format("\"{}\" does not go with initial = \"{}\"", config.fit, config.initial),
                config.is_two_stream() ? "\"growth\", \"none\"" : "\"damping\", \"nonlinear\", \"none\"");
  }
  if (config.fit_from && *config.fit_from >= config.end) {
    source.fail("fit", "from", fmt::format("{} is not before the end of the run", *config.fit_from),
                fmt::format("below time.end = {}", config.end));
  }
  if (config.fit_to && *config.fit_to <= config.fit_from.value_or(0)) {
    source.fail("fit", "to", fmt::format("{} ends the window before it starts", *config.fit_to),
                fmt::format("above fit.from = {}", config.fit_from.value_or(0)));
  }
  if (config.snapshots_from > config.end) {
    source.fail("output", "snapshots_from", fmt::format("{} is after the end of the run", config.snapshots_from),
                fmt::format("at most time.end = {}", config.end));
  }
  const double stored = static_cast<double>(config.points_x * config.points_v) * static_cast<double>(config.snapshots);
  if (stored > kMostSnapshots) {
    source.fail(
        "output", "snapshots", fmt::format("{} make {:.1f} GiB", config.snapshots, stored * 8 / (1 << 30)),
        fmt::format("up to {:.0f} on this grid", kMostSnapshots * static_cast<double>(config.snapshots) / stored));
  }
}

}  // namespace

std::vector<support::Key> config_keys(Config& c) {
  const std::string time = "inverse plasma frequencies";
  const std::string speed = "thermal speeds";
  const auto above_0 = Bound::excluded;
  return {
      {"case", "name", Need::optional, "", "shown in the summary and on the figures", Text{&c.name}},

      {"physics", "initial", Need::required, "",
       "velocities at the start: one Maxwellian, or two beams of half its density",
       Choice{&c.initial, {"maxwellian", "two-stream"}}},
      {"physics", "wave_number", Need::required, "inverse Debye lengths",
       "k of the perturbation; the box is one wavelength long", Real{&c.wave_number, 0.01, 10}},
      {"physics", "amplitude", Need::required, "", "of the density perturbation, relative",
       Real{&c.amplitude, 0, 1, above_0}},
      {"physics", "beam_speed", Need::optional, speed, "the beams move at + and - this", Real{&c.beam_speed, 0, 50}},

      {"grid", "points_x", Need::required, "", "grid points on the wavelength", Integer{&c.points_x, 8, 16384}},
      {"grid", "points_v", Need::required, "", "grid points from -v_max to v_max", Integer{&c.points_v, 16, 16384}},
      {"grid", "v_max", Need::required, speed, "where the velocity grid ends; f has to be at round-off there",
       Real{&c.v_max, 1, 100}},

      {"time", "step", Need::required, time, "time step; errors grow with its square", Real{&c.step, 0, 10, above_0}},
      {"time", "end", Need::required, time, "the run starts at 0 and ends here", Real{&c.end, 0, 1e6, above_0}},

      {"method", "degree", Need::optional, "", "of the interpolating polynomials, in x and in v",
       OneOf{&c.degree, {3, 5, 7, 9}}},

      {"fit", "kind", Need::required, "", "what to compare with: linear damping, its nonlinear fate, linear growth",
       Choice{&c.fit, {"damping", "nonlinear", "growth", "none"}}},
      {"fit", "from", Need::optional, time, "start of the fit", Real{&c.fit_from, 0, 1e6}},
      {"fit", "to", Need::optional, time, "end of the fit", Real{&c.fit_to, 0, 1e6, above_0}},

      {"output", "moments_every", Need::optional, time, "between entries of moments.csv",
       Real{&c.moments_every, 0, 1e6, above_0}},
      {"output", "snapshots", Need::optional, "", "states of f that are kept, evenly in time, up to the last",
       Integer{&c.snapshots, 0, 10000}},
      {"output", "snapshots_from", Need::optional, time, "when the first of them is taken",
       Real{&c.snapshots_from, 0, 1e6}},
      {"output", "plots", Need::optional, "", "draw the figures", Flag{&c.plots}},
  };
}

std::int64_t Config::steps() const { return std::llround(end / step); }

Problem Config::problem() const {
  return {.wave_number = wave_number,
          .amplitude = amplitude,
          .beam_speed = beam_speed,
          .points_x = static_cast<std::size_t>(points_x),
          .points_v = static_cast<std::size_t>(points_v),
          .v_max = v_max,
          .time_step = step,
          .degree = static_cast<std::size_t>(degree)};
}

Config read_config(const support::ConfigSource& source) {
  Config config;
  source.read(config_keys(config));
  check_together(source, config);
  return config;
}

}  // namespace landau
