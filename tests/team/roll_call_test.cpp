// SPDX-License-Identifier: Apache-2.0
// What a report says of the ranks, and that reading a line while its rank moves on never mixes two calls.
#include <gtest/gtest.h>

#include <source_location>
#include <thread>

#include "skein/team/roll_call.hpp"
#include "skein/team/stall.hpp"
#include "team/bare_team.hpp"

namespace {

using skein::Operation;
using skein::RankStatus;
using skein::RollCallEntry;
using Line = skein::RollCallLine<skein::StdAtomics>;
using Writer = skein::RollCall<skein::StdAtomics>;

constexpr std::size_t kPlenty = 100'000;

RollCallEntry call_of(Operation operation, skein::Episode episode, bool waits) {
  RollCallEntry call;
  call.operation = operation;
  call.episode = episode;
  call.file = "solver.cpp";
  call.line = 88;
  call.state = skein::RunState::inside;
  call.waiting_since_ns = waits ? 1 : 0;
  return call;
}

RankStatus status(int rank, const RollCallEntry& call, std::int64_t age_ns = -1) {
  return {.rank = rank, .call = call, .age_ns = age_ns};
}

// Fails when ranks that do the same are not one line, or a rank that does something else is lost among them.
TEST(RollCall, GroupsRanksThatDoTheSame) {
  RollCallEntry sum = call_of(Operation::allreduce, 1041, true);
  sum.operator_name = "sum";
  sum.elements = 8;
  sum.element_bytes = 8;
  constexpr std::int64_t kMinute_ns = 61'000'000'000;
  std::vector<RankStatus> ranks;
  for (const int rank : {0, 1, 2, 4, 6, 7}) ranks.push_back(status(rank, sum, kMinute_ns));
  ranks.push_back(status(3, call_of(Operation::barrier, 1040, false), kMinute_ns));
  ranks.push_back(status(5, call_of(Operation::leave, 1041, true), kMinute_ns));
  EXPECT_EQ(skein::describe(ranks, 8, kPlenty),
            "  ranks 0-2,4,6-7 (6 of 8) wait in allreduce #1041 (sum, 8 values of 8 bytes) at solver.cpp:88, for 61 s\n"
            "  rank 5 has finished and waits for the others, for 61 s\n"
            "  rank 3 left barrier #1040 at solver.cpp:88 and has computed since, for 61 s");
}

TEST(RollCall, SaysInWordsWhatARankDoes) {
  const auto text = [](RankStatus one) { return skein::describe({std::move(one)}, 2, kPlenty); };
  RollCallEntry bcast = call_of(Operation::bcast, 7, false);
  bcast.root = 3;
  bcast.elements = 1;
  bcast.element_bytes = 4;
  RankStatus inside = status(0, bcast);
  inside.is_inside = true;
  EXPECT_EQ(text(inside), "  rank 0 is in bcast #7 (1 values of 4 bytes, root 3) at solver.cpp:88");
  EXPECT_EQ(text(status(0, call_of(Operation::none, 0, false))), "  rank 0 has made no Skein call yet");
  EXPECT_EQ(text(status(0, call_of(Operation::leave, 9, false))), "  rank 0 has finished");
  EXPECT_EQ(text(status(1, RollCallEntry())), "  rank 1 has not started");
  EXPECT_EQ(text({.rank = 1, .call = std::nullopt}), "  rank 1 is moving on");
  RollCallEntry left = call_of(Operation::leave, 9, false);
  left.state = skein::RunState::left;
  left.runs = 3;
  EXPECT_EQ(text(status(1, left)), "  rank 1 has left run 3");
}

// Fails when a report of thousands of ranks is as long as they are many, or hides how many it leaves out.
TEST(RollCall, OfThousandsOfRanksIsShort) {
  constexpr int kRanks = 4096;
  std::vector<RankStatus> ranks;
  for (int rank = 0; rank < kRanks; ++rank) {
    // Most wait; every second of the others is alone at a place of its own.
    const bool is_odd = rank % 64 == 5;
    ranks.push_back(status(rank, call_of(Operation::barrier, is_odd ? static_cast<skein::Episode>(rank) : 9, !is_odd)));
  }
  const std::string text = skein::describe(ranks, kRanks, 3000);
  EXPECT_LE(text.size(), 3000U);
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 25);
  EXPECT_NE(text.find("(4032 of 4096) wait in barrier #9 at solver.cpp:88"), std::string::npos) << text;
  EXPECT_NE(text.find(" ranks in 4"), std::string::npos) << text;
  EXPECT_NE(text.find(" other places"), std::string::npos) << text;
}

TEST(RollCall, KeepsTheEndOfALongPath) {
  skein::SharedText<skein::StdAtomics, 2> text;
  text.store("/home/somebody/code/solver.cpp");
  EXPECT_EQ(text.load(), "/code/solver.cpp");
  text.store("io.cpp");
  EXPECT_EQ(text.load(), "io.cpp");
  text.store("");
  EXPECT_EQ(text.load(), "");
}

// Fails when a reader gets the words of one call with those of another.
TEST(RollCall, IsReadWholeWhileItsRankMovesOn) {
  Line line;
  std::atomic<bool> goes_on{true};
  std::thread rank([&] {
    Writer writer(line);
    writer.begin_run();
    for (std::uint64_t i = 1; goes_on.load(); ++i) {
      writer.enter({.operation = Operation::allreduce,
                    .root = static_cast<int>(i % 1000),
                    .operator_name = i % 2 == 0 ? "even" : "odd",
                    .element_bytes = i,
                    .count = 2 * i,
                    .where = {}},
                   i);
      line.wait.begin(static_cast<std::int64_t>(i), {});
      line.wait.end();
      if (i % 16 == 0) std::this_thread::yield();
    }
  });
  for (int read = 0; read < 2000;) {
    const auto entry = skein::read_entry(line);
    if (!entry || entry->operation == Operation::none) continue;
    ++read;
    ASSERT_EQ(entry->element_bytes, entry->episode);
    ASSERT_EQ(entry->elements, 2 * entry->episode);
    ASSERT_EQ(entry->root, static_cast<int>(entry->episode % 1000));
    ASSERT_EQ(entry->operator_name, entry->episode % 2 == 0 ? "even" : "odd");
    ASSERT_TRUE(!entry->waits() || entry->waiting_since_ns == static_cast<std::int64_t>(entry->episode));
  }
  goes_on = false;
  rank.join();
}

}  // namespace
