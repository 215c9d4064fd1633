// SPDX-License-Identifier: Apache-2.0
#include "landau/numerics/lagrange.hpp"

#include <cmath>

#include "landau/numerics/shift_kernel.hpp"

namespace landau {

#ifdef LANDAU_HAS_AVX2
ShiftLine shift_line_avx2(std::size_t points);  // lagrange_avx2.cpp
#endif

std::array<double, kMaxPoints> lagrange_weights(std::size_t points, double fraction) {
  std::array<double, kMaxPoints> weights{};
  const int left = static_cast<int>(points) / 2 - 1;
  for (int k = 0; k < static_cast<int>(points); ++k) {
    double above = 1;
    double below = 1;
    for (int m = 0; m < static_cast<int>(points); ++m) {
      if (m == k) continue;
      above *= fraction - (m - left);
      below *= k - m;
    }
    weights[static_cast<std::size_t>(k)] = above / below;
  }
  return weights;
}

Shift make_shift(std::size_t points, double cells, std::size_t length) {
  const double whole = std::floor(-cells);
  const auto n = static_cast<double>(length);
  double rotation = std::fmod(whole, n);
  if (rotation < 0) rotation += n;
  return {lagrange_weights(points, -cells - whole), static_cast<std::size_t>(rotation)};
}

void fill_periodic_ghosts(std::span<double> line, std::size_t length) {
  for (std::size_t g = 0; g < kGhosts; ++g) {
    line[g] = line[g + length];
    line[kGhosts + length + g] = line[kGhosts + g];
  }
}

InstructionSet best_instruction_set() {
#ifdef LANDAU_HAS_AVX2
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return InstructionSet::avx2;
#endif
  return InstructionSet::baseline;
}

ShiftLine shift_line(std::size_t points, [[maybe_unused]] InstructionSet set) {
#ifdef LANDAU_HAS_AVX2
  if (set == InstructionSet::avx2) return shift_line_avx2(points);
#endif
  return shift_line_for(points);
}

}  // namespace landau
