// SPDX-License-Identifier: Apache-2.0
#include "landau/numerics/kernels.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "landau/numerics/density.hpp"
#include "landau/numerics/lagrange.hpp"

namespace {

using landau::InstructionSet;
using landau::kGhosts;
using landau::kGroup;

std::vector<double> noise(std::size_t n, unsigned seed) {
  std::vector<double> values(n);
  unsigned state = seed * 2654435761U + 1;
  for (double& value : values) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<double>(state) / 4294967296.0 - 0.25;
  }
  return values;
}

// Fails if a vector body, a scalar rest or another instruction set adds in another order, or fuses.
TEST(Kernels, EveryInstructionSetGivesTheBitsOfTheDefinition) {
  for (const std::size_t points : {4U, 6U, 8U, 10U}) {
    for (std::size_t n = 8; n < 45; ++n) {
      auto line = noise(n + 2 * kGhosts, static_cast<unsigned>(n));
      landau::fill_periodic_ghosts(line, n);
      for (const double cells : {0.3, -0.3, 2.7, -3.1, 6.2, -7.9}) {
        const auto shift = landau::make_shift(points, cells, n);
        std::vector<double> wanted(n);
        for (std::size_t i = 0; i < n; ++i) {
          double sum = 0;
          for (std::size_t k = 0; k < points; ++k) {
            const double old = line[kGhosts + (i + shift.rotation + k + n - (points / 2 - 1)) % n];
            sum = k == 0 ? shift.weights[0] * old : sum + shift.weights[k] * old;
          }
          wanted[i] = sum;
        }
        for (const auto set : {InstructionSet::baseline, landau::best_instruction_set()}) {
          std::vector<double> out(n);
          landau::kernels(points, set).shift_line(line, shift, out);
          EXPECT_EQ(std::memcmp(out.data(), wanted.data(), n * sizeof(double)), 0)
              << points << " points, length " << n << ", " << cells << " cells";
        }
      }
    }
  }
}

// Fails if a block of the transpose lands in the wrong line, or the rows that fill no block are left out.
TEST(Kernels, TurningAGroupMovesEveryValueToItsPlace) {
  for (const auto set : {InstructionSet::baseline, landau::best_instruction_set()}) {
    for (std::size_t rows = 1; rows < 22; ++rows) {
      const std::size_t row_stride = 16;
      const std::size_t line_stride = 32;
      const auto cells = noise(rows * row_stride, 3);
      std::vector<double> lines(kGroup * line_stride, -1);
      landau::kernels(8, set).turn_group(cells.data(), row_stride, rows, lines.data(), line_stride);
      for (std::size_t c = 0; c < kGroup; ++c) {
        for (std::size_t r = 0; r < line_stride; ++r) {
          EXPECT_EQ(lines[c * line_stride + r], r < rows ? cells[r * row_stride + c] : -1)
              << rows << " rows, " << r << ", " << c;
        }
      }
    }
  }
}

// Fails if the density's bits depend on how lines are grouped into partial sums, as those of a floating-point sum would.
TEST(Density, SumsAreTheSameInAnyGrouping) {
  const landau::FixedPoint fixed(4);
  const std::size_t n = 17;
  const auto values = noise(60 * n, 5);
  const auto line = [&](std::size_t j) { return std::span(values).subspan(j * n, n); };
  std::vector<std::uint64_t> whole(n), first(n), second(n);
  for (std::size_t j = 0; j < 60; ++j) fixed.add(line(j), whole);
  for (std::size_t j = 60; j-- > 0;) fixed.add(line(j), j < 23 ? first : second);
  for (std::size_t i = 0; i < n; ++i) {
    EXPECT_EQ(whole[i], first[i] + second[i]);
    double sum = 0;
    for (std::size_t j = 0; j < 60; ++j) sum += line(j)[i];
    EXPECT_NEAR(fixed.to_double(whole[i]), sum, 60 * fixed.quantum());
  }
}

// Fails at the edges of the fixed-point range, and for negative values, where the low bits of the pattern borrow.
TEST(Density, TheWholeRangeIsExactToHalfAQuantum) {
  const landau::FixedPoint fixed(1.6);
  EXPECT_GE(fixed.largest(), 1.6);
  for (const double value : {0.0, 1.6, -1.6, 0.4, -0.03, 1e-17, -1e-17, 1e-300}) {
    std::vector<std::uint64_t> sum(1);
    fixed.add(std::vector{value}, sum);
    EXPECT_LE(std::abs(fixed.to_double(sum[0]) - value), fixed.quantum() / 2) << value;
  }
}

}  // namespace
