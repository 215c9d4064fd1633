// SPDX-License-Identifier: Apache-2.0
//
// From a time series to rates: a straight line with error bars, and the peaks of an oscillation.
#pragma once

#include <span>
#include <vector>

namespace landau {

/// y = intercept + slope x by least squares; the errors are standard deviations estimated from the residuals.
struct Line {
  double intercept = 0;
  double slope = 0;
  double slope_error = 0;  ///< 0 with fewer than three points
  double at(double x) const { return intercept + slope * x; }
};

/// Needs two points with different x.
Line fit_line(std::span<const double> x, std::span<const double> y);

struct Peak {
  double time = 0;
  double log_value = 0;
};

/// The maxima of log(values) within [from, to], values being equally spaced in time from 0 on: through each sample that
/// exceeds its neighbours, and these, goes a parabola. *Error* third order in `time_step`.
std::vector<Peak> find_peaks(std::span<const double> values, double time_step, double from, double to);

}  // namespace landau
