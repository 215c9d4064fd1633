// SPDX-License-Identifier: Apache-2.0
//
// The exchange, the failure path and the reader flags by themselves, on plain threads and on two policies: std::atomic, and
// one that delays threads around every atomic operation and futex call.
#include "skein/team/exchange.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "skein/team/failure.hpp"
#include "skein/team/readers.hpp"
#include "sync/jitter.hpp"
#include "team/bare_team.hpp"

namespace {

using skein::Episode;
using skein::Pattern;
using skein::PatternChoice;
using skein::Progress;
using skein::Signature;
using skein::WaitPolicy;
using skein_test::Rank;
using skein_test::Shared;

constexpr Signature kSame = 7;

/// A merge that adds.
void add(const skein::Content&, const std::byte* left, const std::byte* right, std::byte* out) {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::memcpy(&a, left, sizeof(a));
  std::memcpy(&b, right, sizeof(b));
  a += b;
  std::memcpy(out, &a, sizeof(a));
}

template <class Body>
void run_threads(int threads, std::uint64_t seed, Body body) {
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&body, seed, i] {
      skein_test::Jitter::seed(seed * 64 + static_cast<std::uint64_t>(i));
      body(i);
    });
  }
  for (std::thread& thread : running) thread.join();
}

const auto kNothing = [](void*) {};
const auto kNoContent = [] { return skein::Content{}; };

template <class Policy>
class ExchangeOf : public testing::Test {
 protected:
  static constexpr bool kIsDelayed = !std::is_same_v<Policy, skein::StdAtomics>;
  static constexpr std::uint64_t kRounds = kIsDelayed ? 200 : 1000;
  static constexpr Episode kFirst = 0xfffffffd;  // crosses 2^32

  static inline const PatternChoice kPatterns[] = {
      {Pattern::all_to_all}, {Pattern::gather_release}, {Pattern::levels, 2}, {Pattern::levels, 3}};

  /// Every team size, every pattern, a policy that sleeps and one that does not.
  template <class Test>
  static void for_all_teams(Test test) {
    for (int ranks = 1; ranks <= 8; ++ranks) {
      for (const PatternChoice pattern : kPatterns) {
        for (const WaitPolicy wait : {WaitPolicy::park, WaitPolicy::yield}) {
          SCOPED_TRACE(testing::Message() << ranks << " ranks, " << pattern_name(pattern.pattern) << " "
                                          << pattern.lanes_per_group << ", wait " << static_cast<int>(wait));
          test(ranks, pattern, wait);
        }
      }
    }
  }
};
using Policies = testing::Types<skein::StdAtomics, skein_test::JitterAtomics>;

struct PolicyNames {
  template <class Policy>
  static std::string GetName(int) {  // NOLINT: GoogleTest's name
    return std::is_same_v<Policy, skein::StdAtomics> ? "std" : "jitter";
  }
};
TYPED_TEST_SUITE(ExchangeOf, Policies, PolicyNames);

