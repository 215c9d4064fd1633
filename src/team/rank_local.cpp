// SPDX-License-Identifier: Apache-2.0
#include "skein/team/rank_local.hpp"

#include <algorithm>
#include <atomic>

#include "skein/base/error.hpp"
#include "skein/team/rank_lane.hpp"

namespace skein {

RankLocals& RankLocals::of_this_rank() {
  if (RankLocals* locals = RankLane::locals_of_running_rank(); locals != nullptr) return *locals;
  throw Error(ExitCode::parallel,
              "a skein::rank_local was used by a thread that carries no rank, or outside of a run: each rank has a "
              "value of its "
              "own, and nobody else has one");
}

std::size_t RankLocals::next_number() {
  static std::atomic<std::size_t> numbers{0};
  return numbers.fetch_add(1, std::memory_order_relaxed);
}

std::shared_ptr<void>& RankLocals::at(std::size_t number) {
  if (number >= size_) {
    const std::size_t size = std::max(number + 1, 2 * size_);
    auto larger = std::make_unique<std::shared_ptr<void>[]>(size);
    std::move(values_.get(), values_.get() + size_, larger.get());
    values_ = std::move(larger);
    size_ = size;
  }
  return values_[number];
}

}  // namespace skein
