// SPDX-License-Identifier: Apache-2.0
#include "skein/team/contributions.hpp"

#include <algorithm>
#include <array>

namespace skein {

void Contributions::append(std::span<const std::byte> packed) {
  if (packed.empty()) return;
  std::memcpy(at(count_), packed.data(), packed.size());
  count_ += static_cast<int>(packed.size() / stride(bytes_));
}

// By insertion: sets come nearly sorted.
void Contributions::sort() {
  std::array<std::byte, kLargestStride> moving;
  const std::size_t length = stride(bytes_);
  for (int i = 1; i < count_; ++i) {
    const int begin = block(i).begin;
    int to = i;
    while (to > 0 && block(to - 1).begin > begin) --to;
    if (to == i) continue;
    std::memcpy(moving.data(), at(i), length);
    std::memmove(at(to + 1), at(to), index(i - to) * length);
    std::memcpy(at(to), moving.data(), length);
  }
}

// The parts below `folded` are a stack on which no two neighbours can be folded.
void Contributions::fold_blocks(const Content& content) {
  sort();
  if (content.is_any_order) return fold_to_one(content);
  int folded = 0;
  for (int i = 0; i < count_; ++i) {
    if (folded != i) std::memcpy(at(folded), at(i), stride(bytes_));
    ++folded;
    while (folded >= 2 && are_halves(block(folded - 2), block(folded - 1))) {
      std::byte* left = at(folded - 2);
      content.merge(content, left + sizeof(Block), at(folded - 1) + sizeof(Block), left + sizeof(Block));
      const Block whole{block(folded - 2).begin, 2 * block(folded - 2).ranks};
      std::memcpy(left, &whole, sizeof(whole));
      --folded;
    }
  }
  count_ = folded;
}

void Contributions::fold_to_one(const Content& content) {
  for (int i = count_ - 1; i > 0; --i) {
    content.merge(content, payload(i - 1), payload(i), at(i - 1) + sizeof(Block));
  }
  count_ = std::min(count_, 1);
}

void Contributions::fold_all(const Content& content, std::byte* out) {
  fold_to_one(content);
  if (bytes_ != 0) std::memcpy(out, payload(0), bytes_);
}

}  // namespace skein
