// SPDX-License-Identifier: Apache-2.0
//
// The way of a root to other hosts through the leader of its own, schedule by schedule.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "skein/team/relay.hpp"
#include "skein/team/relay_table.hpp"
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

/// Another host that sends back what it gets, with the next label, which is there at every second look; only the leader
/// touches it.
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
    is_late_ = !is_late_;
    if (is_late_) return {};
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
  bool is_late_ = false;
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
// that are used before they have come; a leader that sleeps while a message is expected.
TEST(ExploredRelay, PassesOnWhatItIsAskedFor) {
  const auto run_leader = [](State& state) {
    skein::RelayServer<ExplorerAtomics> server(state.segment.box, std::make_unique<Echo>(state));
    constexpr std::uint64_t kRequests = 2 * kMessages + 2;
    const auto& [asked, taken] = std::tie(state.segment.box.asked, state.segment.box.taken);
    while (true) {
      if (server.serve() && server.serve()) {  // what is left is up to the root
        ExplorerAtomics::yield();
        continue;
      }
      if (taken.load(std::memory_order_relaxed) == kRequests) return;
      while (asked.load(std::memory_order_acquire) == taken.load(std::memory_order_relaxed)) ExplorerAtomics::yield();
    }
  };
  const auto make = [&run_leader] {
    auto state = std::make_shared<State>();
    return Explorer::Trial{2, [state, &run_leader](int own) { own == 0 ? run_leader(*state) : run_root(*state); }};
  };
  explore("5_messages_and_a_transfer", make, 2);
}

// Defect: a relay that the leader never serves, or uses before it knows where it is; requests from just before it was closed
// that are not seen; a block that is not served when it is used again.
TEST(ExploredRelay, ServesAllThatWereOpened) {
  static constexpr int kBlocks = 2;
  struct Tables {
    skein::RelayTable<ExplorerAtomics, kBlocks> table;
    std::array<Explorer::Plain<std::uint32_t>, kBlocks> places;
    std::array<Explorer::Plain<std::uint32_t>, kBlocks> last_requests;
    ExplorerAtomics::Atomic<std::uint32_t> given_back{0};  // blocks, by way of the heap
  };
  const auto run_root = [](Tables& state, std::uint32_t block, std::uint32_t times) {
    for (std::uint32_t i = 1; i <= times; ++i) {
      state.places[block].write(i);
      state.table.open(static_cast<int>(block), {.channel = i});
      state.last_requests[block].write(i);
      state.table.close(static_cast<int>(block));
      if (i == times) return;
      while ((state.given_back.load(std::memory_order_acquire) >> (8 * block) & 0xffU) < i) ExplorerAtomics::yield();
    }
  };
  const auto run_leader = [](Tables& state, std::uint32_t most) {
    std::uint32_t ended = 0;
    std::array<std::uint32_t, kBlocks> times{};
    std::array<bool, kBlocks> is_served{};
    while (true) {
      state.table.look([&](int number, const auto& place) {
        const auto block = static_cast<std::size_t>(number);
        Explorer::require(!std::exchange(is_served[block], true), "a relay is served twice");
        Explorer::require(place.channel == ++times[block] && state.places[block].read() == place.channel,
                          "a wrong place");
      });
      for (std::size_t block = 0; block < kBlocks; ++block) {
        if (!is_served[block] || !state.table.is_closed(static_cast<int>(block))) continue;
        Explorer::require(state.last_requests[block].read() == times[block], "a request is not seen");
        is_served[block] = false;
        state.table.end(static_cast<int>(block));
        state.given_back.fetch_add(std::uint32_t{1} << (8 * block), std::memory_order_release);
        ++ended;
      }
      if (ended == most) return;
      ExplorerAtomics::yield();
    }
  };
  const auto make = [=] {
    auto state = std::make_shared<Tables>();
    return Explorer::Trial{3, [=](int own) {
                             if (own == 2) return run_leader(*state, 3);
                             run_root(*state, static_cast<std::uint32_t>(own), own == 0 ? 2 : 1);
                           }};
  };
  explore("3_relays_of_2_blocks", make, 2);
}

}  // namespace