// Defect: a rank leaves before all have arrived; a payload is overwritten while a peer reads it, or read before it is
// there; a plain write before the exchange is not ordered before a read behind it (ThreadSanitizer).
TYPED_TEST(ExchangeOf, EveryRankLeavesWithEveryPost) {
  this->for_all_teams([this](int ranks, PatternChoice pattern, WaitPolicy wait) {
    Shared<TypeParam> shared(ranks, pattern);
    std::vector<std::array<std::uint64_t, 2>> words(static_cast<std::size_t>(ranks));  // not atomic
    run_threads(ranks, 1, [&](int own) {
      Rank<TypeParam> rank(shared, own, wait, this->kFirst);
      for (std::uint64_t round = 1; round <= this->kRounds; ++round) {
        const std::uint64_t mine = round * 1000 + static_cast<std::uint64_t>(own);
        words[static_cast<std::size_t>(own)][round % 2] = mine;
        const Episode episode = rank.exchange.arrive(kSame, &mine, sizeof(mine));
        std::uint64_t sum = 0;
        const auto add_all = [&](void* out) {
          std::uint64_t all = 0;
          for (int peer = 0; peer < ranks; ++peer) {
            std::uint64_t theirs = 0;
            if (peer == own) {
              theirs = mine;
            } else {
              std::memcpy(&theirs, rank.exchange.payload(peer, episode, sizeof(theirs)), sizeof(theirs));
            }
            all += theirs;
          }
          std::memcpy(out, &all, sizeof(all));
        };
        const auto fold = [] {
          return skein::Content{.need = skein::Content::Need::fold, .bytes = sizeof(std::uint64_t), .merge = &add};
        };
        EXPECT_EQ(rank.exchange.complete(add_all, fold, &sum, sizeof(sum)), Progress::complete);
        std::uint64_t expected = 0;
        for (int peer = 0; peer < ranks; ++peer) {
          EXPECT_EQ(words[static_cast<std::size_t>(peer)][round % 2], round * 1000 + static_cast<std::uint64_t>(peer));
          std::uint64_t posted = 0;
          std::memcpy(&posted, rank.exchange.payload(peer, episode, sizeof(posted)), sizeof(posted));
          EXPECT_EQ(posted, round * 1000 + static_cast<std::uint64_t>(peer));
          expected += posted;
        }
        EXPECT_EQ(sum, expected);
      }
    });
  });
}

// Defect: ranks in different calls take each other's data for their own.
TYPED_TEST(ExchangeOf, ADifferentSignatureIsFoundByTheRanksThatCompare) {
  for (const Pattern pattern : {Pattern::all_to_all, Pattern::gather_release}) {
    constexpr int kRanks = 4;
    constexpr int kOdd = 2;
    Shared<TypeParam> shared(kRanks, {pattern});
    run_threads(kRanks, 3, [&](int own) {
      Rank<TypeParam> rank(shared, own, WaitPolicy::park, 1);
      rank.exchange.arrive(own == kOdd ? kSame + 1 : kSame, nullptr, 0);
      const bool compares = pattern == Pattern::all_to_all || own == 0;
      if (!compares) return;  // it would wait for the release until the abort
      EXPECT_EQ(rank.exchange.complete(kNothing, kNoContent, nullptr, 0), Progress::mismatched);
      EXPECT_EQ(rank.exchange.mismatched_seat(), own == kOdd ? 0 : kOdd);
    });
  }
}

// Defect: a rank that sleeps in an exchange is not woken by a failure elsewhere; the record is not written before the
// abort is seen. Hangs, or reports nonsense.
TYPED_TEST(ExchangeOf, AFailureEndsEveryWaitWithItsMessage) {
  this->for_all_teams([this](int ranks, PatternChoice pattern, WaitPolicy wait) {
    for (std::uint64_t round = 0; round < this->kRounds / 50; ++round) {
      Shared<TypeParam> shared(ranks, pattern);
      const int victim = static_cast<int>(round) % ranks;
      run_threads(ranks, round, [&](int own) {
        Rank<TypeParam> rank(shared, own, wait, 1);
        if (own == victim) {
          shared.failure.fail({own, skein::ExitCode::io, "disk full"});
        } else {
          rank.exchange.arrive(kSame, nullptr, 0);
          EXPECT_EQ(rank.exchange.complete(kNothing, kNoContent, nullptr, 0), Progress::aborted);
        }
        EXPECT_TRUE(shared.failure.is_aborted());
        EXPECT_EQ(shared.failure.first().rank, victim);
        EXPECT_EQ(shared.failure.first().code, skein::ExitCode::io);
        EXPECT_EQ(shared.failure.first().message, "disk full");
      });
    }
  });
}

// Defect: the abort word is set before the record is complete, and the first to see it reports half of it.
TYPED_TEST(ExchangeOf, WhoSeesTheAbortSeesAllOfTheRecord) {
  const std::string long_message(skein::FailureRecord<TypeParam>::kMessageBytes - 1, 'm');
  for (std::uint64_t round = 0; round < this->kRounds; ++round) {
    Shared<TypeParam> shared(1);
    run_threads(2, round, [&](int own) {
      if (own == 0) {
        shared.failure.fail({7, skein::ExitCode::io, long_message});
      } else {
        while (!shared.failure.is_aborted()) TypeParam::yield();
        const skein::Failure first = shared.failure.first();
        EXPECT_EQ(first.rank, 7);
        EXPECT_EQ(first.message, long_message);
      }
    });
  }
}

