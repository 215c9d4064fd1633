// SPDX-License-Identifier: Apache-2.0
// What a report says of the ranks, and that reading a line while its rank moves on never mixes two calls.
#include <gtest/gtest.h>

#include <functional>
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
  call.file = std::string_view("solver.cpp");
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
  sum.operator_name = std::string_view("sum");
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

// Fails when a list of many ranks is cut within a number, or does not show that it goes on.
TEST(RollCall, CutsLongListsOfRanks) {
  std::vector<RankStatus> ranks;
  for (int rank = 0; rank < 80; rank += 2) ranks.push_back(status(rank, call_of(Operation::barrier, 3, true)));
  EXPECT_EQ(skein::describe(ranks, 80, kPlenty),
            "  ranks 0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36,38,40,42,... (40 of 80) wait in barrier #3 at "
            "solver.cpp:88");
}

// Fails when a state has no words, or those of another one.
TEST(RollCall, SaysInWordsWhatARankDoes) {
  const auto text = [](const RankStatus& one) { return skein::describe({one}, 2, kPlenty); };
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

// Fails when the first or the last operation of those that have an argument is said without it.
TEST(RollCall, SaysTheArgumentsThatAnOperationHas) {
  for (const Operation operation :
       {Operation::barrier, Operation::bcast, Operation::reduce, Operation::reduce_scatter_block, Operation::gather,
        Operation::shared, Operation::once}) {
    RollCallEntry call = call_of(operation, 1, true);
    call.operator_name = std::string_view("sum");
    call.elements = 3;
    call.element_bytes = 8;
    const std::string text = skein::describe({status(0, call)}, 2, kPlenty);
    EXPECT_EQ(text.find("3 values of 8 bytes") != std::string::npos,
              operation != Operation::barrier && operation != Operation::once)
        << text;
    EXPECT_EQ(text.find("sum") != std::string::npos,
              operation == Operation::reduce || operation == Operation::reduce_scatter_block)
        << text;
  }
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

// Fails when the begin of a path is kept, or what an earlier text left behind shows.
TEST(RollCall, KeepsTheEndOfALongPath) {
  skein::SharedText<skein::StdAtomics, 2> text;
  text.store("/home/somebody/code/solver.cpp");
  EXPECT_EQ(text.load().view(), "/code/solver.cpp");
  text.store("io.cpp");
  EXPECT_EQ(text.load().view(), "io.cpp");
  text.store("");
  EXPECT_EQ(text.load().view(), "");
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
                   {0, i});
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
    ASSERT_EQ(entry->operator_name.view(), entry->episode % 2 == 0 ? "even" : "odd");
    ASSERT_TRUE(!entry->waits() || entry->waiting_since_ns == static_cast<std::int64_t>(entry->episode));
  }
  goes_on = false;
  rank.join();
}

/// std::atomic that tells a test which word is about to be loaded.
struct ToldAtomics : skein::StdAtomics {
  static inline std::function<void(const void*)> before_load;

  template <class T>
  struct Atomic : std::atomic<T> {
    using std::atomic<T>::atomic;
    T load(std::memory_order order) const {
      if (before_load) before_load(this);
      return std::atomic<T>::load(order);
    }
  };
};

/// Three ranks, each of which waits for the next one.
struct Circle {
  static constexpr std::size_t kRanks = 3;

  Circle() {
    for (std::size_t rank = 0; rank < kRanks; ++rank) {
      lines[rank].run.store(5, std::memory_order_relaxed);  // inside its first run
      begin(rank);
    }
  }
  const ToldAtomics::Atomic<std::uint64_t>& awaited(std::size_t rank) const {
    return channels[(rank + 1) % kRanks].line(1).episode;
  }
  void begin(std::size_t rank) { lines[rank].wait.begin(++clock_ns, {&awaited(rank), 1}); }

  std::vector<skein::Channel<ToldAtomics>> channels{kRanks};
  skein::LaneArrivals<ToldAtomics> arrivals{&channels[0], &channels[1], &channels[2]};
  std::vector<skein::RollCallLine<ToldAtomics>> lines{kRanks};
  skein::StallJudge<ToldAtomics> judge{lines, arrivals, true, std::chrono::hours(1)};
  std::int64_t clock_ns = 0;
};
using CircleVerdict = skein::StallJudge<ToldAtomics>::Verdict;

