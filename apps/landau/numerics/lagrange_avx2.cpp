// SPDX-License-Identifier: Apache-2.0
//
// The kernels once more, compiled for AVX2 (and not for FMA). Only called where the processor has it.
#include "landau/numerics/shift_kernel.hpp"

namespace landau {

ShiftLine shift_line_avx2(std::size_t points);
ShiftLine shift_line_avx2(std::size_t points) { return shift_line_for(points); }

}  // namespace landau
