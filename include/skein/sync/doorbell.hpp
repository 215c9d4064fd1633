// SPDX-License-Identifier: Apache-2.0
//
// Doorbells and watchers: how a poster wakes exactly the lanes that sleep on what it posted.
//
// Every lane owns one futex word, its doorbell. Every word that can be waited for has a watchers line: one bit per lane
// that sleeps on it. While everybody spins, a watchers line is only read, by its poster, and stays in its cache.
//
// Edges
//   [announce]  seq_cst fetch_or of the watcher's bit: before the sleeper's re-check in the total order
//   [bell]      seq_cst load of the watchers by the poster: after its post in the total order. [announce] and the
//               re-check, the post and [bell] form a Dekker pair: either the sleeper sees the post or the poster sees
//               the sleeper
//   [ring]      seq_cst increment of the doorbell, then the futex call: a sleeper that read the doorbell before its
//               re-check either finds another value in the kernel or is woken
//   [retract]   relaxed fetch_and: a ring too many is harmless
//
// Source  futexes: Drepper, "Futexes Are Tricky", 2011, section 6.
#pragma once

#include <bit>
#include <chrono>
#include <cstdint>
#include <span>

#include "skein/base/cache_line.hpp"
#include "skein/sync/atomics.hpp"

namespace skein {

/// Most lanes that one host can have in a team: the bits of one watchers line.
inline constexpr int kMaxLanes = 512;

/// Written by the lanes that go to sleep or wake up, read by the poster.
template <class Policy>
struct alignas(kStride) Watchers {
  static constexpr int kBits = 64;
  typename Policy::template Atomic<std::uint64_t> words[kMaxLanes / kBits]{};

  void announce(int lane) { words[lane / kBits].fetch_or(bit(lane), std::memory_order_seq_cst); }   // [announce]
  void retract(int lane) { words[lane / kBits].fetch_and(~bit(lane), std::memory_order_relaxed); }  // [retract]

 private:
  static std::uint64_t bit(int lane) { return std::uint64_t{1} << (lane % kBits); }
};

/// One per lane. Written by those who ring, read by the lane before it sleeps.
template <class Policy>
struct alignas(kStride) Doorbell {
  typename Policy::template Atomic<std::uint32_t> word{0};
};

/// All doorbells of a host.
template <class Policy>
class Bells {
 public:
  Bells(std::span<Doorbell<Policy>> bells, FutexScope scope)
      : bells_(bells), watcher_words_((bells.size() + kWordBits - 1) / kWordBits), scope_(scope) {}

  /// After a post: wakes the lanes that sleep on it. One load of an own line when nobody does.
  void ring(const Watchers<Policy>& watchers) {
    for (std::size_t i = 0; i < watcher_words_; ++i) {
      std::uint64_t sleeping = watchers.words[i].load(std::memory_order_seq_cst);  // [bell]
      for (; sleeping != 0; sleeping &= sleeping - 1) {
        ring(bells_[i * kWordBits + static_cast<std::size_t>(std::countr_zero(sleeping))]);
      }
    }
  }

  void ring_lane(int lane) { ring(bells_[static_cast<std::size_t>(lane)]); }

  void ring_all() {
    for (Doorbell<Policy>& bell : bells_) ring(bell);
  }

  std::uint32_t read(int lane) const {
    return bells_[static_cast<std::size_t>(lane)].word.load(std::memory_order_seq_cst);
  }

  void sleep(int lane, std::uint32_t seen, std::chrono::nanoseconds longest) {
    Policy::futex_wait(bells_[static_cast<std::size_t>(lane)].word, seen, scope_, longest);
  }

 private:
  static constexpr std::size_t kWordBits = Watchers<Policy>::kBits;

  void ring(Doorbell<Policy>& bell) {
    bell.word.fetch_add(1, std::memory_order_seq_cst);  // [ring]
    Policy::futex_wake(bell.word, scope_);
  }

  std::span<Doorbell<Policy>> bells_;
  std::size_t watcher_words_;
  FutexScope scope_;
};

}  // namespace skein
