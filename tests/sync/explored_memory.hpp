// SPDX-License-Identifier: Apache-2.0
//
// What the explorer keeps of memory: all that was stored to each location, and of each fiber what it must have seen. The rules
// by which they grow are those of explorer.hpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace skein_test {

/// How much of each location must have been seen: the number of a store; beyond the end, the first one is enough.
class View {
 public:
  std::size_t of(int location) const {
    const auto i = static_cast<std::size_t>(location);
    return i < seen_.size() ? seen_[i] : 0;
  }
  void raise(int location, std::size_t store) {
    const auto i = static_cast<std::size_t>(location);
    if (seen_.size() <= i) seen_.resize(i + 1);
    seen_[i] = std::max(seen_[i], static_cast<std::uint32_t>(store));
  }
  void join(const View& other) {
    if (seen_.size() < other.seen_.size()) seen_.resize(other.seen_.size());
    for (std::size_t i = 0; i < other.seen_.size(); ++i) seen_[i] = std::max(seen_[i], other.seen_[i]);
  }

 private:
  std::vector<std::uint32_t> seen_;
};

struct Store {
  std::uint64_t bits = 0;
  View carried;  ///< what a load that acquires takes over
};

/// All that was stored to a word, the first of it before the schedule. Of plain variables the stores are counted only.
struct Location {
  std::vector<Store> stores;
  std::size_t newest_seq_cst = 0;
  std::vector<int> reads;  ///< of a plain variable: for each fiber, the location that counts its reads
};

inline bool acquires(std::memory_order order) {
  return order != std::memory_order_relaxed && order != std::memory_order_release;
}
inline bool releases(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel || order == std::memory_order_seq_cst;
}

}  // namespace skein_test
