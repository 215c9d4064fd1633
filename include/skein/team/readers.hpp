// SPDX-License-Identifier: Apache-2.0
//
// Reading another rank's memory without outliving it. Large payloads are read where they are; when a rank fails, its
// buffers die with its stack. So whoever touches another rank's memory raises a flag around each bounded piece and
// checks the abort word in between, and no rank unwinds past Skein before the flags of its process are down.
//
// Edges
//   [flag]     seq_cst store of 1, then the abort word is read ([abort-see]); the failing rank sets the abort word, then
//              reads the flags ([quiet]): a Dekker pair, so either the reader sees the abort or the other sees the flag
//   [unflag]   release store of 0: the piece has been read
//   [quiet]    seq_cst load, acquires [unflag]
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>

#include "skein/sync/bounded_wait.hpp"
#include "skein/sync/waiter.hpp"

namespace skein {

/// Written by its rank at each bounded piece, read by failing ranks of the same process.
template <class Policy>
struct alignas(kStride) ReaderFlag {
  typename Policy::template Atomic<std::uint32_t> word{0};
};

/// Longest stretch of another rank's memory that is touched between two looks at the abort word.
inline constexpr std::size_t kReadBytes = std::size_t{32} * 1024;

template <class Policy>
class Readers {
 public:
  /// `flags` are those of this process's ranks.
  Readers(std::span<ReaderFlag<Policy>> flags, int own, const AbortWord<Policy>& abort)
      : flags_(flags), own_(&flags[static_cast<std::size_t>(own)]), abort_(&abort) {}

  /// Runs `touch` with the flag up; `touch` may throw. Returns aborted, without running it, when the team is.
  template <class Touch>
  WaitResult guard(Touch touch) {
    const Raised raised(*own_);
    if (abort_->is_set()) return WaitResult::aborted;
    touch();
    return WaitResult::ready;
  }

  /// Waits until nobody of the process touches another's memory. Only after the abort word is set, so that nobody
  /// begins anew; each flag then falls within one bounded piece. False when one does not within `grace`: an operator of
  /// the program that does not return.
  bool wait_until_quiet(std::chrono::nanoseconds grace) const {
    const auto is_down = [](const ReaderFlag<Policy>& flag) {
      return flag.word.load(std::memory_order_seq_cst) == 0;  // [quiet]
    };
    return wait_bounded<Policy>([&] { return std::all_of(flags_.begin(), flags_.end(), is_down); }, grace);
  }

 private:
  struct Raised {
    explicit Raised(ReaderFlag<Policy>& flag) : flag_(flag) {
      flag_.word.store(1, std::memory_order_seq_cst);
    }                                                              // [flag]
    ~Raised() { flag_.word.store(0, std::memory_order_release); }  // [unflag]
    Raised(const Raised&) = delete;
    Raised& operator=(const Raised&) = delete;

   private:
    ReaderFlag<Policy>& flag_;
  };

  std::span<ReaderFlag<Policy>> flags_;
  ReaderFlag<Policy>* own_;
  const AbortWord<Policy>* abort_;
};

}  // namespace skein
