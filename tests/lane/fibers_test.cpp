// SPDX-License-Identifier: Apache-2.0
#include "skein/lane/fibers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cfenv>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using skein::Fibers;

constexpr std::size_t kStackBytes = std::size_t{256} << 10U;

/// Fibers that go on in a circle, until all have ended.
class Circle {
 public:
  explicit Circle(int count) : count_(count), has_ended_(static_cast<std::size_t>(count)) {
    EXPECT_EQ(fibers_.map(count, kStackBytes), 0);
  }

  void run(const std::function<void(int)>& body) {
    has_ended_.assign(has_ended_.size(), false);
    running_ = -1;
    fibers_.run(body, [this] {
      if (running_ >= 0) has_ended_[static_cast<std::size_t>(running_)] = true;
      return running_ = after(running_);
    });
  }

  void go_on() {
    const int own = running_;
    running_ = after(own);
    if (running_ != own) Fibers::switch_to(running_);
  }

 private:
  int after(int fiber) const {
    for (int step = 1; step <= count_; ++step) {
      const int next = (fiber + step + count_) % count_;
      if (!has_ended_[static_cast<std::size_t>(next)]) return next;
    }
    return -1;
  }

  int count_;
  std::vector<bool> has_ended_;
  int running_ = -1;
  Fibers fibers_;
};

// Hangs or fails when a fiber is not started, resumed at the wrong place, or not run to its end; the second time when the
// first leaves something behind.
TEST(Fibers, TakeTurnsUntilAllHaveEnded) {
  for (const int count : {1, 2, 3, 50}) {
    Circle circle(count);
    for (int run = 0; run < 3; ++run) {
      std::vector<int> order;
      circle.run([&](int fiber) {
        for (int round = 0; round <= fiber % 3; ++round) {
          order.push_back(round * 1000 + fiber);
          circle.go_on();
        }
      });
      std::vector<int> expected;
      for (int round = 0; round < 3; ++round) {
        for (int fiber = 0; fiber < count; ++fiber) {
          if (round <= fiber % 3) expected.push_back(round * 1000 + fiber);
        }
      }
      EXPECT_EQ(order, expected);
    }
  }
}

// Fails when an exception that one fiber handles or throws is taken for another's: std::current_exception, a rethrow, or
// std::uncaught_exceptions in a destructor that lets others run.
TEST(Fibers, KeepTheirExceptionsApart) {
  struct LetsOthersRun {
    Circle& circle;
    int& seen;
    ~LetsOthersRun() {
      circle.go_on();
      seen = std::uncaught_exceptions();
    }
  };
  Circle circle(3);
  std::vector<std::string> caught(3);
  std::vector<int> uncaught(3, -1);
  circle.run([&](int fiber) {
    const auto i = static_cast<std::size_t>(fiber);
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    try {
      const LetsOthersRun guard{circle, uncaught[i]};
      circle.go_on();
      if (fiber != 1) throw std::runtime_error("thrown by " + std::to_string(fiber));
    } catch (const std::exception&) {
      circle.go_on();
      try {
        throw;
      } catch (const std::exception& error) {
        circle.go_on();
        caught[i] = error.what();
      }
    }
    EXPECT_EQ(std::current_exception(), nullptr);
  });
  EXPECT_EQ(caught, (std::vector<std::string>{"thrown by 0", "", "thrown by 2"}));
  EXPECT_EQ(uncaught, (std::vector<int>{1, 0, 1}));
}

// Fails when errno or rounding of one fiber reaches another, or the thread that carries them.
TEST(Fibers, KeepErrnoAndTheFloatingPointEnvironmentApart) {
  const std::vector<int> modes = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  Circle circle(3);
  errno = 77;
  circle.run([&](int fiber) {
    const auto i = static_cast<std::size_t>(fiber);
    EXPECT_EQ(std::fegetround(), FE_TONEAREST);
    for (int round = 0; round < 5; ++round) {
      std::fesetround(modes[i]);
      errno = 100 + fiber;
      circle.go_on();
      EXPECT_EQ(std::fegetround(), modes[i]);
      EXPECT_EQ(errno, 100 + fiber);
    }
    std::fesetround(FE_TONEAREST);
  });
  EXPECT_EQ(std::fegetround(), FE_TONEAREST);
  EXPECT_EQ(errno, 77);
}

[[gnu::noinline]] std::uintptr_t stack_now() { return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)); }

