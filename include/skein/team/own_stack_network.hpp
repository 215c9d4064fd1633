// SPDX-License-Identifier: Apache-2.0
//
// A network whose calls are made on the lane's own stack, also by ranks that are carried by fibers: MPI sees the stack of its
// thread. Passes on everything.
#pragma once

#include <memory>
#include <utility>

#include "skein/lane/fibers.hpp"
#include "skein/team/network.hpp"

namespace skein {

template <class Call>
auto there(const Call& call) {
  decltype(call()) result{};
  on_own_stack([&] { result = call(); });
  return result;
}

class OwnStackLink final : public Link {
 public:
  explicit OwnStackLink(Link& link) : link_(&link) {}
  explicit OwnStackLink(std::unique_ptr<Link> link) : own_(std::move(link)), link_(own_.get()) {}
  ~OwnStackLink() override {
    if (own_) on_own_stack([&] { own_.reset(); });
  }
  OwnStackLink(const OwnStackLink&) = delete;
  OwnStackLink& operator=(const OwnStackLink&) = delete;

  std::byte* outgoing(int host) override {
    return there([&] { return link_->outgoing(host); });
  }
  void send(int host, std::uint32_t label, std::size_t bytes) override {
    on_own_stack([&] { link_->send(host, label, bytes); });
  }
  std::uint32_t label_mask() const override { return link_->label_mask(); }
  Message try_receive(int host) override {
    return there([&] { return link_->try_receive(host); });
  }
  void start_sending(int host, std::span<const std::byte> bytes) override {
    on_own_stack([&] { link_->start_sending(host, bytes); });
  }
  void start_receiving(int host, std::span<std::byte> bytes) override {
    on_own_stack([&] { link_->start_receiving(host, bytes); });
  }
  bool transfers_done(std::size_t left) override {
    return there([&] { return link_->transfers_done(left); });
  }

 private:
  std::unique_ptr<Link> own_;
  Link* link_;
};

class OwnStackNetwork final : public Network {
 public:
  explicit OwnStackNetwork(std::unique_ptr<Network> network)
      : network_(std::move(network)), first_link_(network_->first_link()) {}

  Link& first_link() override { return first_link_; }
  std::unique_ptr<Link> open(std::uint32_t channel) override {
    return std::make_unique<OwnStackLink>(there([&] { return network_->open(channel); }));
  }
  bool is_at_rest() override {
    return there([&] { return network_->is_at_rest(); });
  }
  void tell_failure(const FailureNews& news) override {
    on_own_stack([&] { network_->tell_failure(news); });
  }
  std::optional<FailureNews> hear_failure() override {
    return there([&] { return network_->hear_failure(); });
  }
  void tell_waiting() override {
    on_own_stack([&] { network_->tell_waiting(); });
  }
  std::optional<int> hear_waiting() override {
    return there([&] { return network_->hear_waiting(); });
  }
  void close() override { network_->close(); }

 private:
  std::unique_ptr<Network> network_;
  OwnStackLink first_link_;
};

}  // namespace skein
