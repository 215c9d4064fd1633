// SPDX-License-Identifier: Apache-2.0
//
// How long a wait may keep its CPU busy before it yields, and before it sleeps.
#pragma once

#include <chrono>

#include "skein/sync/atomics.hpp"

namespace skein {

enum class WaitPolicy {
  automatic,  ///< spin, then yield, then park; at once towards parking when ranks exceed the allowed CPUs
  spin,       ///< never give up the CPU while ranks fit the allowed CPUs; beyond that as automatic
  yield,      ///< yield between polls, never park
  park,       ///< sleep in the kernel after the first polls
};

/// Whether every rank has a CPU of its own.
enum class Crowding { fits, oversubscribed };

/// The stages of one wait after its bare polls, in time because the length of `pause` differs tenfold between CPUs.
struct WaitBudget {
  std::chrono::nanoseconds spin{0};
  std::chrono::nanoseconds yield{0};
};

/// The budget of a policy. A spinning rank with a CPU of its own harms nobody for a while, so `automatic` gives it
/// longer than a futex round trip (50 us on virtual machines); without one, the peer it waits for may need this CPU.
constexpr WaitBudget wait_budget(WaitPolicy policy, Crowding crowding) {
  using std::chrono::microseconds;
  switch (policy) {
    case WaitPolicy::yield:
      return {crowding == Crowding::fits ? microseconds{1} : microseconds{0}, kForever};
    case WaitPolicy::park:
      return {};
    case WaitPolicy::spin:
      if (crowding == Crowding::fits) return {kForever, kForever};
      [[fallthrough]];
    case WaitPolicy::automatic:
      break;
  }
  if (crowding == Crowding::oversubscribed) return {microseconds{0}, microseconds{50}};
  return {microseconds{200}, microseconds{1000}};
}

}  // namespace skein
