// SPDX-License-Identifier: Apache-2.0
//
// The inner loops of shift_line and of the density, included by one source file per instruction set. All is in an unnamed
// namespace, so that the linker cannot replace one file's version by another's.
#pragma once

#include <bit>
#include <cstdint>

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
  const std::size_t length = out.size();
  const double* first = line.data() + kGhosts - (kPoints / 2 - 1);
  // out[i] comes from i + rotation, which passes the end of the line once.
  const std::size_t head = length - shift.rotation;
  convolve<kPoints>(first + shift.rotation, shift.weights.data(), out.data(), head);
  convolve<kPoints>(first, shift.weights.data(), out.data() + head, shift.rotation);
}

ShiftLine shift_line_for(std::size_t points) {
  switch (points) {
    case 4:
      return shift_line_of<4>;
    case 6:
      return shift_line_of<6>;
    case 8:
      return shift_line_of<8>;
    default:
      return shift_line_of<10>;
  }
}

}  // namespace
}  // namespace landau
