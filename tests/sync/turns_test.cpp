// SPDX-License-Identifier: Apache-2.0
//
// Who runs next on a lane, by one thread with real fibers.
#include "skein/sync/turns.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "skein/lane/fibers.hpp"

namespace {

using skein::WaitResult;
using Turns = skein::Turns<skein::StdAtomics>;

/// A wait for something that nobody rings for, which comes true when it was looked at so often.
template <int kLooks>
skein::Wait<skein::StdAtomics> polled(int& looks) {
  return {.is_ready = [](void* count) { return ++*static_cast<int*>(count) > kLooks; },
          .condition = &looks,
          .watchers = nullptr,
          .awaited = {},
          .longest_sleep = std::chrono::microseconds(50)};
}

class Lane {
 public:
  explicit Lane(int ranks, std::optional<std::uint64_t> seed = {})
      : turns_(ranks, {abort_, bells_, 0, wait_budget(skein::WaitPolicy::automatic, skein::Crowding::oversubscribed)},
               {.to = [](void*, int rank) { skein::Fibers::switch_to(rank); }},
               {.notices = {}, .seed = seed, .on_deadlock = [this] {
                  ++deadlocks_;
                  abort_.word.store(1);
                }}) {
    EXPECT_EQ(fibers_.map(ranks, std::size_t{256} << 10U), 0);
  }

  /// Runs body(rank) on every rank, which writes down what it does.
  std::string run(const std::function<void(int)>& body) {
    turns_.begin();
    fibers_.run(body, [this] { return turns_.next(); });
    return written_;
  }

  void write(int rank, const char* what) { written_ += std::to_string(rank) + what + ' '; }
  Turns& turns() { return turns_; }
  int deadlocks() const { return deadlocks_; }

 private:
  skein::AbortWord<skein::StdAtomics> abort_;
  skein::Doorbell<skein::StdAtomics> doorbells_[1];
  skein::Bells<skein::StdAtomics> bells_{doorbells_, skein::FutexScope::process_private};
  int deadlocks_ = 0;
  std::string written_;
  Turns turns_;
  skein::Fibers fibers_;
};

// Defect: a rank that gives way goes on before others that can, or one that is woken is forgotten or runs out of turn.
TEST(Turns, GoByFirstComeFirstServed) {
  Lane lane(4);
  Turns::Queue queue;
  EXPECT_EQ(lane.run([&](int rank) {
    if (rank < 3) {
      EXPECT_EQ(lane.turns().sleep_in(queue), WaitResult::ready);
      lane.write(rank, "woken");
      lane.turns().give_way();
      lane.write(rank, "again");
    } else {
      lane.turns().wake(queue);
      lane.write(rank, "woke");
      lane.turns().give_way();
      lane.write(rank, "again");
    }
  }),
            "3woke 0woken 1woken 2woken 3again 0again 1again 2again ");
}

// Defect: of the ranks that can go on, one is forgotten, runs twice or is never drawn; a seed that says nothing.
TEST(Turns, GoBySeedInEveryOrder) {
  const auto order_of = [](std::uint64_t seed) {
    Lane lane(3, seed);
    std::string order = lane.run([&](int rank) {
      lane.write(rank, "a");
      lane.turns().give_way();
      lane.write(rank, "b");
      lane.turns().shake();
      lane.write(rank, "c");
    });
    EXPECT_EQ(lane.deadlocks(), 0) << order;  // which would bring back a rank that was forgotten
    return order;
  };
  std::set<std::string> orders;
  std::set<std::string> beginnings;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const std::string order = order_of(seed);
    EXPECT_EQ(order, order_of(seed));
    orders.insert(order);
    beginnings.insert(order.substr(0, 3));
    for (const char* rank : {"0", "1", "2"}) {
      std::string steps;
      for (std::size_t at = order.find(rank); at != std::string::npos; at = order.find(rank, at + 1))
        steps += order[at + 1];
      ASSERT_EQ(steps, "abc") << order;
    }
  }
  EXPECT_EQ(beginnings, (std::set<std::string>{"0a ", "1a ", "2a "}));
  EXPECT_GT(orders.size(), 100U);
}

