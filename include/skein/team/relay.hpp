// SPDX-License-Identifier: Apache-2.0
//
// The way of a team's root to other hosts when it is on another lane than the one that speaks to them: a box in the segment.
// The root writes requests into it, and the leader of the host, which looks into the boxes between its own polls, passes them
// on to a link of its own.
//
// Who      the root of one team writes, the leader reads and answers.
// Cost     a few line transfers and a system call for each request, which wakes the leader if it sleeps.
// Memory   all that is moved lies in the segment; distances from the box say where, as processes map it elsewhere.
//
// Edges
//   [ask]      release store of `asked`: publishes a request, and the message in its buffer; [asked] acquire load
//   [take]     release store of `taken`: a request's place and its buffer may be written again; [taken] acquire load
//   [answer]   release store of `answered`: a message has come, and lies in `in`; [answered] acquire load
//   [move]     release store of `moved`: so many of the oldest transfers are done, and their bytes may be used; [moved] acquire
//              load
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "skein/sync/waiter.hpp"
#include "skein/team/network.hpp"

namespace skein {

/// The only lane of a host that speaks to others, in its first process.
inline constexpr int kLeaderLane = 0;

/// Lies in the segment, on the board of its team.
template <class Policy>
struct RelayBox {
  using Word = typename Policy::template Atomic<std::uint64_t>;

  enum class Kind : std::uint32_t { send, receive, move_out, move_in };

  struct Request {
    Kind kind = Kind::send;
    std::int32_t host = 0;
    std::uint32_t label = 0;
    std::int64_t at = 0;  ///< of a transfer: distance from the box
    std::uint64_t bytes = 0;
  };

  static constexpr std::uint64_t kRequests = 256;
  static constexpr std::uint64_t kBuffers = 4;  // as many as a link of the leader has

  alignas(kStride) Word asked{0};
  Request requests[kRequests];
  std::byte out[kBuffers][Link::kSmallBytes];

  alignas(kStride) Word taken{0};
  Word answered{0};
  Word moved{0};
  std::uint32_t label = 0;  ///< of the message in `in`
  std::byte in[Link::kSmallBytes];
};

/// The root's side.
template <class Policy>
class RelayLink final : public Link {
  using Box = RelayBox<Policy>;

 public:
  /// All outlive it. `abort` ends a wait for room, which is the leader's to make.
  RelayLink(Box& box, Bells<Policy>& bells, const AbortWord<Policy>& abort)
      : box_(&box), bells_(&bells), abort_(&abort) {}

  std::byte* outgoing(int) override {
    const std::uint64_t buffer = sent_ % Box::kBuffers;
    return box_->taken.load(std::memory_order_acquire) >= used_by_[buffer] ? box_->out[buffer] : nullptr;  // [taken]
  }

  void send(int host, std::uint32_t label, std::size_t bytes) override {
    const std::uint64_t buffer = sent_++ % Box::kBuffers;
    ask({.kind = Box::Kind::send, .host = host, .label = label, .bytes = bytes});
    used_by_[buffer] = asked_;
  }

  std::uint32_t label_mask() const override { return ~std::uint32_t{0}; }

  Message try_receive(int host) override {
    if (box_->answered.load(std::memory_order_acquire) != expected_) return {};  // [answered]
    if (std::exchange(is_expecting_, !is_expecting_)) return {box_->label, box_->in};
    ++expected_;
    ask({.kind = Box::Kind::receive, .host = host});
    return {};
  }

  void start_sending(int host, std::span<const std::byte> bytes) override {
    ++started_;
    ask({.kind = Box::Kind::move_out, .host = host, .at = distance(bytes.data()), .bytes = bytes.size()});
  }

  void start_receiving(int host, std::span<std::byte> bytes) override {
    ++started_;
    ask({.kind = Box::Kind::move_in, .host = host, .at = distance(bytes.data()), .bytes = bytes.size()});
  }

  bool transfers_done(std::size_t left) override {
    return box_->moved.load(std::memory_order_acquire) + left >= started_;  // [moved]
  }

 private:
  // The leader is another lane, and makes room whenever it comes by.
  void ask(const typename Box::Request& request) {
    while (asked_ - box_->taken.load(std::memory_order_acquire) == Box::kRequests) {  // [taken]
      if (abort_->is_set()) return;
      Policy::yield();
    }
    box_->requests[asked_ % Box::kRequests] = request;
    box_->asked.store(++asked_, std::memory_order_release);  // [ask]
    bells_->ring_lane(kLeaderLane);
  }

  std::int64_t distance(const std::byte* at) const { return at - reinterpret_cast<const std::byte*>(box_); }

  Box* box_;
  Bells<Policy>* bells_;
  const AbortWord<Policy>* abort_;
  std::uint64_t asked_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t used_by_[Box::kBuffers]{};  ///< the request, counted from 1, that used a buffer last
  std::uint64_t expected_ = 0;              ///< messages that were asked for
  bool is_expecting_ = false;
  std::uint64_t started_ = 0;  ///< transfers
};

/// The leader's side.
template <class Policy>
class RelayServer {
  using Box = RelayBox<Policy>;

 public:
  RelayServer(Box& box, std::unique_ptr<Link> link) : box_(&box), link_(std::move(link)) {}

  /// Does what can be done without waiting; whether something is left to do.
  bool serve() {
    const std::uint64_t asked = box_->asked.load(std::memory_order_acquire);  // [asked]
    while (taken_ < asked && take(box_->requests[taken_ % Box::kRequests])) {
      box_->taken.store(++taken_, std::memory_order_release);  // [take]
    }
    if (expects_ >= 0) {
      if (const Message message = link_->try_receive(expects_); message.bytes != nullptr) {
        expects_ = -1;
        box_->label = message.label;
        std::memcpy(box_->in, message.bytes, sizeof(box_->in));
        box_->answered.store(++answered_, std::memory_order_release);  // [answer]
      }
    }
    while (moving_ > 0 && link_->transfers_done(moving_ - 1)) {
      --moving_;
      box_->moved.store(++moved_, std::memory_order_release);  // [move]
    }
    return taken_ < asked || expects_ >= 0 || moving_ > 0;
  }

 private:
  /// False when it has to be tried again.
  bool take(const typename Box::Request& request) {
    std::byte* at = reinterpret_cast<std::byte*>(box_) + request.at;
    switch (request.kind) {
      case Box::Kind::send: {
        std::byte* message = link_->outgoing(request.host);
        if (message == nullptr) return false;
        std::memcpy(message, box_->out[sent_++ % Box::kBuffers], request.bytes);
        link_->send(request.host, request.label, request.bytes);
        return true;
      }
      case Box::Kind::receive:
        expects_ = request.host;  // the only one: the root asks again when it has the answer
        return true;
      case Box::Kind::move_out:
        link_->start_sending(request.host, {at, request.bytes});
        break;
      case Box::Kind::move_in:
        link_->start_receiving(request.host, {at, request.bytes});
        break;
    }
    ++moving_;
    return true;
  }

  Box* box_;
  std::unique_ptr<Link> link_;
  std::uint64_t taken_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t moving_ = 0;  ///< transfers that are under way
  std::uint64_t moved_ = 0;
  int expects_ = -1;  ///< the host of which a message was asked for
};

}  // namespace skein
