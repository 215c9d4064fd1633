// SPDX-License-Identifier: Apache-2.0
#include "statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace bench {

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), nth, values.end());
  const double low = *nth;
  if (below + 1 == values.size()) return low;
  const double high = *std::min_element(nth + 1, values.end());
  return low + (place - static_cast<double>(below)) * (high - low);
}

double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

Spread spread(const std::vector<double>& ratios) {
  return {
      .median = median(ratios), .low = quantile(ratios, 0.25), .high = quantile(ratios, 0.75), .rounds = ratios.size()};
}

std::vector<double> ratios(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> result;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (!std::isnan(a[i]) && b[i] > 0) result.push_back(a[i] / b[i]);
  return result;
}

Control control(const std::vector<double>& aa_ratios) {
  Control result;
  result.ratios = aa_ratios.size();
  result.low = quantile(aa_ratios, 0.025);
  result.high = quantile(aa_ratios, 0.975);
  if (aa_ratios.size() < Control::kFewest)
    result.inconclusive = fmt::format("{} A/A ratios, at least {} are needed", aa_ratios.size(), Control::kFewest);
  else if (result.low < 1 - Control::kWidest || result.high > 1 + Control::kWidest)
    result.inconclusive = fmt::format("the A/A band is wider than {:g} % either way", 100 * Control::kWidest);
  return result;
}

}  // namespace bench
