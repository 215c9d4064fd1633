// SPDX-License-Identifier: Apache-2.0
#include "landau/numerics/moments.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace landau {

Moments line_moments(std::span<const double> f, std::span<const double> v) {
  Moments sum;
  sum.min_f = sum.max_f = f[0];
  for (std::size_t j = 0; j < f.size(); ++j) {
    sum.mass += f[j];
    sum.momentum += v[j] * f[j];
    sum.speed += std::abs(v[j]) * f[j];
    sum.kinetic += v[j] * v[j] / 2 * f[j];
    sum.l2 += f[j] * f[j];
    sum.negative_mass += std::min(f[j], 0.0);
    sum.min_f = std::min(sum.min_f, f[j]);
    sum.max_f = std::max(sum.max_f, f[j]);
  }
  return sum;
}

Moments total(std::span<const Moments> lines, double cell) {
  Moments sum = lines[0];
  for (const Moments& line : lines.subspan(1)) {
    sum.mass += line.mass;
    sum.momentum += line.momentum;
    sum.speed += line.speed;
    sum.kinetic += line.kinetic;
    sum.l2 += line.l2;
    sum.negative_mass += line.negative_mass;
    sum.min_f = std::min(sum.min_f, line.min_f);
    sum.max_f = std::max(sum.max_f, line.max_f);
  }
  for (double* value : {&sum.mass, &sum.momentum, &sum.speed, &sum.kinetic, &sum.l2, &sum.negative_mass})
    *value *= cell;
  return sum;
}

}  // namespace landau
