// SPDX-License-Identifier: Apache-2.0
//
// Blocks of the segment, and the segment itself, by threads of one process.
#include "skein/team/heap.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "skein/team/board.hpp"

namespace {

using skein::Heap;
using skein::HeapTable;
using skein::kPageBytes;
using skein::Segment;

struct Memory {
  explicit Memory(std::size_t pages) : segment(Segment::create_private((1 + pages) * kPageBytes)) {
    table->begin = kPageBytes;
    table->end = (1 + pages) * kPageBytes;
  }

  std::span<std::byte> block(int number) const {
    const HeapTable::Block& entry = table->blocks[number];
    return {heap.data(number), entry.end - entry.begin};
  }

  std::unique_ptr<HeapTable> table = std::make_unique<HeapTable>();
  Segment segment;
  Heap heap{*table, segment};
};

bool refuses(const Memory& memory, std::size_t bytes) {
  try {
    memory.heap.drop(memory.heap.allocate("a test", bytes, 1));
  } catch (const skein::Error& error) {
    EXPECT_EQ(error.code(), skein::ExitCode::environment);
    return true;
  }
  return false;
}

// Defect: a block of the table that is never free again, the first above all; a limit that moves.
TEST(Heap, HasAsManyBlocksAfterAllWereGivenBack) {
  const Memory memory(HeapTable::kMaxBlocks + 1);
  for (int round = 0; round < 2; ++round) {
    std::vector<int> blocks;
    for (int i = 0; i < HeapTable::kMaxBlocks; ++i) blocks.push_back(memory.heap.allocate("a test", 1, 1));
    EXPECT_TRUE(refuses(memory, 1));
    for (const int block : blocks) memory.heap.drop(block);
  }
}

// Defect: a block that is free while somebody still holds it, or that stays when all have let go.
TEST(Heap, KeepsABlockUntilTheLastHandleIsGone) {
  const Memory memory(1);
  const int block = memory.heap.allocate("a test", kPageBytes, 3);
  for (int handle = 0; handle < 2; ++handle) {
    memory.heap.drop(block);
    EXPECT_TRUE(refuses(memory, 1));
  }
  memory.heap.drop(block);
  EXPECT_FALSE(refuses(memory, kPageBytes));
}

// Defect: gaps of exactly the right size that are not seen, between two blocks, before the first or behind the last.
TEST(Heap, FillsGapsToTheLastPage) {
  const Memory memory(9);
  std::vector<int> blocks;
  for (int i = 0; i < 3; ++i) blocks.push_back(memory.heap.allocate("a test", 3 * kPageBytes, 1));
  EXPECT_TRUE(refuses(memory, 1));
  for (int& block : blocks) {
    const std::byte* before = memory.heap.data(block);
    memory.heap.drop(block);
    block = memory.heap.allocate("a test", 3 * kPageBytes, 1);
    EXPECT_EQ(memory.heap.data(block), before);
    EXPECT_TRUE(refuses(memory, 1));
  }
}

// Defect: memory that begins with what its last owner wrote.
TEST(Heap, GivesZerosAgain) {
  const Memory memory(2);
  for (int round = 0; round < 2; ++round) {
    const int number = memory.heap.allocate("a test", 2 * kPageBytes, 1);
    const std::span<std::byte> block = memory.block(number);
    EXPECT_TRUE(std::ranges::all_of(block, [](std::byte byte) { return byte == std::byte{0}; }));
    std::ranges::fill(block, std::byte{0xff});
    memory.heap.drop(number);
  }
}

// Defect: a lock that lets two in, so that blocks overlap or entries are lost; a handle that two give back at once, and nobody
// did.
TEST(Heap, ThreadsGetBlocksOfTheirOwn) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 3000;
  const Memory memory(3 * kThreads);
  std::vector<std::thread> threads;
  std::atomic<int> overlaps{0};
  std::atomic<int> shared_block{-1};
  std::atomic<int> turn{0};
  for (int own = 0; own < kThreads; ++own) {
    threads.emplace_back([&, own] {
      for (int round = 0; round < kRounds; ++round) {
        const int number = memory.heap.allocate("a test", kPageBytes + 1, 1);
        auto* words = reinterpret_cast<volatile int*>(memory.heap.data(number));
        words[0] = own;
        if (words[0] != own) ++overlaps;
        memory.heap.drop(number);
        // One block that all of them hold, and let go at once.
        if (own == 0) shared_block = memory.heap.allocate("a test", 1, kThreads);
        ++turn;
        while (turn < kThreads * (2 * round + 1)) std::this_thread::yield();
        memory.heap.drop(shared_block);
        ++turn;
        while (turn < kThreads * (2 * round + 2)) std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(overlaps, 0);
  EXPECT_FALSE(refuses(memory, 3 * kThreads * kPageBytes)) << "something was not given back";
}

// Defect: a program that was started with its standard input closed, whose segment has descriptor 0: it does not start, its
// memory is not given back, or the descriptor stays open.
TEST(Segment, MayHaveDescriptorZero) {
  const int input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  close(STDIN_FILENO);
  {
    const Segment segment = Segment::create_shared(2 * kPageBytes);
    EXPECT_EQ(segment.descriptor(), STDIN_FILENO);
    std::ranges::fill(std::span(segment.at(0), segment.size()), std::byte{0xff});
    segment.punch(kPageBytes, kPageBytes);
    EXPECT_EQ(*segment.at(0), std::byte{0xff});
    EXPECT_EQ(*segment.at(kPageBytes), std::byte{0});
  }
  EXPECT_EQ(fcntl(STDIN_FILENO, F_GETFD), -1) << "it is still open";
  if (input >= 0) {
    dup2(input, STDIN_FILENO);
    close(input);
  }
}

// Defect: what one holder did in a block is not over when another, the last to let it go, gets the block again. The thread
// sanitizer sees it: nothing else orders the two threads.
TEST(Heap, ABlockComesBackAfterAllThatItsHoldersDid) {
  const Memory memory(1);
  const int number = memory.heap.allocate("a test", sizeof(int), 2);
  auto* word = reinterpret_cast<int*>(memory.heap.data(number));
  std::atomic<bool> is_let_go{false};
  std::thread first([&] {
    *word = 1;
    memory.heap.drop(number);
    is_let_go.store(true, std::memory_order_relaxed);
  });
  std::thread last([&] {
    while (!is_let_go.load(std::memory_order_relaxed)) std::this_thread::yield();
    memory.heap.drop(number);
    const int again = memory.heap.allocate("a test", sizeof(int), 1);
    EXPECT_EQ(memory.heap.data(again), reinterpret_cast<std::byte*>(word));
    *word = 2;
    memory.heap.drop(again);
  });
  first.join();
  last.join();
}

// Defect: a segment that just keeps the limit of the process is refused, or one beyond it ends the process by a signal.
TEST(Segment, KeepsTheFileSizeLimit) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = 2 * kPageBytes;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  EXPECT_EQ(Segment::create_shared(2 * kPageBytes).size(), 2 * kPageBytes);
  EXPECT_THROW(Segment::create_shared(2 * kPageBytes + 1), skein::Error);
  setrlimit(RLIMIT_FSIZE, &before);
}

// Defect: a handle more than there are holders, so that the memory of a team is never given back: one is the leader's, for the
// relay of a root that is not on its lane.
TEST(Board, HasARelayOnlyForARootThatNeedsOne) {
  const auto has_relay = [](std::vector<int> hosts, std::vector<int> ranks) {
    const skein::RankMap run({2, 2}, std::move(hosts), 0);
    const skein::RankMap team(run, std::move(ranks));
    return skein::Board(team, {.pattern = {}, .seats = std::vector<skein::Seat>(run.lanes().size())}).has_relay();
  };
  EXPECT_FALSE(has_relay({0, 0}, {0, 1, 2}));
  EXPECT_FALSE(has_relay({0, 0}, {1, 2}));
  EXPECT_FALSE(has_relay({0, 1}, {0, 2}));
  EXPECT_TRUE(has_relay({0, 1}, {1, 2}));
}

// Defect: a team sets memory aside for processes or pieces that it does not have.
TEST(Board, SetsNoMoreAsideThanItsTeamNeeds) {
  const skein::BoardSettings large{.pattern = {}, .seats = std::vector<skein::Seat>(2)};
  const skein::BoardSettings small{.pattern = {}, .seats = large.seats, .piece_bytes = 4096};
  constexpr std::size_t kWithoutPieces = 16 * kPageBytes;
  EXPECT_LT(skein::Board(skein::RankMap({2}), large).bytes(), kWithoutPieces);
  const auto areas = [](std::size_t piece_bytes) { return skein::kStrands * 2 * skein::Staging::kAreas * piece_bytes; };
  for (const skein::BoardSettings& settings : {large, small}) {
    const std::size_t bytes = skein::Board(skein::RankMap({1, 1}), settings).bytes();
    EXPECT_GE(bytes, areas(settings.piece_bytes));
    EXPECT_LT(bytes, areas(settings.piece_bytes) + kWithoutPieces);
  }
}

}  // namespace
