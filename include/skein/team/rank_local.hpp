// SPDX-License-Identifier: Apache-2.0
//
// Variables of which every rank has its own, where thread_local would give one to all ranks of a lane: scratch memory,
// caches, random states of codes that keep them in globals.
//
// Lives    from a rank's first use of it to the end of its Runtime or Attachment, so also from one run to the next.
// Who      ranks, inside a run. Anybody else gets an Error(parallel).
// Cost     a few loads; the first use by a rank allocates.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace skein {

/// The rank_local values of one rank, by number.
class RankLocals {
 public:
  /// Those of the rank that calls; throws Error(parallel) when that is none.
  static RankLocals& of_this_rank();

  /// The number of a new variable.
  static std::size_t next_number();

  /// Where the value of a variable is; null before its first use.
  std::shared_ptr<void>& at(std::size_t number);

 private:
  std::unique_ptr<std::shared_ptr<void>[]> values_;
  std::size_t size_ = 0;
};

/// `static skein::rank_local<std::vector<double>> scratch;` then `scratch->resize(n)`. Values begin as copies of what the
/// constructor was given, or as T().
template <class T>
class rank_local {  // NOLINT(readability-identifier-naming): reads like the thread_local that it replaces
 public:
  rank_local() = default;
  explicit rank_local(T initial) : initial_(std::move(initial)) {}
  rank_local(const rank_local&) = delete;
  rank_local& operator=(const rank_local&) = delete;

  T& get() {
    RankLocals& locals = RankLocals::of_this_rank();
    if (void* const value = locals.at(number_).get(); value != nullptr) [[likely]]
      return *static_cast<T*>(value);
    const auto made = std::make_shared<T>(initial_);  // which may use others of its kind
    locals.at(number_) = made;
    return *made;
  }
  T& operator*() { return get(); }
  T* operator->() { return &get(); }

 private:
  const std::size_t number_ = RankLocals::next_number();
  const T initial_{};
};

}  // namespace skein
