// SPDX-License-Identifier: Apache-2.0
#include "mpi_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "skein/base/error.hpp"

namespace skein {
namespace {

/// Of all communicators. Only MPI_COMM_WORLD is sure to have the attribute; those made by a split do not with Open MPI.
std::uint32_t largest_tag() {
  void* value = nullptr;
  int found = 0;
  MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &value, &found);
  constexpr int kGuaranteed = 32767;  // MPI 3.1, section 8.1.2
  return static_cast<std::uint32_t>(found != 0 ? *static_cast<int*>(value) : kGuaranteed);
}

void take_back(MPI_Request& request) {
  if (request == MPI_REQUEST_NULL) return;
  MPI_Cancel(&request);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
}

}  // namespace

MpiNetwork::MpiNetwork(MPI_Comm leaders) : comm_(leaders), largest_tag_(largest_tag()) {
  MPI_Comm_rank(comm_, &host_);
  MPI_Comm_size(comm_, &hosts_);
  MPI_Comm_dup(comm_, &side_comm_);
  first_link_.emplace(MpiLink::Tags{comm_, MPI_ANY_TAG, side_comm_, transfer_tag},
                      std::bit_floor(largest_tag_ + 1U) - 1U, hosts_, links_);
  MPI_Irecv(&heard_, sizeof(heard_), MPI_BYTE, MPI_ANY_SOURCE, failure_tag, side_comm_, &hearing_);
}

MpiNetwork::~MpiNetwork() {
  take_back(hearing_);
  take_back(hearing_of_waiting_);
  end_links(false);
}

void MpiNetwork::end_links(bool waits) {
  while (!links_.open.empty()) links_.open.back()->end(waits);
}

// Channels beyond the last tag begin anew, where an old team may still have one.
std::unique_ptr<Link> MpiNetwork::open(std::uint32_t channel) {
  const std::uint32_t channels = (largest_tag_ - first_channel_tag) / 2;
  const auto tag = static_cast<int>(first_channel_tag + 2 * (channel % channels));
  if (std::ranges::any_of(links_.open, [tag](const MpiLink* link) { return link->tag() == tag; })) {
    throw Error(
        ExitCode::environment,
        fmt::format("a team between hosts: MPI has tags up to {} only, and the next one is still used by another "
                    "team; let teams go before so many have been made",
                    largest_tag_));
  }
  return std::make_unique<MpiLink>(MpiLink::Tags{side_comm_, tag, side_comm_, tag + 1}, ~std::uint32_t{0}, hosts_,
                                   links_);
}

bool MpiNetwork::is_at_rest() {
  return !links_.has_torn && std::ranges::all_of(links_.open, [](MpiLink* link) { return link->transfers_done(0); });
}

void MpiNetwork::close() {
  take_back(hearing_);
  take_back(hearing_of_waiting_);
  MPI_Wait(&telling_of_waiting_, MPI_STATUS_IGNORE);
  end_links(true);
  for (const auto& peer : links_.sending) peer->end(true);
  MPI_Waitall(static_cast<int>(telling_.size()), telling_.data(), MPI_STATUSES_IGNORE);
  MPI_Comm_free(&side_comm_);
  MPI_Comm_free(&comm_);
}

void MpiNetwork::tell_failure(const FailureNews& news) {
  const FailureNews& told = told_.emplace_back(news);
  for (int host = 0; host < hosts_; ++host) {
    if (host == host_) continue;
    MPI_Isend(&told, static_cast<int>(told.bytes()), MPI_BYTE, host, failure_tag, side_comm_,
              &telling_.emplace_back(MPI_REQUEST_NULL));
  }
}

std::optional<FailureNews> MpiNetwork::hear_failure() {
  if (hearing_ == MPI_REQUEST_NULL) return std::nullopt;
  int done = 0;
  MPI_Test(&hearing_, &done, MPI_STATUS_IGNORE);
  if (done == 0) return std::nullopt;
  const FailureNews news = heard_;
  MPI_Irecv(&heard_, sizeof(heard_), MPI_BYTE, MPI_ANY_SOURCE, failure_tag, side_comm_, &hearing_);
  return news;
}

void MpiNetwork::tell_waiting() {
  int is_sent = 1;
  MPI_Test(&telling_of_waiting_, &is_sent, MPI_STATUS_IGNORE);
  if (is_sent != 0) MPI_Isend(nullptr, 0, MPI_BYTE, 0, waiting_tag, side_comm_, &telling_of_waiting_);
}

std::optional<int> MpiNetwork::hear_waiting() {
  const auto expect = [this] {
    MPI_Irecv(nullptr, 0, MPI_BYTE, MPI_ANY_SOURCE, waiting_tag, side_comm_, &hearing_of_waiting_);
  };
  if (hearing_of_waiting_ == MPI_REQUEST_NULL) expect();
  int has_come = 0;
  MPI_Status status;
  MPI_Test(&hearing_of_waiting_, &has_come, &status);
  if (has_come == 0) return std::nullopt;
  expect();
  return status.MPI_SOURCE;
}

}  // namespace skein
