// SPDX-License-Identifier: Apache-2.0
#include "skein/lane/held_mutexes.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <thread>

namespace {

using namespace std::chrono_literals;

// Defect: a kind of lock that is not seen, that counts though it was not got, or that counts after it was given back.
class HeldMutexes : public testing::Test {
 protected:
  void SetUp() override { before_ = skein::held_mutexes; }
  int held() const { return skein::held_mutexes - before_; }

  template <class Mutex>
  void expect_timed_tries_count(Mutex& mutex) const {
    ASSERT_TRUE(mutex.try_lock_for(10s));
    EXPECT_EQ(held(), 1);
    mutex.unlock();
    ASSERT_TRUE(mutex.try_lock_until(std::chrono::system_clock::now() + 10s));
    EXPECT_EQ(held(), 1);
    mutex.unlock();
    EXPECT_EQ(held(), 0);
  }

 private:
  int before_ = 0;
};

/// Holds a lock from its construction to its end, in a thread of its own.
template <class Mutex>
class HeldElsewhere {
 public:
  explicit HeldElsewhere(Mutex& mutex) : mutex_(mutex) {
    std::unique_lock lock(state_);
    changed_.wait(lock, [this] { return is_held_; });
  }
  ~HeldElsewhere() {
    {
      const std::scoped_lock lock(state_);
      is_over_ = true;
    }
    changed_.notify_all();
  }
  HeldElsewhere(const HeldElsewhere&) = delete;
  HeldElsewhere& operator=(const HeldElsewhere&) = delete;

 private:
  void hold() {
    const std::scoped_lock held(mutex_);
    std::unique_lock lock(state_);
    is_held_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return is_over_; });
  }

  Mutex& mutex_;
  std::mutex state_;
  std::condition_variable changed_;
  bool is_held_ = false;
  bool is_over_ = false;
  std::jthread thread_{[this] { hold(); }};
};

TEST_F(HeldMutexes, LockAndUnlock) {
  std::mutex first;
  std::mutex second;
  EXPECT_EQ(held(), 0);
  {
    const std::scoped_lock lock(first, second);
    EXPECT_EQ(held(), 2);
  }
  EXPECT_EQ(held(), 0);
}

TEST_F(HeldMutexes, RecursiveOnesCountAsOftenAsTheyAreLocked) {
  std::recursive_mutex mutex;
  const std::scoped_lock outer(mutex);
  const std::scoped_lock inner(mutex);
  EXPECT_EQ(held(), 2);
}

TEST_F(HeldMutexes, OnlyTriesThatSucceedCount) {
  std::mutex mutex;
  {
    const HeldElsewhere holder(mutex);
    EXPECT_FALSE(mutex.try_lock());
    EXPECT_EQ(held(), 0);
  }
  ASSERT_TRUE(mutex.try_lock());
  EXPECT_EQ(held(), 1);
  mutex.unlock();
  EXPECT_EQ(held(), 0);
}

TEST_F(HeldMutexes, WithDeadlines) {
  std::timed_mutex mutex;
  {
    const HeldElsewhere holder(mutex);
    EXPECT_FALSE(mutex.try_lock_for(1ms));
    EXPECT_FALSE(mutex.try_lock_until(std::chrono::system_clock::now() + 1ms));
    EXPECT_EQ(held(), 0);
  }
  expect_timed_tries_count(mutex);
}

TEST_F(HeldMutexes, SharedOnes) {
  std::shared_timed_mutex mutex;
  {
    const std::shared_lock lock(mutex);
    EXPECT_EQ(held(), 1);
    ASSERT_TRUE(mutex.try_lock_shared());
    EXPECT_EQ(held(), 2);
    mutex.unlock_shared();
    ASSERT_TRUE(mutex.try_lock_shared_for(10s));
    ASSERT_TRUE(mutex.try_lock_shared_until(std::chrono::system_clock::now() + 10s));
    EXPECT_EQ(held(), 3);
    mutex.unlock_shared();
    mutex.unlock_shared();
  }
  ASSERT_TRUE(mutex.try_lock());
  EXPECT_EQ(held(), 1);
  mutex.unlock();
  expect_timed_tries_count(mutex);
}

TEST_F(HeldMutexes, WaitingForAConditionHoldsAsMuchAfterAsBefore) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  EXPECT_EQ(never.wait_for(lock, 1ms), std::cv_status::timeout);
  EXPECT_EQ(held(), 1);
}

TEST_F(HeldMutexes, EachThreadHasItsOwn) {
  std::mutex mutex;
  const std::scoped_lock lock(mutex);
  std::jthread([] { EXPECT_EQ(skein::held_mutexes, 0); });
}

}  // namespace
