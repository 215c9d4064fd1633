// SPDX-License-Identifier: Apache-2.0
//
// The exchange: the one mechanism under every collective. A rank arrives (posts its line), waits until the others have
// arrived, and leaves with what they posted. Arriving and completing are separate, which gives the split-phase forms.
//
// Who      every rank of a team, once per episode, in the same order.
// Cost     all-to-all: one line transfer, plus two overlapped ones for each rank beyond the second. Gather and release:
//          two hops. No write that two ranks contend for; no clock, no system call while peers are in step.
// Memory   the channels of line.hpp; allocates nothing.
// Source   all-to-all flags: Hoefler et al., "Fast Barrier Synchronization for InfiniBand", IPDPS 2006 (n-way
//          dissemination with n = p - 1). Sense reversal by monotone episodes: Mellor-Crummey and Scott, ACM TOCS 9(1),
//          1991, doi:10.1145/103727.103729, section 3.
//
// Edges
//   [post]     seq_cst exchange of `episode`: releases signature and payload to [see], and comes before [bell] of
//              doorbell.hpp in the total order, so a poster that finds no watcher cannot have been missed by a sleeper
//   [see]      seq_cst load (a plain mov on x86) of a peer's `episode`: acquires what the peer posted, and is also the
//              re-check after announcing to sleep, which an acquire load would not order
//   [release]  as [post], in gather and release: passes on every post that rank 0 has seen, so a released rank may read
//              the lines of all ranks
//   [free]     as [see], of a release line
//
// Order    episodes are retired in order. Seeing a peer's post of episode e means that it has posted all before e.
#pragma once

#include <span>
#include <type_traits>

#include "skein/sync/waiter.hpp"
#include "skein/team/line.hpp"
#include "skein/team/pattern.hpp"

namespace skein {

/// The channels of one team on one host, in its segment.
template <class Policy>
struct Channels {
  std::span<Channel<Policy>> arrivals;  ///< one per rank
  std::span<Channel<Policy>> releases;  ///< written by rank 0; one per kPollersPerLine other ranks
};

/// How far an episode has come.
enum class Progress { complete, pending, aborted, mismatched };

template <class Policy>
class Exchange {
 public:
  Exchange(Channels<Policy> channels, int rank, Pattern pattern, Waiter<Policy>& waiter, Bells<Policy>& bells,
           Episode first)
      : channels_(channels),
        rank_(rank),
        pattern_(pattern),
        waiter_(&waiter),
        bells_(&bells),
        arrived_(first - 1),
        retired_(first - 1) {}

  /// Posts this rank's line for the next episode. Needs fewer than kMaxOutstanding outstanding episodes.
  [[gnu::always_inline]] inline Episode arrive(Signature signature, const void* payload, std::size_t bytes) {
    const Episode episode = ++arrived_;
    signatures_[episode % kRingLines] = signature;
    post(channels_.arrivals[index(rank_)], episode, signature, payload, bytes);  // [post]
    return episode;
  }

  /// Waits until the newest episode is complete. `combine(out)` may read the payload of every rank and writes `bytes`
  /// of result to `out`; under gather and release rank 0 alone runs it and its result is passed on.
  template <class Combine>
  [[gnu::always_inline]] inline Progress complete(Combine&& combine, void* out, std::size_t bytes) {
    if (retired_ + 1 < arrived_) [[unlikely]] {
      const Progress progress = wait(arrived_ - 1);
      if (progress != Progress::complete) return progress;
    }
    return retire(arrived_, combine, out, bytes);
  }

  /// Retires outstanding split-phase episodes, all of them barriers, up to `episode`; waits for none.
  Progress test(Episode episode) { return retire_barriers<Testing>(episode); }

  /// As test, and waits.
  Progress wait(Episode episode) { return retire_barriers<Blocking>(episode); }

  Episode arrived() const { return arrived_; }
  Episode retired() const { return retired_; }
  int outstanding() const { return static_cast<int>(arrived_ - retired_); }

