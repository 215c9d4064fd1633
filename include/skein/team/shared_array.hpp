// SPDX-License-Identifier: Apache-2.0
//
// One array for all ranks of a host, whatever process they live in. Made by Team::shared.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "skein/base/block.hpp"
#include "skein/team/heap_handle.hpp"

namespace skein {

/// A rank's handle to a shared array of n values. Each rank owns one contiguous block of it (block_range), which that
/// rank touched first; any rank may read and write any element, and a barrier orders them. The memory is free when the
/// handles of all ranks are gone, and can be used as long as this one lives. Destroying a handle never communicates.
template <class T>
class SharedArray {
 public:
  SharedArray() = default;
  SharedArray(SharedArray&& other) noexcept { swap(other); }
  SharedArray& operator=(SharedArray&& other) noexcept {
    SharedArray(std::move(other)).swap(*this);
    return *this;
  }
  ~SharedArray() = default;

  T* data() const { return data_; }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) const { return data_[i]; }
  T* begin() const { return data_; }
  T* end() const { return data_ + size_; }
  std::span<T> span() const { return {data_, size_}; }

  /// Indices of this rank's block.
  BlockRange range() const { return range_; }

  /// This rank's block.
  std::span<T> block() const { return span().subspan(range_.begin, range_.size()); }

 private:
  friend class Team;

  SharedArray(HeapHandle handle, std::byte* base, std::size_t size, BlockRange range)
      : handle_(std::move(handle)), data_(reinterpret_cast<T*>(base)), size_(size), range_(range) {}

  void swap(SharedArray& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(range_, other.range_);
  }

  HeapHandle handle_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
  BlockRange range_;
};

}  // namespace skein