// Fails when a deadlock needs time to be found.
TEST(StallJudge, FindsACircleInOneLook) {
  Circle circle;
  EXPECT_EQ(circle.judge.look({}), CircleVerdict::deadlocked);
}

// Fails when words that were read while a rank went from one wait to the next count as if it had stayed.
TEST(StallJudge, BelievesNoWordsDuringWhichARankMovedOn) {
  for (std::size_t at = 0; at < Circle::kRanks; ++at) {
    for (std::size_t moving = 0; moving < Circle::kRanks; ++moving) {
      Circle circle;
      int loads = 0;
      ToldAtomics::before_load = [&](const void* word) {
        if (word != &circle.awaited(at) || circle.clock_ns > 3) return;
        // The first load is for the newest episodes, behind which the words are read.
        if (++loads % 2 == 0) circle.begin(moving);
      };
      EXPECT_EQ(circle.judge.look({}), CircleVerdict::fine) << "rank " << moving << " moves at word " << at;
      ToldAtomics::before_load = nullptr;
      EXPECT_EQ(circle.clock_ns, 4);
      EXPECT_EQ(circle.judge.look({}), CircleVerdict::deadlocked);
    }
  }
}

// Fails when a rank that does not wait counts as held up in a call that is over, or does not in one that cannot be.
TEST(StallJudge, OnlyACallThatCannotBeOverHoldsARankUp) {
  Circle circle;
  for (auto& channel : circle.channels) channel.line(1).episode.store(1, std::memory_order_relaxed);
  for (auto& line : circle.lines) line.wait.end();
  skein::RollCall<ToldAtomics> writer(circle.lines[1]);
  const skein::Call call{.operation = Operation::barrier, .operator_name = {}, .where = {}};
  using std::chrono::nanoseconds;
  for (const std::uint64_t episode : {1U, 2U}) {
    writer.enter(call, {0, episode});
    circle.judge.sample(nanoseconds(0));
    circle.judge.sample(nanoseconds(7));
    EXPECT_EQ(circle.judge.longest_wait(), nanoseconds(episode == 1 ? -1 : 7));
  }
}

// Fails when a wait for the network counts as one that no rank can end.
TEST(StallJudge, KnowsNoDeadlockWhereAWaitIsNotForAWord) {
  Circle circle;
  circle.lines[1].wait.begin(++circle.clock_ns, {});
  EXPECT_EQ(circle.judge.look({}), CircleVerdict::fine);
}

// Fails when the ages, by which stalls are judged, are not those of the same wait.
TEST(StallJudge, CountsTheTimeThatItIsToldOfInTheSameWait) {
  Circle circle;
  skein::StallJudge<ToldAtomics> judge{circle.lines, circle.arrivals, false, std::chrono::nanoseconds(10)};
  using std::chrono::nanoseconds;
  EXPECT_EQ(judge.look(nanoseconds(100)), CircleVerdict::fine);  // the first look has nothing to compare with
  EXPECT_EQ(judge.look(nanoseconds(9)), CircleVerdict::fine);
  EXPECT_EQ(judge.look(nanoseconds(0)), CircleVerdict::fine);
  circle.begin(2);
  EXPECT_EQ(judge.look(nanoseconds(9)), CircleVerdict::fine);
  EXPECT_EQ(judge.look(nanoseconds(9)), CircleVerdict::fine);
  EXPECT_FALSE(judge.have_all_waited());
  EXPECT_EQ(judge.look(nanoseconds(1)), CircleVerdict::fine);  // ranks elsewhere have time to say whether they wait too
  EXPECT_TRUE(judge.have_all_waited());
  EXPECT_EQ(judge.look(nanoseconds(9)), CircleVerdict::fine);
  EXPECT_EQ(judge.look(nanoseconds(1)), CircleVerdict::stalled);
  EXPECT_EQ(judge.look(nanoseconds(19)), CircleVerdict::fine);  // said once, then after twice the time
  EXPECT_EQ(judge.look(nanoseconds(1)), CircleVerdict::stalled);
  circle.lines[0].wait.end();
  EXPECT_EQ(judge.look(nanoseconds(1)), CircleVerdict::fine);
  EXPECT_FALSE(judge.have_all_waited());
}

}  // namespace
