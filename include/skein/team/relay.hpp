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
//   [ask]      release store of `asked`: publishes a request, and the message in its buffer
//   [asked]    acquire load by the leader
//   [take]     release store of `taken`: the request's buffer may be written again
//   [answer]   release store of `answered`: a message has come, and lies in `in`
//   [moved]    release store of `moved`: so many of the oldest transfers are done; their bytes may be used
#pragma once

#include <cstdint>
#include <memory>

#include "skein/sync/waiter.hpp"
#include "skein/team/network.hpp"

namespace skein {

/// The only lane of a host that speaks to others, in its first process.
inline constexpr int kLeaderLane = 0;

/// Lies in the segment, on the board of its team.
struct RelayBox {
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

  alignas(kStride) std::atomic<std::uint64_t> asked{0};
  Request requests[kRequests];
  std::byte out[kBuffers][Link::kSmallBytes];

  alignas(kStride) std::atomic<std::uint64_t> taken{0};
  std::atomic<std::uint64_t> answered{0};
  std::atomic<std::uint64_t> moved{0};
  std::uint32_t label = 0;  ///< of the message in `in`
  std::byte in[Link::kSmallBytes];
};

/// The root's side.
class RelayLink final : public Link {
 public:
  /// Both outlive it. `abort` ends a wait for room, which is the leader's to make.
  RelayLink(RelayBox& box, Bells<StdAtomics>& bells, const AbortWord<StdAtomics>& abort)
      : box_(&box), bells_(&bells), abort_(&abort) {}

  std::byte* outgoing(int host) override;
  void send(int host, std::uint32_t label, std::size_t bytes) override;
  std::uint32_t label_mask() const override { return ~std::uint32_t{0}; }
  Message try_receive(int host) override;
  void start_sending(int host, std::span<const std::byte> bytes) override;
  void start_receiving(int host, std::span<std::byte> bytes) override;
  bool transfers_done(std::size_t left) override;

 private:
  void ask(const RelayBox::Request& request);
  std::int64_t distance(const std::byte* at) const { return at - reinterpret_cast<const std::byte*>(box_); }

  RelayBox* box_;
  Bells<StdAtomics>* bells_;
  const AbortWord<StdAtomics>* abort_;
  std::uint64_t asked_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t used_by_[RelayBox::kBuffers]{};  ///< the request, counted from 1, that used a buffer last
  std::uint64_t expected_ = 0;                   ///< messages that were asked for
  bool is_expecting_ = false;
  std::uint64_t started_ = 0;  ///< transfers
};

/// The leader's side.
class RelayServer {
 public:
  RelayServer(RelayBox& box, std::unique_ptr<Link> link) : box_(&box), link_(std::move(link)) {}

  /// Does what can be done without waiting; whether something is left to do.
  bool serve();

 private:
  bool take(const RelayBox::Request& request);

  RelayBox* box_;
  std::unique_ptr<Link> link_;
  std::uint64_t taken_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t moving_ = 0;  ///< transfers that are under way
  std::uint64_t moved_ = 0;
  int expects_ = -1;  ///< the host of which a message was asked for
};

}  // namespace skein
