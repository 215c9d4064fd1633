// SPDX-License-Identifier: Apache-2.0
//
// Which relays (relay.hpp) the leader of a host serves: the root of a team opens one and closes it, by the number of the block
// in which its team's board lies.
//
// Who      roots write, each the entry of its own block; the leader reads them all when there is news.
//
// Edges
//   [open]   release store of the state: publishes where the relay is; [look] acquire load
//   [news]   release exchange with 1: publishes that state, and those that were published by it before; [told] acquire
//            exchange with 0, before the states are looked at
//   [close]  release store of the state: publishes the last requests; [closed] acquire load
//   [end]    relaxed store: the block goes back to the heap behind it, where the next root gets it
#pragma once

#include <cstdint>

#include "skein/sync/atomics.hpp"
#include "skein/team/line.hpp"

namespace skein {

/// Lies in the segment. Zeros are one in which no relay is open.
template <class Policy, int kBlocks>
class RelayTable {
 public:
  struct Place {
    std::uint32_t channel = 0;
    std::uint64_t boxes_at[kStrands] = {};  ///< distances from the begin of the segment
  };

  /// By the root. The leader has to be rung.
  void open(int block, const Place& place) {
    Entry& entry = entries_[block];
    entry.place = place;
    entry.state.store(State::open, std::memory_order_release);  // [open]
    has_news_.exchange(1, std::memory_order_release);           // [news]
  }
  void close(int block) { entries_[block].state.store(State::closed, std::memory_order_release); }  // [close]

  /// By the leader: serve(block, place) for all that were opened since, also when they are closed already. One load when there
  /// are none.
  template <class Serve>
  void look(const Serve& serve) {
    if (has_news_.load(std::memory_order_relaxed) == 0) return;
    has_news_.exchange(0, std::memory_order_acquire);  // [told]
    for (Entry& entry : entries_) {
      if (entry.is_served || entry.state.load(std::memory_order_acquire) == State::none) continue;  // [look]
      entry.is_served = true;
      serve(static_cast<int>(&entry - entries_), entry.place);
    }
  }

  /// By the leader: whether all that will ever be asked for has been.
  bool is_closed(int block) const {
    return entries_[block].state.load(std::memory_order_acquire) == State::closed;  // [closed]
  }

  /// By the leader, when it has served all of that, and before it gives the block back.
  void end(int block) {
    entries_[block].is_served = false;
    entries_[block].state.store(State::none, std::memory_order_relaxed);  // [end]
  }

 private:
  enum class State : std::uint32_t { none, open, closed };

  struct Entry {
    typename Policy::template Atomic<State> state{State::none};
    bool is_served = false;  ///< the leader's own
    Place place;
  };

  typename Policy::template Atomic<std::uint32_t> has_news_{0};
  Entry entries_[kBlocks];
};

}  // namespace skein
