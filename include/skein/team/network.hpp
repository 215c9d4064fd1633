// SPDX-License-Identifier: Apache-2.0
//
// What the team layer needs to speak to other hosts: bytes to and from the leader of another host. Nothing here blocks; a
// network and its links are called by the main lane of the host's first process only, so any thread level of MPI but SINGLE
// will do. The roots of teams that are on other lanes have a link that hands all over to that one (relay.hpp).
// The order in which contributions are combined is not the network's business.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "skein/team/line.hpp"

namespace skein {

/// News of a failure, as it travels between hosts.
struct FailureNews {
  static constexpr std::size_t kMessageBytes = 2048;
  static constexpr std::size_t kCallsBytes = 1776;  // so that all of it is a short message to most networks: 4096 bytes

  std::int32_t sender = 0;
  std::int32_t origin = 0;  ///< host on which it happened
  std::int32_t rank = 0;
  std::int32_t exit_code = 0;
  std::int32_t has_open_transfers = 0;  ///< the sender could not end MPI in good order
  std::int32_t is_reported = 0;         ///< second news of the origin: its report is out
  std::int32_t lists_calls = 0;         ///< as in Failure
  std::uint64_t team = 0;               ///< of Failure::call
  std::uint64_t episode = 0;
  std::array<char, kMessageBytes> message{};
  std::array<char, kCallsBytes> calls{};  ///< of the sender's ranks, if lists_calls; else it need not be sent

  std::size_t bytes() const { return lists_calls != 0 ? sizeof(*this) : offsetof(FailureNews, calls); }
};

/// A small message: a label and some bytes. One without bytes costs a network least.
struct Message {
  std::uint32_t label = 0;
  const std::byte* bytes = nullptr;  ///< null when there is no message
};

/// How the leaders of a team's hosts speak to each other. Hosts are called what they are in the run. Messages and transfers of
/// different links do not meet.
class Link {
 public:
  /// Most bytes of one small message.
  static constexpr std::size_t kSmallBytes = 1024;

  virtual ~Link() = default;

  /// Where to write the next small message to a host, kSmallBytes long; null when too many are under way: try again.
  virtual std::byte* outgoing(int host) = 0;

  /// Sends the first bytes of what was written there, which may be none.
  virtual void send(int host, std::uint32_t label, std::size_t bytes) = 0;

  /// Bits of a label that arrive: the low ones, 15 at least.
  virtual std::uint32_t label_mask() const = 0;

  /// The next small message of a host, in the order it sent them; valid until the next call for that host.
  virtual Message try_receive(int host) = 0;

  /// Starts to move bytes that stay where they are until transfers_done(). Between two hosts, transfers match in the order
  /// in which they are started, and have the same size on both sides.
  virtual void start_sending(int host, std::span<const std::byte> bytes) = 0;
  virtual void start_receiving(int host, std::span<std::byte> bytes) = 0;

  /// Goes on with the transfers that were started; true when all are done but the newest `left`.
  virtual bool transfers_done(std::size_t left = 0) = 0;
};

class Network {
 public:
  virtual ~Network() = default;

  /// Of the run's first team; lives as long as the network.
  virtual Link& first_link() = 0;

  /// Of another team, or of operations; the channel is the same on all its hosts and nobody else's. The link may be destroyed
  /// after the network, but not used then.
  virtual std::unique_ptr<Link> open(std::uint32_t channel) = 0;

  /// Whether nothing is being moved, on any link.
  virtual bool is_at_rest() = 0;

  /// Tells all other hosts; at most twice.
  virtual void tell_failure(const FailureNews& news) = 0;

  /// The next news of any host.
  virtual std::optional<FailureNews> hear_failure() = 0;

  /// Tells host 0 that all ranks here have waited for long. A message that is still under way is not sent again.
  virtual void tell_waiting() = 0;

  /// On host 0: the next host that has told so.
  virtual std::optional<int> hear_waiting() = 0;

  /// After a run that ended well, by all leaders: nothing is under way any more, and nothing may be sent behind it, on any link.
  virtual void close() = 0;
};

/// Each team has a number for its two channels.
constexpr std::uint32_t channel_of(std::uint32_t team, Strand strand) {
  return team + static_cast<std::uint32_t>(strand);
}

/// A bulk movement between hosts that belongs to an exchange.
class Transfer {
 public:
  /// Starts all sends and receives of this host; how many of the newest may still be under way when the exchange is over.
  virtual std::size_t start(Link& link) = 0;

 protected:
  ~Transfer() = default;
};

}  // namespace skein
