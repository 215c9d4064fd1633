// SPDX-License-Identifier: Apache-2.0
//
// The memory that all ranks of a host map: private to the process when there is one, a memfd when there are several.
// It is sparse (untouched pages cost nothing) and addressed by offsets, because processes map it at different places.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

namespace skein {

class Segment {
 public:
  Segment() = default;

  /// Zero-filled memory of this process alone. Throws Error(environment).
  static Segment create_private(std::size_t bytes);

  /// Zero-filled memory that other processes can attach through descriptor(). Throws Error(environment).
  static Segment create_shared(std::size_t bytes);

  /// Maps what create_shared made, through a descriptor that this call takes over. Throws Error(environment).
  static Segment attach(int descriptor);

  Segment(Segment&& other) noexcept { swap(other); }
  Segment& operator=(Segment&& other) noexcept {
    Segment(std::move(other)).swap(*this);
    return *this;
  }
  ~Segment();

  std::byte* at(std::size_t offset) const { return base_ + offset; }
  std::size_t size() const { return size_; }
  int descriptor() const { return descriptor_; }

  /// Gives the pages of a page-aligned range back: they read as zero, and the next touch places them anew.
  void punch(std::size_t offset, std::size_t bytes) const;

 private:
  Segment(std::byte* base, std::size_t size, int descriptor) : base_(base), size_(size), descriptor_(descriptor) {}
  void swap(Segment& other) noexcept;

  std::byte* base_ = nullptr;
  std::size_t size_ = 0;
  int descriptor_ = -1;
};

}  // namespace skein
