// SPDX-License-Identifier: Apache-2.0
//
// How a thread calculates with floating-point numbers: rounding, flushing of subnormal numbers, traps. Threads inherit it
// when they start, and from then on each has its own; a library built with -ffast-math changes that of the thread that
// loads it, and no other. Exception flags that have been raised are results, and no part of it.
//
// Cost    some ten cycles to capture, and as many to install where nothing differs.
// Limit   x86-64 carries everything: MXCSR with FTZ and DAZ, and the x87 control word for long double. Elsewhere it is what
//         <cfenv> knows: rounding and traps.
#pragma once

#include <cstdint>
#include <string>

namespace skein {

class FpEnvironment {
 public:
  /// That of the calling thread.
  static FpEnvironment capture();

  /// Makes it that of the calling thread. Traps that this switches on do not fire for exceptions raised earlier.
  void install() const;

  /// The whole of it: equal if and only if the environments are, also between processes of one kind of machine.
  std::uint64_t bits() const { return bits_; }

  bool operator==(const FpEnvironment&) const = default;

  /// What of it is unlike `other`, such as "rounding toward zero, FTZ on"; empty when they are equal.
  std::string unlike(const FpEnvironment& other) const;

 private:
  explicit FpEnvironment(std::uint64_t bits) : bits_(bits) {}
  std::uint64_t bits_;
};

}  // namespace skein
