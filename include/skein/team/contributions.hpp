// SPDX-License-Identifier: Apache-2.0
//
// What groups of ranks contribute to an exchange whose lines not everybody can read: a set of parts, each the payload of
// one rank or the fold of an aligned block of ranks. Leaders pass such sets up a formation and between hosts.
//
// Shape   fold[a, b) of fold.hpp splits at a plus the largest power of two below b - a, so every fold over ranks 0 to p is
//         made of aligned blocks of 2^k ranks: those of the binary digits of p, the last two combined first. A block is
//         folded when both its halves are known, and never otherwise: the bits do not depend on who folds it.
// Memory  given by the user of the set; a group of g ranks never has more than g parts, contiguous ones at most 2 log2 p.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "skein/team/line.hpp"

namespace skein {

/// What an exchange must bring to ranks that cannot read a line themselves.
struct Content {
  enum class Need : std::uint8_t {
    nothing,   ///< that all have arrived
    one_rank,  ///< the payload of `rank`
    all_ranks,
    fold,  ///< of all ranks, in rank order
  };
  using Merge = void (*)(const Content&, const std::byte* left, const std::byte* right, std::byte* out);

  Need need = Need::nothing;
  int rank = 0;
  std::size_t bytes = 0;           ///< of one payload
  Merge merge = nullptr;           ///< of fold; `out` may be `left` or `right`
  void* op = nullptr;              ///< that merge applies
  class Transfer* bulk = nullptr;  ///< moved between hosts before anybody leaves; null for none
  bool is_any_order = false;       ///< of fold: `op` commutes, so all that is known is folded at once

  /// Whether a payload lies beside its line. Then nobody but the root gathers, and that only for other hosts: those of a host
  /// read each other's buffers.
  bool is_long() const { return bytes > kInlineBytes; }
};

class Contributions {
 public:
  struct Block {
    std::int32_t begin = 0;
    std::int32_t ranks = 1;
  };

  /// Whether two blocks are the halves of a block.
  static bool are_halves(Block left, Block right) {
    return left.ranks == right.ranks && left.begin + left.ranks == right.begin && left.begin % (2 * left.ranks) == 0;
  }

  /// Bytes of one part on its way, for payloads of `bytes` bytes.
  static constexpr std::size_t stride(std::size_t bytes) { return sizeof(Block) + (bytes + 7) / 8 * 8; }
  static constexpr std::size_t kInlineStride = sizeof(Block) + kInlineBytes;
  static constexpr std::size_t kLargestStride = sizeof(Block) + kPostBytes;

  explicit Contributions(std::span<std::byte> memory) : memory_(memory) {}

  /// Empties the set, for payloads of `bytes` bytes.
  void reset(std::size_t bytes) {
    bytes_ = bytes;
    count_ = 0;
  }

  std::size_t bytes() const { return bytes_; }
  int count() const { return count_; }
  std::span<const std::byte> packed() const { return memory_.first(index(count_) * stride(bytes_)); }

  void add(Block block, const std::byte* payload) {
    std::byte* to = at(count_++);
    std::memcpy(to, &block, sizeof(block));
    if (bytes_ != 0) std::memcpy(to + sizeof(block), payload, bytes_);
  }

  /// Adds the parts of another set, as packed() gives them.
  void append(std::span<const std::byte> packed);

  /// Room for more parts that are to arrive as bytes: receive into it, then call `grow`.
  std::span<std::byte> room(int parts) {
    return memory_.subspan(index(count_) * stride(bytes_), index(parts) * stride(bytes_));
  }
  void grow(int parts) { count_ += parts; }

  Block block(int i) const {
    Block block;
    std::memcpy(&block, at(i), sizeof(block));
    return block;
  }
  const std::byte* payload(int i) const { return at(i) + sizeof(Block); }

  /// Sorts by rank and folds every block whose halves are both there; or everything, if in any order.
  void fold_blocks(const Content& content);

  /// The fold of everything, to `out`, once the set covers ranks 0 to p and is folded. Uses the parts up.
  void fold_all(const Content& content, std::byte* out);

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }
  std::byte* at(int i) const { return memory_.data() + index(i) * stride(bytes_); }
  void sort();
  void fold_to_one(const Content& content);

  std::span<std::byte> memory_;
  std::size_t bytes_ = 0;
  int count_ = 0;
};
static_assert(Contributions::kInlineStride == Contributions::stride(kInlineBytes));
static_assert(Contributions::kLargestStride == Contributions::stride(kPostBytes));

}  // namespace skein
