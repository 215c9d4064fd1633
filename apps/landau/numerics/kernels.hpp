// SPDX-License-Identifier: Apache-2.0
//
// The loops where a run spends its time, compiled for several instruction sets and chosen when the program starts. They
// are called through pointers, a line or a group of lines at a time.
//
// Bits     equal for all instruction sets: the same operations in the same order on every element, no FMA.
#pragma once

#include <cstddef>
#include <span>

namespace landau {

struct Shift;

struct Kernels {
  /// Moves a periodic line, given with kGhosts points around it, into `out`; see lagrange.hpp.
  void (*shift_line)(std::span<const double> line, const Shift& shift, std::span<double> out);

  /// lines[c * line_stride + r] = cells[r * row_stride + c] for kGroup columns.
  void (*turn_group)(const double* cells, std::size_t row_stride, std::size_t rows, double* lines,
                     std::size_t line_stride);

  /// Fetches `count` values that will be written soon, so that the writes need not wait for other cores' copies to go.
  void (*claim)(const double* values, std::size_t count);
};

/// Columns that are read together: a cache line of each row.
inline constexpr std::size_t kGroup = 8;

enum class InstructionSet { baseline, avx2 };

/// The widest instruction set that this machine has and this build knows. It changes speed, not bits.
InstructionSet best_instruction_set();

/// The routines for a stencil of `points` (4, 6, 8 or 10).
Kernels kernels(std::size_t points, InstructionSet set = best_instruction_set());

}  // namespace landau
