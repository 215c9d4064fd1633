// SPDX-License-Identifier: Apache-2.0
// Where the processes of a host meet: here two views of one segment in one process.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "skein/team/host.hpp"

namespace {

using skein::Host;
using skein::RankMap;
using skein::Segment;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kNonce = 0x5eed;

struct TwoProcesses {
  std::unique_ptr<Host> first, second;

  explicit TwoProcesses(std::uint64_t nonce_of_second = kNonce) {
    const Host::Shape shape{RankMap({1, 1}), {.pattern = {}, .seats = std::vector<skein::Seat>(2)}};
    Segment segment = Segment::create_shared(Host::fixed_bytes(shape) + (1 << 20));
    const int descriptor = dup(segment.descriptor());
    first = Host::create(std::move(segment), shape, 0, kNonce);
    second = Host::attach(Segment::attach(descriptor), shape, 1, nonce_of_second);
  }
};

using Record = skein::FailureRecord<skein::StdAtomics>;

struct TakeOver {
  skein::AbortWord<skein::StdAtomics> abort;
  std::array<skein::Doorbell<skein::StdAtomics>, 2> doorbells;
  skein::Bells<skein::StdAtomics> bells{doorbells, skein::FutexScope::process_private};
  Record record;
  skein::FailurePath<skein::StdAtomics> survivor{record, abort, bells, 0};

  static constexpr int kEnded = 3;
  void notice() { survivor.fail_for(kEnded, {-1, skein::ExitCode::parallel, "process 3 has ended"}); }
};

// Fails when what a process left half done at its end keeps others waiting, or is done twice; or when the record of a living
// process is taken from it.
TEST(FailureTakeOver, DoesWhatAnEndedProcessLeftUndone) {
  TakeOver nothing_begun;
  nothing_begun.notice();
  EXPECT_TRUE(nothing_begun.abort.is_set());
  EXPECT_EQ(nothing_begun.survivor.first().message, "process 3 has ended");
  EXPECT_EQ(nothing_begun.survivor.further_failures(), 0);

  TakeOver claimed;
  claimed.record.failures = 1;
  claimed.record.state = Record::being_written + TakeOver::kEnded;
  claimed.notice();
  EXPECT_TRUE(claimed.abort.is_set());
  EXPECT_EQ(claimed.survivor.first().message, "process 3 has ended");
  EXPECT_EQ(claimed.survivor.further_failures(), 0);

  TakeOver written;
  written.record.failures = 1;
  skein::write_record(written.record, {6, skein::ExitCode::io, "disk full"});
  written.record.state = Record::written;
  written.notice();
  EXPECT_TRUE(written.abort.is_set());
  EXPECT_EQ(written.survivor.first().message, "disk full");

  TakeOver aborted;
  aborted.record.failures = 1;
  aborted.record.state = Record::written;
  aborted.abort.word = 1;
  aborted.notice();
  for (const auto& bell : aborted.doorbells) EXPECT_NE(bell.word, 0U) << "a bell that it may not have rung";

  TakeOver of_a_living_one;
  of_a_living_one.record.state = Record::being_written + 1;
  of_a_living_one.notice();
  EXPECT_FALSE(of_a_living_one.abort.is_set());
}

// Fails when a process that has reported leaves before a slower one has: the launcher would kill that one.
TEST(FailureMeeting, WhoComesFirstWaitsForTheOther) {
  TwoProcesses processes;
  // Atomic, because the thread sanitizer does not know that the two views are the same memory.
  std::atomic<bool> is_slow_one_there{false};
  bool has_second_met = false;
  std::thread slow([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    is_slow_one_there = true;
    has_second_met = processes.second->meet(Host::OtherHosts::none);
  });
  const bool has_first_met = processes.first->meet(Host::OtherHosts::none);
  const bool was_slow_one_there = has_first_met && is_slow_one_there;
  slow.join();
  EXPECT_TRUE(was_slow_one_there);
  EXPECT_TRUE(has_second_met);
}

// Hangs when a process that never comes is waited for.
TEST(FailureMeeting, WhoNeverComesIsNotWaitedFor) {
  TwoProcesses processes;
  const Clock::time_point start = Clock::now();
  EXPECT_FALSE(processes.first->meet(Host::OtherHosts::none));
  EXPECT_GE(Clock::now() - start, std::chrono::milliseconds(900));
}

// Hangs when processes that pass by wait for others than those that they are.
TEST(FailureMeeting, WhoPassesByWaitsForNobodyWhoIsThere) {
  constexpr std::chrono::hours kPatience(1);
  skein::Rendezvous<skein::StdAtomics> rendezvous;
  std::thread other([&] { rendezvous.pass_by(2, kPatience); });
  rendezvous.pass_by(2, kPatience);
  other.join();
}

// Fails when a failure in one process does not reach the other, or when both would report it.
TEST(FailureMeeting, AFailureIsSeenByBothAndReportedByOne) {
  TwoProcesses processes;
  EXPECT_FALSE(processes.second->abort().is_set());
  processes.first->failure().fail({0, skein::ExitCode::io, "disk full"});
  processes.second->failure().fail({1, skein::ExitCode::parallel, "later"});
  for (Host* host : {processes.first.get(), processes.second.get()}) {
    EXPECT_TRUE(host->abort().is_set());
    EXPECT_EQ(host->failure().first().rank, 0);
    EXPECT_EQ(host->failure().first().code, skein::ExitCode::io);
    EXPECT_EQ(host->failure().first().message, "disk full");
    EXPECT_EQ(host->failure().further_failures(), 1);
  }
  EXPECT_TRUE(processes.second->failure().claim_report());
  EXPECT_FALSE(processes.first->failure().claim_report());
}

// Fails when the memory of another run, found under a recycled number, is taken for this one's.
TEST(FailureMeeting, ASegmentWithAnotherNonceIsRefused) {
  try {
    const TwoProcesses processes(kNonce + 1);
    ADD_FAILURE() << "it was attached";
  } catch (const skein::Error& error) {
    EXPECT_EQ(error.code(), skein::ExitCode::environment);
  }
}

}  // namespace
