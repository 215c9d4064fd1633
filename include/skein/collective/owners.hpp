// SPDX-License-Identifier: Apache-2.0
//
// Which ranks get which elements of a reduction's result: all of them all, one of them all, or each a part of its own.
#pragma once

#include <algorithm>
#include <cstddef>

#include "skein/base/block.hpp"
#include "skein/team/call.hpp"
#include "skein/team/parts.hpp"

namespace skein {

class Owners {
 public:
  /// Every rank owns everything.
  Owners() = default;

  explicit Owners(int root) : root_(root) {}

  /// Equal parts of `part` elements.
  static Owners blocks(std::size_t part) {
    Owners owners;
    owners.kind_ = Kind::blocks;
    owners.part_ = part;
    return owners;
  }

  /// `parts` outlive it.
  static Owners of(const Parts& parts) {
    Owners owners;
    owners.kind_ = Kind::parts;
    owners.parts_ = &parts;
    return owners;
  }

  /// Calls use(owner, stretch, at) for the stretches of `range` that have one owner, or kNoRoot for all; `at` is where in
  /// its output the stretch begins.
  template <class Use>
  void for_each(BlockRange range, const Use& use) const {
    if (range.empty()) return;
    switch (kind_) {
      case Kind::same:
        return use(root_, range, range.begin);
      case Kind::blocks:
        for (std::size_t owner = range.begin / part_; owner * part_ < range.end; ++owner) {
          overlap(range, static_cast<int>(owner), owner * part_, part_, use);
        }
        return;
      case Kind::parts:
        std::size_t begin = 0;
        parts_->for_each([&](int owner, Parts::Part part) {
          overlap(range, owner, begin, part.count, use);
          begin += part.count;
        });
    }
  }

 private:
  enum class Kind { same, blocks, parts };

  template <class Use>
  static void overlap(BlockRange range, int owner, std::size_t begin, std::size_t count, const Use& use) {
    const BlockRange owned{std::max(range.begin, begin), std::min(range.end, begin + count)};
    if (owned.begin < owned.end) use(owner, owned, owned.begin - begin);
  }

  Kind kind_ = Kind::same;
  int root_ = kNoRoot;
  std::size_t part_ = 0;
  const Parts* parts_ = nullptr;
};

}  // namespace skein
