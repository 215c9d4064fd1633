// SPDX-License-Identifier: Apache-2.0
#include "skein/team/heap_handle.hpp"

#include "skein/team/rank_context.hpp"

namespace skein {

// In the child of a fork, the table may be the parent's.
HeapHandle::~HeapHandle() {
  if (rank_ != nullptr && !rank_->is_in_child()) rank_->host().heap().drop(block_);
}

}  // namespace skein
