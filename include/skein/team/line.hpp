// SPDX-License-Identifier: Apache-2.0
//
// What a rank shows the others: lines in a channel. One writer, many readers.
//
// A line holds one episode's post: the episode number, a signature of the call, and up to 48 bytes of payload, all in one
// cache line, so that a small reduction moves what a barrier moves. A channel is a ring of lines and the watchers that
// sleep on it. A payload of up to 512 bytes for which the line has no room lies in a buffer beside it.
//
// Why two lines and two buffers are enough: a rank posts episode e + 2 only after it has completed e + 1, that is after
// every peer has posted e + 1; and a peer posts e + 1 only after it has completed, and so has finished reading, episode e.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "skein/base/cache_line.hpp"
#include "skein/sync/doorbell.hpp"

namespace skein {

inline constexpr int kRingLines = 2;

/// Bytes of payload that travel in the line itself.
inline constexpr std::size_t kInlineBytes = 48;

/// Bytes of payload that a rank can post at most: more than fit the line lie in one of two buffers of its own, which are used in
/// turn as its lines are.
inline constexpr std::size_t kPostBytes = 512;

/// What a team does, one after the other: its blocking calls are one sequence, its non-blocking ones another. Each has channels
/// of its own.
enum class Strand { calls, operations };
inline constexpr int kStrands = 2;

using Episode = std::uint64_t;
using Signature = std::uint64_t;

/// What a team is called in reports: its rank 0 by the number in the run, and how many teams that rank has led, this one
/// included. Zero for the run's first team, which needs no name.
using TeamName = std::uint64_t;

constexpr TeamName team_name(int run_rank, std::uint32_t number) {
  return static_cast<TeamName>(run_rank) << 32U | number;
}

/// A call of a team, by its first episode.
struct CallId {
  TeamName team = 0;
  Episode episode = 0;
};

/// How far an episode has come.
enum class Progress { complete, pending, aborted, mismatched };

template <class Policy>
struct alignas(kStride) Line {
  typename Policy::template Atomic<Episode> episode{0};
  Signature signature = 0;
  std::byte payload[kInlineBytes]{};
};
static_assert(offsetof(Line<StdAtomics>, payload) + kInlineBytes == kCacheLine, "a post is one cache line");

template <class Policy>
struct Channel {
  Line<Policy> lines[kRingLines];
  Watchers<Policy> watchers;

  Line<Policy>& line(Episode episode) { return lines[episode % kRingLines]; }
  const Line<Policy>& line(Episode episode) const { return lines[episode % kRingLines]; }
};

}  // namespace skein
