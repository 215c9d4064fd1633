// SPDX-License-Identifier: Apache-2.0
//
// Memory for shared arrays and for the boards of teams, inside the segment. One rank allocates and sends the offset; every
// rank that uses the block holds a handle, and the block is free when all handles, counted in the segment, are gone.
//
// Who      any rank of any process of the host; rarely.
// Cost     a table walk under a lock of the host; a freed block's pages go back to the system, so that the next owner's
//          first touch places them.
// Memory   whole pages.
//
// Edges
//   [lock]    acquire exchange; [unlock] release store: the table
//   [handle]  relaxed store: the exchange that sends the block publishes it
//   [drop]    acq_rel decrement: all uses come before the reuse
#pragma once

#include <cstdint>
#include <string_view>

#include "skein/base/error.hpp"
#include "skein/sync/atomics.hpp"
#include "skein/team/segment.hpp"

namespace skein {

/// Lies in the segment. Offsets are from its base; all are multiples of kPageBytes.
struct HeapTable {
  static constexpr int kMaxBlocks = 1024;

  struct Block {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::atomic<std::int32_t> handles{0};
    bool is_used = false;
  };

  std::atomic<std::uint32_t> lock{0};
  std::uint64_t begin = 0;  ///< of the heap
  std::uint64_t end = 0;
  Block blocks[kMaxBlocks];
};

/// The largest page of the kernels that Skein runs on: what is given back must not reach into a neighbour's page.
inline constexpr std::size_t kPageBytes = std::size_t{64} * 1024;

class Heap {
 public:
  Heap() = default;
  Heap(HeapTable& table, const Segment& segment) : table_(&table), segment_(&segment) {}

  /// A zero-filled block for `handles` handles; its index in the table. Throws Error(environment), which says what it was to
  /// hold, when the heap is full.
  int allocate(std::string_view what, std::size_t bytes, int handles) const;

  std::byte* data(int block) const { return segment_->at(table_->blocks[block].begin); }

  /// Gives one handle back. Never throws; does not wait for other ranks, but for the lock.
  void drop(int block) const;

 private:
  HeapTable* table_ = nullptr;
  const Segment* segment_ = nullptr;
};

}  // namespace skein
