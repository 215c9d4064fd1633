// SPDX-License-Identifier: Apache-2.0
#include "mpi_network.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace skein {
namespace {

bool is_done(MPI_Request& request) {
  if (request == MPI_REQUEST_NULL) return true;
  int done = 0;
  MPI_Test(&request, &done, MPI_STATUS_IGNORE);
  return done != 0;
}

void take_back(MPI_Request& request) {
  if (request == MPI_REQUEST_NULL) return;
  MPI_Cancel(&request);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
}

unsigned largest_tag(MPI_Comm comm) {
  void* value = nullptr;
  int found = 0;
  MPI_Comm_get_attr(comm, MPI_TAG_UB, &value, &found);
  constexpr int kGuaranteed = 32767;  // MPI 3.1, section 8.1.2
  return static_cast<unsigned>(found != 0 ? *static_cast<int*>(value) : kGuaranteed);
}

int length(std::size_t bytes) { return static_cast<int>(bytes); }

}  // namespace

MpiNetwork::MpiNetwork(MPI_Comm leaders) : comm_(leaders) {
  MPI_Comm_rank(comm_, &host_);
  MPI_Comm_size(comm_, &hosts_);
  label_mask_ = std::bit_floor(largest_tag(comm_) + 1U) - 1U;
  peers_.resize(static_cast<std::size_t>(hosts_));
  MPI_Comm_dup(comm_, &side_comm_);
  MPI_Irecv(&heard_, sizeof(heard_), MPI_BYTE, MPI_ANY_SOURCE, failure_tag, side_comm_, &hearing_);
}

// Sends that nobody will receive any more are left to MPI: they cannot be taken back.
MpiNetwork::~MpiNetwork() {
  take_back(hearing_);
  for (const std::unique_ptr<Peer>& peer : peers_) {
    if (peer) release(*peer);
  }
}

void MpiNetwork::close() {
  take_back(hearing_);
  for (const std::unique_ptr<Peer>& peer : peers_) {
    if (!peer) continue;
    release(*peer);
    MPI_Waitall(Peer::kSlots, peer->sending, MPI_STATUSES_IGNORE);
  }
  MPI_Waitall(static_cast<int>(telling_.size()), telling_.data(), MPI_STATUSES_IGNORE);
  MPI_Comm_free(&side_comm_);
  MPI_Comm_free(&comm_);
}

MpiNetwork::Peer& MpiNetwork::peer(int host) {
  std::unique_ptr<Peer>& peer = peers_[static_cast<std::size_t>(host)];
  if (!peer) {
    peer = std::make_unique<Peer>();
    MPI_Recv_init(peer->in, sizeof(peer->in), MPI_BYTE, host, MPI_ANY_TAG, comm_, &peer->receiving);
  }
  return *peer;
}

void MpiNetwork::expect(Peer& peer) {
  if (std::exchange(peer.is_expecting, true)) return;
  MPI_Start(&peer.receiving);
}

void MpiNetwork::release(Peer& peer) {
  if (peer.receiving == MPI_REQUEST_NULL) return;
  if (std::exchange(peer.is_expecting, false)) {
    MPI_Cancel(&peer.receiving);
    MPI_Wait(&peer.receiving, MPI_STATUS_IGNORE);
  }
  MPI_Request_free(&peer.receiving);
}

std::byte* MpiNetwork::outgoing(int host) {
  Peer& to = peer(host);
  return is_done(to.sending[to.next_slot]) ? to.out[to.next_slot] : nullptr;
}

// The answer is expected while the message is on its way, and before anything calls for progress: a message that finds no
// receive is copied once more.
void MpiNetwork::send(int host, std::uint32_t label, std::size_t bytes) {
  Peer& to = peer(host);
  const int slot = to.next_slot;
  MPI_Isend(to.out[slot], length(bytes), MPI_BYTE, host, static_cast<int>(label), comm_, &to.sending[slot]);
  to.next_slot = (slot + 1) % Peer::kSlots;
  expect(to);
}

Message MpiNetwork::try_receive(int host) {
  Peer& from = peer(host);
  expect(from);
  int done = 0;
  MPI_Status status;
  MPI_Test(&from.receiving, &done, &status);
  if (done == 0) {
    is_done(from.sending[from.next_slot]);  // here nobody waits for it
    return {};
  }
  from.is_expecting = false;
  return {static_cast<std::uint32_t>(status.MPI_TAG), from.in};
}

void MpiNetwork::start_sending(int host, std::span<const std::byte> bytes) {
  MPI_Isend(bytes.data(), length(bytes.size()), MPI_BYTE, host, transfer_tag, side_comm_,
            &transfers_.emplace_back(MPI_REQUEST_NULL));
}

void MpiNetwork::start_receiving(int host, std::span<std::byte> bytes) {
  MPI_Irecv(bytes.data(), length(bytes.size()), MPI_BYTE, host, transfer_tag, side_comm_,
            &transfers_.emplace_back(MPI_REQUEST_NULL));
}

bool MpiNetwork::transfers_done(std::size_t left) {
  transfers_.erase(transfers_.begin(), std::find_if_not(transfers_.begin(), transfers_.end(), is_done));
  return transfers_.size() <= left;
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
  if (hearing_ == MPI_REQUEST_NULL || !is_done(hearing_)) return std::nullopt;
  const FailureNews news = heard_;
  MPI_Irecv(&heard_, sizeof(heard_), MPI_BYTE, MPI_ANY_SOURCE, failure_tag, side_comm_, &hearing_);
  return news;
}

}  // namespace skein
