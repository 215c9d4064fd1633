// SPDX-License-Identifier: Apache-2.0
//
// The network over MPI: links between the leaders of the hosts, and news of failures.
#pragma once

#include <mpi.h>

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "mpi_link.hpp"
#include "skein/team/network.hpp"

namespace skein {

class MpiNetwork final : public Network {
 public:
  /// Takes over a communicator of all leaders, whose ranks are the numbers of the hosts.
  explicit MpiNetwork(MPI_Comm leaders);

  /// Takes back what it and its links expected to receive. Does not communicate.
  ~MpiNetwork() override;
  MpiNetwork(const MpiNetwork&) = delete;
  MpiNetwork& operator=(const MpiNetwork&) = delete;

  Link& first_link() override { return *first_link_; }
  std::unique_ptr<Link> open(std::uint32_t channel) override;
  bool is_at_rest() override;
  void tell_failure(const FailureNews& news) override;
  std::optional<FailureNews> hear_failure() override;
  void tell_waiting() override;
  std::optional<int> hear_waiting() override;
  void close() override;

 private:
  void end_links(bool waits);

  enum SideTag : int { transfer_tag, failure_tag, waiting_tag, first_channel_tag };

  MPI_Comm comm_;                       // small messages of the first team: the tag is the label, and any is received
  MPI_Comm side_comm_ = MPI_COMM_NULL;  // all else: a receive from anybody slows the matching in its communicator
  std::uint32_t largest_tag_ = 0;
  int host_ = 0;
  int hosts_ = 1;
  MpiLinks links_;
  std::optional<MpiLink> first_link_;
  std::deque<FailureNews> told_;  // stay where they are while MPI sends them
  std::vector<MPI_Request> telling_;
  FailureNews heard_;
  MPI_Request hearing_ = MPI_REQUEST_NULL;
  MPI_Request telling_of_waiting_ = MPI_REQUEST_NULL;
  MPI_Request hearing_of_waiting_ = MPI_REQUEST_NULL;
};

}  // namespace skein
