// SPDX-License-Identifier: Apache-2.0
//
// The code of the kernels, included by one source file per instruction set. All is in an unnamed namespace, so that the
// linker cannot replace one file's version by another's.
#pragma once

#include <cstring>

#include "landau/numerics/kernels.hpp"
#include "landau/numerics/lagrange.hpp"

namespace landau {
namespace {

// out[i] = sum over k, in index order, of weights[k] * in[i + k].
template <std::size_t kPoints>
void convolve(const double* __restrict in, const double* weights, double* __restrict out, std::size_t count) {
  double w[kPoints];
  for (std::size_t k = 0; k < kPoints; ++k) w[k] = weights[k];
  for (std::size_t i = 0; i < count; ++i) {
    double sum = w[0] * in[i];
    for (std::size_t k = 1; k < kPoints; ++k) sum += w[k] * in[i + k];
    out[i] = sum;
  }
}

template <std::size_t kPoints>
void shift_line_of(std::span<const double> line, const Shift& shift, std::span<double> out) {
  constexpr std::size_t kLeft = kPoints / 2 - 1;
  constexpr std::size_t kSpare = kGhosts - kPoints / 2;  // ghosts that the stencil itself does not need
  const std::size_t length = out.size();
  const double* first = line.data() + kGhosts - kLeft;
  const double* weights = shift.weights.data();
  // out[i] comes from i + rotation. A short way to either side, the ghosts serve; else the line ends on the way.
  if (shift.rotation <= kSpare) {
    convolve<kPoints>(first + shift.rotation, weights, out.data(), length);
  } else if (const std::size_t back = length - shift.rotation; back <= kSpare) {
    convolve<kPoints>(first - back, weights, out.data(), length);
  } else {
    convolve<kPoints>(first + shift.rotation, weights, out.data(), back);
    convolve<kPoints>(first, weights, out.data() + back, shift.rotation);
  }
}

using Four = double __attribute__((vector_size(32)));

inline void load(Four& to, const double* from) { std::memcpy(&to, from, sizeof to); }

inline void store(double* to, const Four& value) { std::memcpy(to, &value, sizeof value); }

void turn_group(const double* cells, std::size_t row_stride, std::size_t rows, double* lines, std::size_t line_stride) {
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    for (std::size_t c = 0; c < kGroup; c += 4) {
      const double* from = cells + r * row_stride + c;
      Four row0, row1, row2, row3;
      load(row0, from);
      load(row1, from + row_stride);
      load(row2, from + 2 * row_stride);
      load(row3, from + 3 * row_stride);
      const Four even01 = __builtin_shufflevector(row0, row1, 0, 4, 2, 6);
      const Four odd01 = __builtin_shufflevector(row0, row1, 1, 5, 3, 7);
      const Four even23 = __builtin_shufflevector(row2, row3, 0, 4, 2, 6);
      const Four odd23 = __builtin_shufflevector(row2, row3, 1, 5, 3, 7);
      double* to = lines + c * line_stride + r;
      store(to, __builtin_shufflevector(even01, even23, 0, 1, 4, 5));
      store(to + line_stride, __builtin_shufflevector(odd01, odd23, 0, 1, 4, 5));
      store(to + 2 * line_stride, __builtin_shufflevector(even01, even23, 2, 3, 6, 7));
      store(to + 3 * line_stride, __builtin_shufflevector(odd01, odd23, 2, 3, 6, 7));
    }
  }
  for (; r < rows; ++r) {
    for (std::size_t c = 0; c < kGroup; ++c) lines[c * line_stride + r] = cells[r * row_stride + c];
  }
}

void claim(const double* values, std::size_t count) {
  constexpr std::size_t kLine = 64 / sizeof(double);
  for (std::size_t i = 0; i < count; i += kLine) __builtin_prefetch(values + i, 1);
}

Kernels kernels_for(std::size_t points) {
  switch (points) {
    case 4:
      return {shift_line_of<4>, turn_group, claim};
    case 6:
      return {shift_line_of<6>, turn_group, claim};
    case 8:
      return {shift_line_of<8>, turn_group, claim};
    default:
      return {shift_line_of<10>, turn_group, claim};
  }
}

}  // namespace
}  // namespace landau
