// SPDX-License-Identifier: Apache-2.0
#include "skein/base/block.hpp"

#include <gtest/gtest.h>

#include "skein/base/cache_line.hpp"

namespace {

using skein::block_range;
using skein::BlockRange;

// Defect: an index that no block or two blocks hold; blocks whose sizes differ by two; a smaller block before a larger one.
TEST(BlockRange, EveryIndexBelongsToOneBlockOfAnEvenDivision) {
  for (std::size_t n = 0; n < 70; ++n) {
    for (int parts = 1; parts < 20; ++parts) {
      std::size_t next = 0;
      std::size_t last_size = SIZE_MAX;
      for (int part = 0; part < parts; ++part) {
        const BlockRange block = block_range(n, parts, part);
        EXPECT_EQ(block.begin, next);
        EXPECT_GE(block.end, block.begin);
        EXPECT_LE(block.size(), last_size);
        next = block.end;
        last_size = block.size();
      }
      EXPECT_EQ(next, n);
      EXPECT_LE(block_range(n, parts, 0).size() - last_size, 1U);
    }
  }
}

// Defect: a product that overflows for arrays that fill the address space.
TEST(BlockRange, HoldsForTheLargestArrays) {
  constexpr std::size_t kHuge = SIZE_MAX - 3;
  EXPECT_EQ(block_range(kHuge, 7, 0).begin, 0U);
  EXPECT_EQ(block_range(kHuge, 7, 6).end, kHuge);
  EXPECT_EQ(block_range(kHuge, 1, 0), (BlockRange{0, kHuge}));
  EXPECT_EQ(block_range(kHuge, 512, 511).end, kHuge);
}

TEST(BlockRange, KnowsWhatItHolds) {  // Defect: a border that belongs to both neighbours.
  constexpr BlockRange kBlock = block_range(10, 3, 1);
  EXPECT_EQ(kBlock, (BlockRange{4, 7}));
  EXPECT_FALSE(kBlock.contains(3));
  EXPECT_TRUE(kBlock.contains(4));
  EXPECT_TRUE(kBlock.contains(6));
  EXPECT_FALSE(kBlock.contains(7));
  EXPECT_TRUE(block_range(2, 3, 2).empty());
}

// Defect: two padded values on one pair of lines.
TEST(Padded, KeepsItsDistance) {
  const skein::Padded<char> pair[2];
  EXPECT_EQ(sizeof(pair), 2 * skein::kStride);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&pair[0]) % skein::kStride, 0U);
  EXPECT_EQ(skein::round_up(0, 64), 0U);
  EXPECT_EQ(skein::round_up(1, 64), 64U);
  EXPECT_EQ(skein::round_up(64, 64), 64U);
  EXPECT_EQ(skein::round_up(65, 64), 128U);
}

}  // namespace
