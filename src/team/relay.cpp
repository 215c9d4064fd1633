// SPDX-License-Identifier: Apache-2.0
#include "skein/team/relay.hpp"

#include <cstring>

namespace skein {

std::byte* RelayLink::outgoing(int) {
  const std::uint64_t buffer = sent_ % RelayBox::kBuffers;
  return box_->taken.load(std::memory_order_acquire) >= used_by_[buffer] ? box_->out[buffer] : nullptr;
}

void RelayLink::send(int host, std::uint32_t label, std::size_t bytes) {
  const std::uint64_t buffer = sent_++ % RelayBox::kBuffers;
  ask({.kind = RelayBox::Kind::send, .host = host, .label = label, .bytes = bytes});
  used_by_[buffer] = asked_;
}

Message RelayLink::try_receive(int host) {
  if (box_->answered.load(std::memory_order_acquire) == expected_) {
    if (is_expecting_) {
      is_expecting_ = false;
      return {box_->label, box_->in};
    }
    is_expecting_ = true;
    ++expected_;
    ask({.kind = RelayBox::Kind::receive, .host = host});
  }
  return {};
}

void RelayLink::start_sending(int host, std::span<const std::byte> bytes) {
  ++started_;
  ask({.kind = RelayBox::Kind::move_out, .host = host, .at = distance(bytes.data()), .bytes = bytes.size()});
}

void RelayLink::start_receiving(int host, std::span<std::byte> bytes) {
  ++started_;
  ask({.kind = RelayBox::Kind::move_in, .host = host, .at = distance(bytes.data()), .bytes = bytes.size()});
}

bool RelayLink::transfers_done(std::size_t left) {
  return box_->moved.load(std::memory_order_acquire) + left >= started_;
}

// The leader is another lane, and makes room whenever it comes by.
void RelayLink::ask(const RelayBox::Request& request) {
  while (asked_ - box_->taken.load(std::memory_order_acquire) == RelayBox::kRequests) {
    if (abort_->is_set()) return;
    StdAtomics::yield();
  }
  box_->requests[asked_ % RelayBox::kRequests] = request;
  box_->asked.store(++asked_, std::memory_order_release);  // [ask]
  bells_->ring_lane(kLeaderLane);
}

bool RelayServer::serve() {
  const std::uint64_t asked = box_->asked.load(std::memory_order_acquire);  // [asked]
  while (taken_ < asked && take(box_->requests[taken_ % RelayBox::kRequests])) {
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
    box_->moved.store(++moved_, std::memory_order_release);  // [moved]
  }
  return taken_ < asked || expects_ >= 0 || moving_ > 0;
}

/// False when it has to be tried again.
bool RelayServer::take(const RelayBox::Request& request) {
  std::byte* at = reinterpret_cast<std::byte*>(box_) + request.at;
  switch (request.kind) {
    case RelayBox::Kind::send: {
      std::byte* message = link_->outgoing(request.host);
      if (message == nullptr) return false;
      std::memcpy(message, box_->out[sent_++ % RelayBox::kBuffers], request.bytes);
      link_->send(request.host, request.label, request.bytes);
      return true;
    }
    case RelayBox::Kind::receive:
      if (expects_ >= 0) return false;
      expects_ = request.host;
      return true;
    case RelayBox::Kind::move_out:
      link_->start_sending(request.host, {at, request.bytes});
      break;
    case RelayBox::Kind::move_in:
      link_->start_receiving(request.host, {at, request.bytes});
      break;
  }
  ++moving_;
  return true;
}

}  // namespace skein
