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

class OwnStackNetwork final : public Network {
  template <class Call>
  static auto there(const Call& call) {
    decltype(call()) result{};
    on_own_stack([&] { result = call(); });
    return result;
  }

 public:
  explicit OwnStackNetwork(std::unique_ptr<Network> network) : network_(std::move(network)) {}

  int host() const override { return network_->host(); }
  int hosts() const override { return network_->hosts(); }
  std::byte* outgoing(int host) override {
    return there([&] { return network_->outgoing(host); });
  }
  void send(int host, std::uint32_t label, std::size_t bytes) override {
    on_own_stack([&] { network_->send(host, label, bytes); });
  }
  std::uint32_t label_mask() const override { return network_->label_mask(); }
  Message try_receive(int host) override {
    return there([&] { return network_->try_receive(host); });
  }
  void start_sending(int host, std::span<const std::byte> bytes) override {
    on_own_stack([&] { network_->start_sending(host, bytes); });
  }
  void start_receiving(int host, std::span<std::byte> bytes) override {
    on_own_stack([&] { network_->start_receiving(host, bytes); });
  }
  bool transfers_done(std::size_t left) override {
    return there([&] { return network_->transfers_done(left); });
  }
  void tell_failure(const FailureNews& news) override {
    on_own_stack([&] { network_->tell_failure(news); });
  }
  std::optional<FailureNews> hear_failure() override {
    return there([&] { return network_->hear_failure(); });
  }
  void close() override { network_->close(); }

 private:
  std::unique_ptr<Network> network_;
};

}  // namespace skein
