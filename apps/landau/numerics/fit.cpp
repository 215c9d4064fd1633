// SPDX-License-Identifier: Apache-2.0
#include "landau/numerics/fit.hpp"

#include <cmath>
#include <cstddef>

namespace landau {

Line fit_line(std::span<const double> x, std::span<const double> y) {
  const auto n = static_cast<double>(x.size());
  double mean_x = 0;
  double mean_y = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / n;
    mean_y += y[i] / n;
  }
  double xx = 0;
  double xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  Line line;
  line.slope = xy / xx;
  line.intercept = mean_y - line.slope * mean_x;
  if (x.size() > 2) {
    double residuals = 0;
    for (std::size_t i = 0; i < x.size(); ++i) residuals += std::pow(y[i] - line.at(x[i]), 2);
    line.slope_error = std::sqrt(residuals / (n - 2) / xx);
  }
  return line;
}

std::vector<Peak> find_peaks(std::span<const double> values, double time_step, double from, double to) {
  std::vector<Peak> peaks;
  for (std::size_t i = 1; i + 1 < values.size(); ++i) {
    if (!(values[i - 1] > 0 && values[i] > values[i - 1] && values[i] >= values[i + 1] && values[i + 1] > 0)) continue;
    const double before = std::log(values[i - 1]);
    const double middle = std::log(values[i]);
    const double after = std::log(values[i + 1]);
    const double curvature = before - 2 * middle + after;
    const double offset = (before - after) / (2 * curvature);  // in time steps, -1/2 to 1/2
    const double time = (static_cast<double>(i) + offset) * time_step;
    if (time >= from && time <= to) peaks.push_back({time, middle - (before - after) * offset / 4});
  }
  return peaks;
}

}  // namespace landau
