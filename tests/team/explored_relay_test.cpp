// SPDX-License-Identifier: Apache-2.0
//
// The way of a root to other hosts through the leader of its own, schedule by schedule.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "skein/team/relay.hpp"
#include "team/explored.hpp"

namespace {

using skein::Message;
using skein_test::explore;
using skein_test::Explorer;
using skein_test::ExplorerAtomics;
using Box = skein::RelayBox<ExplorerAtomics>;
using Plain = Explorer::Plain<std::uint64_t>;

/// What two fibers share: the segment, and plain variables in the place of its plain memory, which the explorer watches.
struct State {
  struct {
    Box box;
    std::array<std::byte, 4> out{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
    std::array<std::byte, 4> in{};
  } segment;
  std::array<Plain, Box::kBuffers> buffers;
  Plain answer;
  Plain moved;
  std::vector<skein::Doorbell<ExplorerAtomics>> doorbells{2};
  skein::Bells<ExplorerAtomics> bells{doorbells, skein::FutexScope::process_private};
  skein::AbortWord<ExplorerAtomics> abort;
  std::uint64_t sent = 0;  ///< by the leader
};

/// Another host that sends back what it gets, with the next label; only the leader touches it.
class Echo final : public skein::Link {
 public:
  explicit Echo(State& state) : state_(state) {}

  std::byte* outgoing(int) override { return message_.data(); }
  void send(int, std::uint32_t label, std::size_t bytes) override {
    Explorer::require(state_.buffers[state_.sent % Box::kBuffers].read() == state_.sent,
                      "a buffer was written too early");
    ++state_.sent;
    Explorer::require(bytes == sizeof(label) && std::memcmp(message_.data(), &label, bytes) == 0, "a wrong message");
    answers_.push_back(label + 1);
  }
  std::uint32_t label_mask() const override { return ~std::uint32_t{0}; }
  Message try_receive(int) override {
    if (answers_.empty()) return {};
    const std::uint32_t label = answers_.front();
    answers_.pop_front();
    std::memcpy(message_.data(), &label, sizeof(label));
    state_.answer.write(label);
    return {label, message_.data()};
  }
  void start_sending(int, std::span<const std::byte> bytes) override { from_ = bytes; }
  void start_receiving(int, std::span<std::byte> bytes) override { to_ = bytes; }
  bool transfers_done(std::size_t left) override {
    if (from_.empty() || to_.empty()) return left == 1 && !from_.empty();
    std::memcpy(to_.data(), from_.data(), to_.size());
    state_.moved.write(1);
    return true;
  }

 private:
  State& state_;
  std::array<std::byte, skein::Link::kSmallBytes> message_{};
  std::deque<std::uint32_t> answers_;
  std::span<const std::byte> from_;
  std::span<std::byte> to_;
};

constexpr int kHost = 0;  // the least number there is
constexpr std::uint64_t kMessages = Box::kBuffers + 1;

void run_root(State& state) {
  skein::RelayLink<ExplorerAtomics> link(state.segment.box, state.bells, state.abort);
  for (std::uint32_t i = 0; i < kMessages; ++i) {
    std::byte* message = nullptr;
    while ((message = link.outgoing(kHost)) == nullptr) ExplorerAtomics::yield();
    state.buffers[i % Box::kBuffers].write(i);
    std::memcpy(message, &i, sizeof(i));
    link.send(kHost, i, sizeof(i));
  }
  for (std::uint32_t i = 0; i < kMessages; ++i) {
    Message answer;
    while ((answer = link.try_receive(kHost)).bytes == nullptr) ExplorerAtomics::yield();
    Explorer::require(answer.label == i + 1, "a wrong answer");
    Explorer::require(state.answer.read() == i + 1, "an answer that was overwritten");
    Explorer::require(std::memcmp(answer.bytes, &answer.label, sizeof(answer.label)) == 0, "a wrong content");
  }
  link.start_sending(kHost, state.segment.out);
  Explorer::require(!link.transfers_done(0), "bytes have gone that nobody has received");
  link.start_receiving(kHost, state.segment.in);
  while (!link.transfers_done(0)) ExplorerAtomics::yield();
  Explorer::require(state.moved.read() == 1 && state.segment.in == state.segment.out, "bytes have not come");
}

// Defect: a request that is lost or taken before it is there; a buffer, or an answer, that is written while it is read; bytes
// that are used before they have come.
TEST(ExploredRelay, PassesOnWhatItIsAskedFor) {
  const auto run_leader = [](State& state) {
    skein::RelayServer<ExplorerAtomics> server(state.segment.box, std::make_unique<Echo>(state));
    constexpr std::uint64_t kRequests = 2 * kMessages + 2;
    const auto has_all = [&] { return state.segment.box.taken.load(std::memory_order_relaxed) == kRequests; };
    while (server.serve() || !has_all()) ExplorerAtomics::yield();
  };
  const auto make = [&run_leader] {
    auto state = std::make_shared<State>();
    return Explorer::Trial{2, [state, &run_leader](int own) { own == 0 ? run_leader(*state) : run_root(*state); }};
  };
  explore("5_messages_and_a_transfer", make, 2);
}

}  // namespace