// Defect: two failures at once mix in the record, or both print.
TYPED_TEST(ExchangeOf, OneOfManyFailuresIsTheFirst) {
  constexpr int kRanks = 6;
  for (std::uint64_t round = 0; round < this->kRounds / 10; ++round) {
    Shared<TypeParam> shared(kRanks);
    std::atomic<int> reports{0};
    run_threads(kRanks, round, [&](int own) {
      shared.failure.fail({own, skein::ExitCode::parallel, std::string(100, static_cast<char>('a' + own))});
      while (!shared.failure.is_aborted()) TypeParam::yield();
      const skein::Failure first = shared.failure.first();
      EXPECT_EQ(first.message, std::string(100, static_cast<char>('a' + first.rank)));
      if (shared.failure.claim_report()) ++reports;
    });
    EXPECT_EQ(reports.load(), 1);
    EXPECT_EQ(shared.failure.further_failures(), kRanks - 1);
  }
}

// Defect: a message longer than the record writes behind it.
TYPED_TEST(ExchangeOf, LongMessagesAreCut) {
  Shared<TypeParam> shared(1);
  const std::size_t room = skein::FailureRecord<TypeParam>::kMessageBytes - 1;
  shared.failure.fail({0, skein::ExitCode::parallel, std::string(3 * room, 'x')});
  EXPECT_EQ(shared.failure.first().message, std::string(room, 'x'));
}

// Defect: a rank leaves, and its buffer dies, while a peer still reads it; or the peer begins to read after that
// (ThreadSanitizer and AddressSanitizer see the access, the test the bytes).
TYPED_TEST(ExchangeOf, NobodyReadsMemoryOfARankThatHasLeft) {
  constexpr int kRanks = 4;
  constexpr std::size_t kBytes = 3 * skein::kReadBytes + 17;
  for (std::uint64_t round = 0; round < this->kRounds / 20; ++round) {
    Shared<TypeParam> shared(kRanks);
    auto buffer = std::make_unique<std::vector<std::byte>>(kBytes, std::byte{1});
    const std::byte* published = buffer->data();
    run_threads(kRanks, round + 100, [&](int own) {
      skein::Readers<TypeParam> readers(shared.flags, own, shared.abort);
      if (own == 0) {
        for (std::uint64_t i = 0; i < round % 7; ++i) TypeParam::yield();
        shared.failure.fail({0, skein::ExitCode::parallel, "left"});
        EXPECT_TRUE(readers.wait_until_quiet(std::chrono::minutes(1)));
        std::fill(buffer->begin(), buffer->end(), std::byte{2});
        buffer.reset();
        return;
      }
      std::vector<std::byte> copy(kBytes);
      const auto copy_all = [&] {
        for (std::size_t done = 0; done < kBytes; done += skein::kReadBytes) {
          const auto touch = [&] {
            std::memcpy(copy.data() + done, published + done, std::min(skein::kReadBytes, kBytes - done));
          };
          if (readers.guard(touch) == skein::WaitResult::aborted) return false;
        }
        return true;
      };
      while (copy_all()) {
        EXPECT_EQ(std::count(copy.begin(), copy.end(), std::byte{1}), static_cast<std::ptrdiff_t>(kBytes));
      }
      EXPECT_EQ(std::count(copy.begin(), copy.end(), std::byte{2}), 0);
    });
  }
}

// Defect: a touch that throws leaves its flag up, and the failing rank waits for ever.
TYPED_TEST(ExchangeOf, AThrowingTouchLowersItsFlag) {
  Shared<TypeParam> shared(1);
  skein::Readers<TypeParam> readers(shared.flags, 0, shared.abort);
  EXPECT_THROW(readers.guard([] { throw std::runtime_error("operator"); }), std::runtime_error);
  EXPECT_TRUE(readers.wait_until_quiet(std::chrono::minutes(1)));
}

}  // namespace