// Defect: a rank that starts a helper, and so goes to the front of those that can go on, is where they end.
TEST(Turns, WhoStartsAHelperIsTheNext) {
  Lane lane(2);
  const std::string written = lane.run([&](int rank) {
    if (rank == 0) {
      lane.turns().give_way();
      lane.write(rank, "ends");
      return;
    }
    const int helper = lane.turns().add_helper();
    ASSERT_EQ(skein::Fibers::of_thread()->add(
                  std::size_t{256} << 10U,
                  [](void* context) {
                    Lane& own = *static_cast<Lane*>(context);
                    while (true) {
                      own.write(2, "helps");
                      own.turns().give_way();
                      own.write(2, "again");
                      own.turns().rest();
                    }
                  },
                  &lane),
              helper);
    lane.turns().start(helper);
    lane.write(rank, "started");
    lane.turns().give_way();
    lane.write(rank, "ends");
  });
  EXPECT_EQ(written, "2helps 1started 0ends 2again 1ends ");
  EXPECT_EQ(lane.deadlocks(), 0);
}

// Defect: a wait for something outside holds up ranks that can go on, or is not looked at between their turns.
TEST(Turns, LookOutsideBetweenTurns) {
  Lane lane(2);
  int looks = 0;
  const std::string written = lane.run([&](int rank) {
    if (rank == 0) {
      EXPECT_EQ(lane.turns().wait(polled<3>(looks)), WaitResult::ready);
    } else {
      for (int i = 0; i < 4; ++i) {
        lane.write(rank, "runs");
        lane.turns().give_way();
      }
    }
    lane.write(rank, "ends");
  });
  EXPECT_EQ(written.find("1runs 1runs "), 0U) << written;
  EXPECT_NE(written.find("0ends"), std::string::npos) << written;
  EXPECT_LT(written.find("0ends"), written.find("1ends")) << written;
}

// Hangs when ranks that wait for each other are left to themselves, or one of them is forgotten when they are freed; fails
// when this is said of ranks of which one waits for something outside.
TEST(Turns, ADeadlockIsSaidAndFreesAll) {
  Lane lane(3);
  Turns::Queue queues[3];
  int freed = 0;
  const std::string written = lane.run([&](int rank) {
    if (lane.turns().sleep_in(queues[rank]) == WaitResult::aborted) ++freed;
    lane.turns().wake(queues[(rank + 1) % 3]);  // nobody is in it any more
    lane.turns().give_way();
    lane.write(rank, "left");
  });
  EXPECT_EQ(written, "0left 1left 2left ");
  EXPECT_EQ(lane.deadlocks(), 1);
  EXPECT_EQ(freed, 3);

  Lane waits(2);
  Turns::Queue queue;
  int looks = 0;
  waits.run([&](int rank) {
    if (rank == 0) {
      EXPECT_EQ(waits.turns().sleep_in(queue), WaitResult::ready);
    } else {
      EXPECT_EQ(waits.turns().wait(polled<1000>(looks)), WaitResult::ready);
      waits.turns().wake(queue);
    }
  });
  EXPECT_EQ(waits.deadlocks(), 0);
}

// Defect: a helper is not started, goes on before its turn, or keeps its rank from going on first; a deadlock that helpers are
// part of is not said.
TEST(Turns, HelpersTakeTurnsFromStartToRest) {
  struct Served {
    Lane* lane;
    Turns::Queue* queue;
    bool is_asleep = false;
    bool is_over = false;
  };
  Lane lane(2);
  Turns::Queue queue;
  Served served{&lane, &queue};
  const std::string written = lane.run([&](int rank) {
    if (rank == 0) {
      const int helper = lane.turns().add_helper();
      EXPECT_EQ(helper, 2);
      ASSERT_EQ(skein::Fibers::of_thread()->add(
                    std::size_t{256} << 10U,
                    [](void* context) {
                      Served& own = *static_cast<Served*>(context);
                      while (true) {
                        EXPECT_EQ(own.lane->turns().running_owner(), 0);
                        own.lane->write(2, "helps");
                        own.is_asleep = true;
                        own.lane->turns().sleep_in(*own.queue);
                        own.is_over = true;
                        own.lane->write(2, "rests");
                        own.lane->turns().rest();
                      }
                    },
                    &served),
                helper);
      for (int round = 0; round < 2; ++round) {
        served.is_over = false;
        lane.turns().start(helper);
        lane.write(rank, "started");
        while (!served.is_over) lane.turns().give_way();
      }
    } else {
      for (int round = 0; round < 2; ++round) {
        while (!served.is_asleep) lane.turns().give_way();
        served.is_asleep = false;
        lane.turns().wake(queue);
        lane.write(rank, "woke");
      }
    }
  });
  EXPECT_EQ(written, "2helps 0started 1woke 2rests 2helps 0started 1woke 2rests ");
  EXPECT_EQ(lane.deadlocks(), 0);
}

}  // namespace
