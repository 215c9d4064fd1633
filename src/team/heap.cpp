// SPDX-License-Identifier: Apache-2.0
#include "skein/team/heap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "skein/base/cache_line.hpp"
#include "skein/base/report.hpp"

namespace skein {
namespace {

class LockGuard {
 public:
  explicit LockGuard(HeapTable& table) : table_(table) {
    while (table_.lock.exchange(1, std::memory_order_acquire) != 0) StdAtomics::yield();  // [lock]
  }
  ~LockGuard() { table_.lock.store(0, std::memory_order_release); }  // [unlock]
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  HeapTable& table_;
};

/// First fit: the lowest gap of `bytes` bytes; `end` of the heap when there is none.
std::uint64_t lowest_gap(const HeapTable& table, std::uint64_t bytes) {
  std::uint64_t candidate = table.begin;
  for (bool moved = true; moved;) {
    if (bytes > table.end - candidate) return table.end;
    moved = false;
    for (const HeapTable::Block& block : table.blocks) {
      if (block.is_used && block.begin < candidate + bytes && candidate < block.end) {
        candidate = block.end;
        moved = true;
        break;
      }
    }
  }
  return candidate;
}

}  // namespace

int Heap::allocate(std::string_view what, std::size_t bytes, int handles) const {
  constexpr std::size_t kLargest = std::numeric_limits<std::size_t>::max() / 2;
  const std::size_t wanted = round_up(std::clamp<std::size_t>(bytes, 1, kLargest), kPageBytes);
  const LockGuard lock(*table_);
  const auto free_entry = std::find_if(std::begin(table_->blocks), std::end(table_->blocks),
                                       [](const auto& block) { return !block.is_used; });
  if (free_entry == std::end(table_->blocks)) {
    throw Error(ExitCode::environment,
                fmt::format("{}: {} shared arrays and teams are alive already, which is the limit of a host", what,
                            HeapTable::kMaxBlocks));
  }
  const std::uint64_t begin = lowest_gap(*table_, wanted);
  if (begin == table_->end) {
    throw Error(
        ExitCode::environment,
        fmt::format("{} of {} bytes does not fit: the segment of this host holds {} MiB for shared arrays and teams",
                    what, bytes, (table_->end - table_->begin) >> 20U));
  }
  free_entry->begin = begin;
  free_entry->end = begin + wanted;
  free_entry->is_used = true;
  free_entry->handles.store(handles, std::memory_order_relaxed);  // [handle]
  return static_cast<int>(free_entry - std::begin(table_->blocks));
}

void Heap::drop(int index) const {
  HeapTable::Block& block = table_->blocks[index];
  const std::int32_t handles = block.handles.fetch_sub(1, std::memory_order_acq_rel);  // [drop]
  if (handles > 1) return;
  if (handles < 1) [[unlikely]] {  // what is in it may be another's by now
    write_report("skein: a handle of a shared array or a team was given back twice, which is a defect of Skein\n");
    std::abort();
  }
  segment_->punch(block.begin, block.end - block.begin);
  const LockGuard lock(*table_);
  block.is_used = false;
}

}  // namespace skein