  /// What `rank` posted for `episode`. Valid between the episode's completion and kMaxOutstanding episodes later.
  const std::byte* payload(int rank, Episode episode) const {
    return channels_.arrivals[index(rank)].line(episode).payload;
  }

  /// After Progress::mismatched: the rank whose signature differs from this rank's.
  int mismatched_rank() const { return next_peer_; }

 private:
  struct Blocking {};
  struct Testing {};

  static std::size_t index(int rank) { return static_cast<std::size_t>(rank); }
  int size() const { return static_cast<int>(channels_.arrivals.size()); }

  [[gnu::always_inline]] inline void post(Channel<Policy>& channel, Episode episode, Signature signature,
                                          const void* payload, std::size_t bytes) {
    Line<Policy>& line = channel.line(episode);
    line.signature = signature;
    if (bytes != 0) std::memcpy(line.payload, payload, bytes);
    line.episode.exchange(episode, std::memory_order_seq_cst);  // [post] [release]
    bells_->ring(channel.watchers);
  }

  // Split-phase barriers are seen by each rank for itself in every pattern: a release would wait for rank 0 to call.
  template <class Mode>
  [[gnu::noinline]] Progress retire_barriers(Episode episode) {
    while (retired_ < episode) {
      const Progress progress = see_all<Mode>(retired_ + 1);
      if (progress != Progress::complete) return progress;
      retired_ += 1;
      next_peer_ = 0;
    }
    return Progress::complete;
  }

  template <class Combine>
  [[gnu::always_inline]] inline Progress retire(Episode episode, Combine&& combine, void* out, std::size_t bytes) {
    if (pattern_ == Pattern::all_to_all || rank_ == 0) {
      const Progress progress = see_all<Blocking>(episode);
      if (progress != Progress::complete) return progress;
      combine(out);
      if (pattern_ == Pattern::gather_release) {
        for (Channel<Policy>& release : channels_.releases) post(release, episode, 0, out, bytes);  // [release]
      }
    } else {
      Channel<Policy>& release = channels_.releases[index((rank_ - 1) / kPollersPerLine)];
      const Progress progress = see<Blocking>(release, episode);  // [free]
      if (progress != Progress::complete) return progress;
      if (bytes != 0) std::memcpy(out, release.line(episode).payload, bytes);
    }
    retired_ = episode;
    next_peer_ = 0;
    return Progress::complete;
  }

  // In rank order; next_peer_ remembers how far earlier tests of this episode came. The own line is left alone: reading
  // it back while peers fetch it would slow both (skein-bench barrier).
  template <class Mode>
  [[gnu::always_inline]] inline Progress see_all(Episode episode) {
    for (; next_peer_ < size(); ++next_peer_) {
      if (next_peer_ == rank_) continue;
      Channel<Policy>& peer = channels_.arrivals[index(next_peer_)];
      const Progress progress = see<Mode>(peer, episode);  // [see]
      if (progress != Progress::complete) return progress;
      if (peer.line(episode).signature != signatures_[episode % kRingLines]) return Progress::mismatched;
    }
    return Progress::complete;
  }

  template <class Mode>
  [[gnu::always_inline]] inline Progress see(Channel<Policy>& channel, Episode episode) {
    const auto& theirs = channel.line(episode).episode;
    const auto is_posted = [&] { return theirs.load(std::memory_order_seq_cst) == episode; };
    if constexpr (std::is_same_v<Mode, Testing>) {
      if (is_posted()) return Progress::complete;
      if (!waiter_->is_aborted()) return Progress::pending;
      return is_posted() ? Progress::complete : Progress::aborted;
    } else {
      return waiter_->until(is_posted, channel.watchers) == WaitResult::ready ? Progress::complete : Progress::aborted;
    }
  }

  Channels<Policy> channels_;
  int rank_;
  Pattern pattern_;
  Waiter<Policy>* waiter_;
  Bells<Policy>* bells_;
  Episode arrived_;
  Episode retired_;
  int next_peer_ = 0;
  Signature signatures_[kRingLines]{};  ///< of the own posts
};

}  // namespace skein
