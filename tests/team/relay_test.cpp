// SPDX-License-Identifier: Apache-2.0
//
// The way of a root to other hosts through the leader of its own, by two threads, with more requests than a box has room for.
#include "skein/team/relay.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace {

using skein::Message;
using Box = skein::RelayBox<skein::StdAtomics>;

constexpr int kHost = 1;

struct Shared {
  std::unique_ptr<Box> box = std::make_unique<Box>();
  std::vector<skein::Doorbell<skein::StdAtomics>> doorbells{2};
  skein::Bells<skein::StdAtomics> bells{doorbells, skein::FutexScope::process_private};
  skein::AbortWord<skein::StdAtomics> abort;

  skein::RelayLink<skein::StdAtomics> link() { return {*box, bells, abort}; }
};

/// Another host, to which transfers have gone as soon as they are started. Their sizes are 1, 2, 3, ...
class Taker final : public skein::Link {
 public:
  explicit Taker(std::uint64_t& wrong) : wrong_(wrong) {}

  std::byte* outgoing(int) override { return nullptr; }
  void send(int, std::uint32_t, std::size_t) override {}
  std::uint32_t label_mask() const override { return ~std::uint32_t{0}; }
  Message try_receive(int) override { return {}; }
  void start_sending(int host, std::span<const std::byte> bytes) override {
    if (host != kHost || bytes.size() != ++started_) ++wrong_;
  }
  void start_receiving(int, std::span<std::byte>) override {}
  bool transfers_done(std::size_t) override { return true; }

 private:
  std::uint64_t started_ = 0;
  std::uint64_t& wrong_;
};

// Defect: a request is written where the leader has not yet read the one before; one is lost, or taken twice.
TEST(Relay, WaitsForRoomForARequest) {
  Shared shared;
  constexpr std::uint64_t kTransfers = 40 * Box::kRequests;
  std::uint64_t wrong = 0;
  std::thread leader([&] {
    skein::RelayServer<skein::StdAtomics> server(*shared.box, std::make_unique<Taker>(wrong));
    while (server.serve() || shared.box->taken.load() < kTransfers) std::this_thread::yield();
  });
  skein::RelayLink<skein::StdAtomics> link = shared.link();
  const std::vector<std::byte> bytes(kTransfers);
  for (std::uint64_t i = 1; i <= kTransfers; ++i) link.start_sending(kHost, std::span(bytes).first(i));
  while (!link.transfers_done(0)) std::this_thread::yield();
  leader.join();
  EXPECT_EQ(wrong, 0U);
}

// Hangs when a root waits for a leader that has left a failed run.
TEST(Relay, AnAbortEndsTheWaitForRoom) {
  Shared shared;
  shared.abort.word.store(1);
  skein::RelayLink<skein::StdAtomics> link = shared.link();
  const std::byte byte{};
  for (std::uint64_t i = 0; i < 2 * Box::kRequests; ++i) link.start_sending(kHost, {&byte, 1});
  EXPECT_EQ(shared.box->asked.load(), Box::kRequests);
}

}  // namespace
