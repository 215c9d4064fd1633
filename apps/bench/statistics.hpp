// SPDX-License-Identifier: Apache-2.0
// Medians, percentiles and the A/A band. All take copies, because they sort; all return NaN for no values.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace bench {

// The value below which the fraction `q` of `values` lies, interpolated between neighbours (Hyndman and Fan, The
// American Statistician 50 (1996), definition 7). `values` must hold no NaN. Requires 0 <= q <= 1.
double quantile(std::vector<double> values, double q);

double median(std::vector<double> values);

// A ratio that was measured once per round: what is reported of it.
struct Spread {
  double median;
  double low;   // first quartile
  double high;  // third quartile
  std::size_t rounds;
};
Spread spread(const std::vector<double>& ratios);

// Element by element a/b; only rounds in which both were measured (neither is NaN, b is positive).
std::vector<double> ratios(const std::vector<double>& a, const std::vector<double>& b);

// How much two runs of the same program differ, and whether the machine was quiet enough to claim anything.
struct Control {
  static constexpr std::size_t kFewest = 30;  // ratios
  static constexpr double kWidest = 0.05;     // either way
  double low = 0;                             // 2.5th percentile of the A/A ratios
  double high = 0;                            // 97.5th
  std::size_t ratios = 0;
  std::string inconclusive;  // why; empty when the band is narrow enough

  bool conclusive() const { return inconclusive.empty(); }
};
Control control(const std::vector<double>& aa_ratios);

}  // namespace bench
