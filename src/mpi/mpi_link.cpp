// SPDX-License-Identifier: Apache-2.0
#include "mpi_link.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace skein {
namespace {

bool is_done(MPI_Request& request) {
  if (request == MPI_REQUEST_NULL) return true;
  int done = 0;
  MPI_Test(&request, &done, MPI_STATUS_IGNORE);
  return done != 0;
}

int length(std::size_t bytes) { return static_cast<int>(bytes); }

}  // namespace

MpiPeer::MpiPeer(MPI_Comm comm, int host, int tag) : comm_(comm), host_(host) {
  MPI_Recv_init(in_, sizeof(in_), MPI_BYTE, host, tag, comm, &receiving_);
}

// Sends that nobody will receive any more are left to MPI: they cannot be taken back.
MpiPeer::~MpiPeer() { end(false); }

std::byte* MpiPeer::outgoing() { return is_done(sending_[next_slot_]) ? out_[next_slot_] : nullptr; }

// The answer is expected while the message is on its way, and before anything calls for progress: a message that finds no
// receive is copied once more.
void MpiPeer::send(std::size_t bytes, int tag) {
  MPI_Isend(out_[next_slot_], length(bytes), MPI_BYTE, host_, tag, comm_, &sending_[next_slot_]);
  next_slot_ = (next_slot_ + 1) % kSlots;
  expect();
}

void MpiPeer::expect() {
  if (std::exchange(is_expecting_, true)) return;
  MPI_Start(&receiving_);
}

int MpiPeer::try_receive() {
  expect();
  int done = 0;
  MPI_Status status;
  MPI_Test(&receiving_, &done, &status);
  if (done == 0) {
    is_done(sending_[next_slot_]);  // here nobody waits for it
    return -1;
  }
  is_expecting_ = false;
  return status.MPI_TAG;
}

bool MpiPeer::is_over() { return std::all_of(std::begin(sending_), std::end(sending_), is_done); }

void MpiPeer::end(bool waits) {
  if (receiving_ != MPI_REQUEST_NULL) {
    if (std::exchange(is_expecting_, false)) {
      MPI_Cancel(&receiving_);
      MPI_Wait(&receiving_, MPI_STATUS_IGNORE);
    }
    MPI_Request_free(&receiving_);
  }
  if (waits) MPI_Waitall(kSlots, sending_, MPI_STATUSES_IGNORE);
}

MpiLink::MpiLink(const Tags& tags, std::uint32_t label_mask, int hosts, MpiLinks& links)
    : tags_(tags), label_mask_(label_mask), links_(&links), peers_(static_cast<std::size_t>(hosts)) {
  links.open.push_back(this);
}

MpiLink::~MpiLink() { end(false); }

void MpiLink::end(bool waits) {
  if (links_ == nullptr) return;
  std::erase(links_->open, this);
  std::erase_if(links_->sending, [](const auto& peer) { return peer->is_over(); });
  for (std::unique_ptr<MpiPeer>& peer : peers_) {
    if (!peer) continue;
    peer->end(waits);
    if (!peer->is_over()) links_->sending.push_back(std::move(peer));
  }
  peers_.clear();
  if (!transfers_done(0)) links_->has_torn = true;
  links_ = nullptr;
}

MpiPeer& MpiLink::peer(int host) {
  std::unique_ptr<MpiPeer>& peer = peers_[static_cast<std::size_t>(host)];
  if (!peer) peer = std::make_unique<MpiPeer>(tags_.comm, host, tags_.tag);
  return *peer;
}

std::byte* MpiLink::outgoing(int host) {
  std::byte* buffer = peer(host).outgoing();
  return buffer == nullptr ? nullptr : buffer + label_bytes();
}

void MpiLink::send(int host, std::uint32_t label, std::size_t bytes) {
  MpiPeer& to = peer(host);
  if (is_label_the_tag()) return to.send(bytes, static_cast<int>(label));
  std::memcpy(to.outgoing(), &label, sizeof(label));
  to.send(label_bytes() + bytes, tags_.tag);
}

Message MpiLink::try_receive(int host) {
  MpiPeer& from = peer(host);
  const int tag = from.try_receive();
  if (tag < 0) return {};
  auto label = static_cast<std::uint32_t>(tag);
  if (!is_label_the_tag()) std::memcpy(&label, from.incoming(), sizeof(label));
  return {label, from.incoming() + label_bytes()};
}

void MpiLink::start_sending(int host, std::span<const std::byte> bytes) {
  MPI_Isend(bytes.data(), length(bytes.size()), MPI_BYTE, host, tags_.transfer_tag, tags_.transfer_comm,
            &transfers_.emplace_back(MPI_REQUEST_NULL));
}

void MpiLink::start_receiving(int host, std::span<std::byte> bytes) {
  MPI_Irecv(bytes.data(), length(bytes.size()), MPI_BYTE, host, tags_.transfer_tag, tags_.transfer_comm,
            &transfers_.emplace_back(MPI_REQUEST_NULL));
}

bool MpiLink::transfers_done(std::size_t left) {
  transfers_.erase(transfers_.begin(), std::find_if_not(transfers_.begin(), transfers_.end(), is_done));
  return transfers_.size() <= left;
}

}  // namespace skein
