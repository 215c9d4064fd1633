// SPDX-License-Identifier: Apache-2.0
//
// Sums of f over v in fixed point: integer addition is associative, so the density has the same bits however the lines
// are divided among ranks, and no rank needs to see a whole column of f.
//
// Who      the solver: every rank adds its own v lines while they are in L1; all ranks add the partial sums of all.
// Error    each value is rounded to a multiple of `quantum`, about 2^-51 of the largest f allowed: as much as one
//          floating-point addition would round.
// How      value + 1.5 * 2^52 * quantum has the rounded value in the low bits of its mantissa; the difference of two such
//          bit patterns is the integer. Exact for |value| below 2^51 quanta. Unsigned arithmetic wraps, so negative
//          values (undershoots) work as well.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace landau {

class FixedPoint {
 public:
  /// For values up to `largest` in modulus.
  explicit FixedPoint(double largest)
      : quantum_(std::ldexp(1.0, std::ilogb(largest) + 1 - 51)), shift_(0x1.8p52 * quantum_) {}

  double quantum() const { return quantum_; }
  double largest() const { return 0x1p51 * quantum_; }

  /// sums[i] += values[i].
  void add(std::span<const double> values, std::span<std::uint64_t> sums) const {
    const auto zero = std::bit_cast<std::uint64_t>(shift_);
    const double* __restrict in = values.data();
    std::uint64_t* __restrict out = sums.data();
    const std::size_t count = sums.size();
    for (std::size_t i = 0; i < count; ++i) out[i] += std::bit_cast<std::uint64_t>(in[i] + shift_) - zero;
  }

  double to_double(std::uint64_t sum) const { return static_cast<double>(static_cast<std::int64_t>(sum)) * quantum_; }

 private:
  double quantum_;
  double shift_;
};

}  // namespace landau
