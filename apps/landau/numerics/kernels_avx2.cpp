// SPDX-License-Identifier: Apache-2.0
//
// The kernels once more, compiled for AVX2 (and not for FMA). Only called where the processor has it.
#include "landau/numerics/kernel_code.hpp"

namespace landau {

Kernels kernels_avx2(std::size_t points);
Kernels kernels_avx2(std::size_t points) { return kernels_for(points); }

}  // namespace landau
