// SPDX-License-Identifier: Apache-2.0
//
// Small messages and transfers between the leaders of the hosts, nonblocking, polled with MPI_Test. The links of a network
// share its communicators, and are kept apart by tags.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "skein/team/network.hpp"

namespace skein {

/// Small messages to and from one host.
class MpiPeer {
 public:
  static constexpr std::size_t kRoom = Link::kSmallBytes + 16;

  MpiPeer(MPI_Comm comm, int host, int tag);
  ~MpiPeer();
  MpiPeer(const MpiPeer&) = delete;
  MpiPeer& operator=(const MpiPeer&) = delete;

  /// Null while too many are under way.
  std::byte* outgoing();
  void send(std::size_t bytes, int tag);

  /// The tag of the next message, which then lies in incoming(); negative when there is none.
  int try_receive();
  const std::byte* incoming() const { return in_; }

  /// Expects nothing any more; what was sent goes on. True when that is done.
  bool is_over();

  /// The same for good; `waits` for what was sent.
  void end(bool waits);

 private:
  // A protocol that answers before it sends again has two under way at most (HostExchange).
  static constexpr int kSlots = 4;

  void expect();

  MPI_Comm comm_;
  int host_;
  alignas(16) std::byte out_[kSlots][kRoom];
  MPI_Request sending_[kSlots] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL, MPI_REQUEST_NULL, MPI_REQUEST_NULL};
  int next_slot_ = 0;
  alignas(16) std::byte in_[kRoom];
  MPI_Request receiving_ = MPI_REQUEST_NULL;  // persistent: MPI need not set it up anew for each message
  bool is_expecting_ = false;
};

class MpiLink;

/// The links of one network, and what those that have ended left behind.
struct MpiLinks {
  std::vector<MpiLink*> open;
  std::vector<std::unique_ptr<MpiPeer>> sending;  ///< what MPI has not sent yet
  bool has_torn = false;                          ///< one ended in the middle of a transfer
};

class MpiLink final : public Link {
 public:
  /// Small messages go through `comm`: with `tag`, or each with its label as tag if that is MPI_ANY_TAG. `links` outlive it.
  struct Tags {
    MPI_Comm comm;
    int tag;
    MPI_Comm transfer_comm;
    int transfer_tag;
  };
  MpiLink(const Tags& tags, std::uint32_t label_mask, int hosts, MpiLinks& links);
  ~MpiLink() override;
  MpiLink(const MpiLink&) = delete;
  MpiLink& operator=(const MpiLink&) = delete;

  std::byte* outgoing(int host) override;
  void send(int host, std::uint32_t label, std::size_t bytes) override;
  std::uint32_t label_mask() const override { return label_mask_; }
  Message try_receive(int host) override;
  void start_sending(int host, std::span<const std::byte> bytes) override;
  void start_receiving(int host, std::span<std::byte> bytes) override;
  bool transfers_done(std::size_t left) override;

  int tag() const { return tags_.tag; }

  /// Before the network and its communicators end; the destructor does nothing then. `waits` for what was sent.
  void end(bool waits);

 private:
  bool is_label_the_tag() const { return tags_.tag == MPI_ANY_TAG; }

  /// Where labels lie that are not the tag: before the message.
  static constexpr std::size_t kLabelBytes = 16;
  std::size_t label_bytes() const { return is_label_the_tag() ? 0 : kLabelBytes; }
  MpiPeer& peer(int host);

  Tags tags_;
  std::uint32_t label_mask_;
  MpiLinks* links_;                              // null when it has ended
  std::vector<std::unique_ptr<MpiPeer>> peers_;  // made at their first message
  std::vector<MPI_Request> transfers_;           // oldest first
};

}  // namespace skein