// Fails when a call for the own stack stays on the fiber's, others run meanwhile, or what it throws is lost.
TEST(Fibers, CallOnTheOwnStackOfTheirThread) {
  const std::uintptr_t own = stack_now();
  const auto is_near_own = [own](std::uintptr_t address) {
    return std::max(own, address) - std::min(own, address) < (std::size_t{128} << 10U);
  };
  Circle circle(2);
  std::vector<int> order;
  circle.run([&](int fiber) {
    for (int round = 0; round < 3; ++round) {
      skein::on_own_stack([&] {
        EXPECT_TRUE(is_near_own(stack_now()));
        order.push_back(fiber);
        skein::on_own_stack([&] { order.push_back(fiber + 10); });
      });
      EXPECT_THROW(skein::on_own_stack([] { throw std::logic_error("from there"); }), std::logic_error);
      circle.go_on();
    }
  });
  EXPECT_EQ(order, (std::vector<int>{0, 10, 1, 11, 0, 10, 1, 11, 0, 10, 1, 11}));
  bool is_called = false;
  skein::on_own_stack([&] { is_called = is_near_own(stack_now()); });  // outside of any fiber
  EXPECT_TRUE(is_called);
}

// Fails when helpers of one thread's own stack run on another's, or leave their thread with the wrong fibers.
TEST(Fibers, ServeTheOwnStackOfAThread) {
  struct Helper {
    Fibers fibers;
    std::uintptr_t own = stack_now();
    int rounds = 0;
    int calls = 0;
    bool was_on_own_stack = true;
  };
  const auto serve = [](void* context) {
    Helper& helper = *static_cast<Helper*>(context);
    while (true) {
      EXPECT_EQ(Fibers::of_thread(), &helper.fibers);
      ++helper.rounds;
      skein::on_own_stack([&] {
        const std::uintptr_t here = stack_now();
        helper.was_on_own_stack = std::max(here, helper.own) - std::min(here, helper.own) < (std::size_t{128} << 10U);
        ++helper.calls;
      });
      helper.fibers.go_on_with(Fibers::kOwnStack);
    }
  };
  Helper first;
  Helper second;
  for (Helper* helper : {&first, &second}) {
    helper->fibers.adopt_thread();
    EXPECT_EQ(helper->fibers.add(kStackBytes, serve, helper), 0);
  }
  for (int round = 1; round <= 3; ++round) {
    for (Helper* helper : {&first, &second, &first}) helper->fibers.go_on_with(0);
    EXPECT_EQ(Fibers::of_thread(), nullptr);
    EXPECT_EQ(first.rounds, 2 * round);
    EXPECT_EQ(second.calls, round);
  }
  EXPECT_TRUE(first.was_on_own_stack);
  EXPECT_TRUE(second.was_on_own_stack);
}

int deep(int levels) {
  volatile char frame[1024];
  std::memset(const_cast<char*>(frame), levels, sizeof(frame));
  return levels == 0 ? 0 : deep(levels - 1) + (frame[100] == static_cast<char>(levels) ? 1 : 0);
}

// Faults when a stack is smaller than asked for, or fails when two overlap.
TEST(Fibers, HaveTheStackThatWasAskedFor) {
  constexpr int kLevels = 150;  // of more than 1 KiB, in 256 KiB
  Circle circle(40);
  std::vector<int> sums(40);
  circle.run([&](int fiber) {
    const std::function<int(int)> nested = [&](int levels) {
      if (levels == 0) {
        circle.go_on();
        return deep(kLevels / 2);
      }
      volatile char frame[512];
      frame[0] = static_cast<char>(fiber);
      const int below = nested(levels - 1);
      return below + (frame[0] == static_cast<char>(fiber) ? 1 : 0);
    };
    sums[static_cast<std::size_t>(fiber)] = nested(20);
  });
  EXPECT_EQ(sums, std::vector<int>(40, 20 + kLevels / 2));
}

// Fails when thousands do not fit an address space, or their stacks use memory that nobody touched.
TEST(Fibers, AreThereByTheThousand) {
  constexpr int kMany = 4096;
  Fibers fibers;
  ASSERT_EQ(fibers.map(kMany, std::size_t{8} << 20U), 0);
  int started = 0;
  int last = -1;
  fibers.run([&](int) { ++started; }, [&] { return ++last < kMany ? last : -1; });
  EXPECT_EQ(started, kMany);
}

}  // namespace
