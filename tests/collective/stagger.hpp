// SPDX-License-Identifier: Apache-2.0
//
// Ranks that come late, now and then.
#pragma once

#include <sched.h>
#include <unistd.h>

#include "values.hpp"

namespace skein_test {

/// Delays a few of the ranks by a time slice or a sleep, others in each round.
inline void stagger(int rank, std::uint64_t round) {
  constexpr std::uint64_t kSleeping = 1;  // of kChances
  constexpr std::uint64_t kYielding = 16;
  constexpr std::uint64_t kChances = 256;
  const std::uint64_t chance = mix(round, static_cast<std::uint64_t>(rank)) % kChances;
  if (chance < kSleeping) {
    usleep(20);
  } else if (chance < kYielding) {
    sched_yield();
  }
}

}  // namespace skein_test
