// SPDX-License-Identifier: Apache-2.0
#include "landau/numerics/kernels.hpp"

#include "landau/numerics/kernel_code.hpp"

namespace landau {

#ifdef LANDAU_HAS_AVX2
Kernels kernels_avx2(std::size_t points);  // kernels_avx2.cpp
#endif

InstructionSet best_instruction_set() {
#ifdef LANDAU_HAS_AVX2
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return InstructionSet::avx2;
#endif
  return InstructionSet::baseline;
}

Kernels kernels(std::size_t points, [[maybe_unused]] InstructionSet set) {
#ifdef LANDAU_HAS_AVX2
  if (set == InstructionSet::avx2) return kernels_avx2(points);
#endif
  return kernels_for(points);
}

}  // namespace landau
