// SPDX-License-Identifier: Apache-2.0
//
// One rank's handle to a block of its host's heap: gives it back at its end. Keeps what the block lies in, so that a team or an
// array may go later than its Runtime.
#pragma once

#include <memory>
#include <utility>

namespace skein {

class RankContext;

class HeapHandle {
 public:
  HeapHandle() = default;

  /// Takes over one of the block's handles, which were counted when it was allocated.
  HeapHandle(std::shared_ptr<RankContext> rank, int block) : rank_(std::move(rank)), block_(block) {}
  HeapHandle(HeapHandle&& other) noexcept { swap(other); }
  HeapHandle& operator=(HeapHandle&& other) noexcept {
    HeapHandle(std::move(other)).swap(*this);
    return *this;
  }
  ~HeapHandle();

  /// Gives nothing back: somebody may use the block for ever.
  void release() { rank_.reset(); }

 private:
  void swap(HeapHandle& other) noexcept {
    std::swap(rank_, other.rank_);
    std::swap(block_, other.block_);
  }

  std::shared_ptr<RankContext> rank_;
  int block_ = -1;
};

}  // namespace skein
