// SPDX-License-Identifier: Apache-2.0
#include "mpi_network.hpp"

#include <algorithm>
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

int length(std::size_t bytes) { return static_cast<int>(bytes); }

}  // namespace

MpiNetwork::MpiNetwork(MPI_Comm leaders) : comm_(leaders) {
  MPI_Comm_rank(comm_, &host_);
  MPI_Comm_size(comm_, &hosts_);
  peers_.resize(static_cast<std::size_t>(hosts_));
  MPI_Comm_dup(comm_, &news_comm_);
  MPI_Irecv(&heard_, sizeof(heard_), MPI_BYTE, MPI_ANY_SOURCE, failure_tag, news_comm_, &hearing_);
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
  MPI_Comm_free(&news_comm_);
  MPI_Comm_free(&comm_);
}

MpiNetwork::Peer& MpiNetwork::peer(int host) {
  std::unique_ptr<Peer>& peer = peers_[static_cast<std::size_t>(host)];
  if (!peer) {
    peer = std::make_unique<Peer>();
    MPI_Recv_init(peer->in, sizeof(peer->in), MPI_BYTE, host, small_tag, comm_, &peer->receiving);
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

// The receive of the answer comes first: a message that finds none is copied once more.
void MpiNetwork::send(int host, std::size_t bytes) {
  Peer& to = peer(host);
  expect(to);
  const int slot = to.next_slot;
  MPI_Isend(to.out[slot], length(bytes), MPI_BYTE, host, small_tag, comm_, &to.sending[slot]);
  to.next_slot = (slot + 1) % Peer::kSlots;
}

const std::byte* MpiNetwork::try_receive(int host) {
  Peer& from = peer(host);
  expect(from);
  if (!is_done(from.receiving)) {
    is_done(from.sending[from.next_slot]);  // here nobody waits for it
    return nullptr;
  }
  from.is_expecting = false;
  return from.in;
}

void MpiNetwork::start_sending(int host, std::span<const std::byte> bytes) {
  MPI_Isend(bytes.data(), length(bytes.size()), MPI_BYTE, host, transfer_tag, comm_,
            &transfers_.emplace_back(MPI_REQUEST_NULL));
}

void MpiNetwork::start_receiving(int host, std::span<std::byte> bytes) {
  MPI_Irecv(bytes.data(), length(bytes.size()), MPI_BYTE, host, transfer_tag, comm_,
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
    MPI_Isend(&told, sizeof(told), MPI_BYTE, host, failure_tag, news_comm_, &telling_.emplace_back(MPI_REQUEST_NULL));
  }
}

std::optional<FailureNews> MpiNetwork::hear_failure() {
  if (hearing_ == MPI_REQUEST_NULL || !is_done(hearing_)) return std::nullopt;
  const FailureNews news = heard_;
  MPI_Irecv(&heard_, sizeof(heard_), MPI_BYTE, MPI_ANY_SOURCE, failure_tag, news_comm_, &hearing_);
  return news;
}

}  // namespace skein
