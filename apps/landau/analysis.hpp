// SPDX-License-Identifier: Apache-2.0
//
// From the field energy over time to omega and gamma with error bars, beside what theory says; and what makes the
// comparison worthless.
//
// Who      the first process, after the run.
// Rules    Damping: a line through the logarithms of the energy's peaks, from t = 10 (the other modes have gone) to t = 40 or
//          0.7 of the recurrence time, as long as peaks are above round-off. Growth: a line through the logarithm of the
//          energy between the decades that the stable modes spoil and those that saturation spoils; omega is the drift of
//          the phase of the first Fourier component. Nonlinear: the line from the first peak to the second, and one
//          through the peaks from t = 20 to 40. All windows can be set in the config.
// Errors   one standard deviation, from the residuals of the lines.
#pragma once

#include <complex>
#include <optional>
#include <string>
#include <vector>

#include "landau/config.hpp"
#include "landau/numerics/fit.hpp"
#include "landau/simulation.hpp"

namespace landau {

struct Estimate {
  double value = 0;
  double error = 0;
};

struct Analysis {
  std::optional<Estimate> omega, gamma;
  std::optional<std::complex<double>> theory;      // omega + i gamma
  std::optional<std::complex<double>> with_steps;  // theory for a field that acts in kicks, as far as it differs
  std::optional<double> amplitude;  // of the field's first Fourier component, extrapolated to t = 0 by the fit
  std::optional<double> amplitude_theory;
  std::optional<Estimate> late_gamma;  // nonlinear: over the window
  double from = 0, to = 0;             // of the window
  std::vector<Peak> peaks;             // within the window, and for nonlinear the first two before it
  std::vector<std::pair<Line, std::pair<double, double>>> lines;  // through log(energy), with its range of time

  double omega_deviation() const { return omega->value / theory->real() - 1; }
  double gamma_deviation() const { return gamma->value / theory->imag() - 1; }
};

/// When a velocity grid echoes: 2 pi / (k dv).
double recurrence_time(const Config& config);

Analysis analyse(const Config& config, const std::vector<FieldMoments>& field);

/// What the config says before the run about the worth of its result.
std::vector<std::string> config_warnings(const Config& config);

/// What the result says about itself.
std::vector<std::string> result_warnings(const Config& config, const Analysis& analysis, const Record& record);

}  // namespace landau
