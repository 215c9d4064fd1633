// SPDX-License-Identifier: Apache-2.0
//
// The network over MPI: nonblocking point-to-point messages between the leaders of the hosts, polled with MPI_Test.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "skein/team/network.hpp"

namespace skein {

class MpiNetwork final : public Network {
 public:
  /// Takes over a communicator of all leaders, whose ranks are the numbers of the hosts.
  explicit MpiNetwork(MPI_Comm leaders);

  /// Takes back what it expected to receive. Does not communicate.
  ~MpiNetwork() override;
  MpiNetwork(const MpiNetwork&) = delete;
  MpiNetwork& operator=(const MpiNetwork&) = delete;

  int host() const override { return host_; }
  int hosts() const override { return hosts_; }
  std::byte* outgoing(int host) override;
  void send(int host, std::uint32_t label, std::size_t bytes) override;
  std::uint32_t label_mask() const override { return label_mask_; }
  Message try_receive(int host) override;
  void start_sending(int host, std::span<const std::byte> bytes) override;
  void start_receiving(int host, std::span<std::byte> bytes) override;
  bool transfers_done(std::size_t left) override;
  void tell_failure(const FailureNews& news) override;
  std::optional<FailureNews> hear_failure() override;
  void close() override;

 private:
  enum SideTag { transfer_tag, failure_tag };

  /// Small messages to and from one host.
  struct Peer {
    // A protocol that answers before it sends again has two under way at most (HostExchange).
    static constexpr int kSlots = 4;

    std::byte out[kSlots][kSmallBytes];
    MPI_Request sending[kSlots] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL, MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    int next_slot = 0;
    std::byte in[kSmallBytes];
    MPI_Request receiving = MPI_REQUEST_NULL;  // persistent: MPI need not set it up anew for each message
    bool is_expecting = false;
  };

  Peer& peer(int host);
  static void expect(Peer& peer);
  static void release(Peer& peer);

  MPI_Comm comm_;                       // small messages: the tag is the label, and any is received
  MPI_Comm side_comm_ = MPI_COMM_NULL;  // all else: a receive from anybody slows the matching in its communicator
  std::uint32_t label_mask_ = 0;
  int host_ = 0;
  int hosts_ = 1;
  std::vector<std::unique_ptr<Peer>> peers_;  // made at their first message
  std::vector<MPI_Request> transfers_;        // oldest first
  std::deque<FailureNews> told_;              // stay where they are while MPI sends them
  std::vector<MPI_Request> telling_;
  FailureNews heard_;
  MPI_Request hearing_ = MPI_REQUEST_NULL;
};

}  // namespace skein
