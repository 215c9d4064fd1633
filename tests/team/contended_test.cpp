// SPDX-License-Identifier: Apache-2.0
//
// What several threads draw from one counter, or claim, at the same moment.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "skein/team/host.hpp"
#include "skein/team/rank_local.hpp"
#include "skein/team/rank_runner.hpp"

namespace {

constexpr int kThreads = 4;

/// Calls work(thread, round) by all threads, which begin every round together.
template <class Work>
void together(int rounds, const Work& work) {
  std::atomic<int> arrived{0};
  std::vector<std::thread> threads;
  for (int own = 0; own < kThreads; ++own) {
    threads.emplace_back([&, own] {
      for (int round = 0; round < rounds; ++round) {
        ++arrived;
        while (arrived < kThreads * (round + 1)) std::this_thread::yield();
        work(own, round);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

/// What `draw` gives the threads, in order.
template <class Draw>
auto all_drawn(int each, const Draw& draw) {
  using Number = decltype(draw());
  std::vector<std::vector<Number>> drawn(kThreads);
  together(1, [&](int own, int) {
    for (int i = 0; i < each; ++i) drawn[static_cast<std::size_t>(own)].push_back(draw());
  });
  std::vector<Number> all;
  for (const auto& of_thread : drawn) all.insert(all.end(), of_thread.begin(), of_thread.end());
  std::ranges::sort(all);
  return all;
}

std::unique_ptr<skein::Host> a_host() {
  const skein::Host::Shape shape{skein::RankMap({1}), {.pattern = {}, .seats = std::vector<skein::Seat>(1)}};
  return skein::Host::create(skein::Segment::create_private(skein::Host::fixed_bytes(shape)), shape, 0, 1);
}

constexpr int kMany = 100'000;

// Defect: two teams between hosts with the same channels, or one with those of the run's first team.
TEST(Contended, EveryTeamHasChannelsOfItsOwn) {
  const auto host = a_host();
  const auto channels = all_drawn(kMany, [&] { return host->next_channel(); });
  EXPECT_EQ(std::ranges::adjacent_find(channels), channels.end());
  EXPECT_GE(channels.front(), skein::kStrands);
  EXPECT_TRUE(std::ranges::all_of(channels, [](std::uint32_t channel) { return channel % skein::kStrands == 0; }));
}

// Defect: two variables that share a value.
TEST(Contended, EveryRankLocalHasANumberOfItsOwn) {
  const auto numbers = all_drawn(kMany, [] { return skein::RankLocals::next_number(); });
  EXPECT_EQ(std::ranges::adjacent_find(numbers), numbers.end());
}

// Defect: something that is said twice, or by nobody.
TEST(Contended, OneIsTheFirstToSaySo) {
  constexpr int kRounds = 3000;
  std::vector<std::unique_ptr<skein::Host>> hosts;
  std::vector<std::unique_ptr<skein::Departures>> ways_out;
  for (int round = 0; round < kRounds; ++round) {
    if (round % 10 == 0) hosts.push_back(a_host());
    ways_out.push_back(std::make_unique<skein::Departures>());
  }
  std::vector<std::atomic<int>> disturbed(kRounds);
  std::vector<std::atomic<int>> claimed(kRounds);
  std::vector<std::atomic<int>> ended(kRounds);
  together(kRounds, [&](int, int round) {
    const auto at = static_cast<std::size_t>(round);
    if (round % 10 == 0) disturbed[at] += hosts[at / 10]->disturb() ? 1 : 0;
    if (round % 10 == 0) claimed[at] += hosts[at / 10]->claim_roll_call(1) ? 1 : 0;
    ended[at] += ways_out[at]->claim_exit() ? 1 : 0;
  });
  for (std::size_t round = 0; round < kRounds; ++round) {
    EXPECT_EQ(disturbed[round], round % 10 == 0 ? 1 : 0);
    EXPECT_EQ(claimed[round], round % 10 == 0 ? 1 : 0);
    EXPECT_EQ(ended[round], 1);
  }
}

// Defect: a rank that has left and is waited for.
TEST(Contended, EveryDepartureCounts) {
  skein::Departures departures;
  departures.expect(kThreads * kMany);
  together(1, [&](int, int) {
    for (int i = 0; i < kMany; ++i) departures.depart();
  });
  EXPECT_TRUE(departures.are_all());
}

}  // namespace
