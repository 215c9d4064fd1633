// SPDX-License-Identifier: Apache-2.0
//
// What the start has found out, as plain values.
#pragma once

#include "skein/runtime/description.hpp"
#include "start.hpp"

namespace skein {

Description description_of(const Start& start);

}  // namespace skein
