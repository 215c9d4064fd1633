// SPDX-License-Identifier: Apache-2.0
#include "skein/lane/held_mutexes.hpp"

#include "mutex_count.hpp"

namespace skein {

constinit thread_local int mutex_count = 0;

int held_mutexes() { return mutex_count; }

}  // namespace skein
