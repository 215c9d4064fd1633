// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace skein {

/// What held_mutexes() returns.
extern constinit thread_local int mutex_count;

}  // namespace skein
