// SPDX-License-Identifier: Apache-2.0
#include "protocol.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace bench {

Channel& Channel::operator=(Channel&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Channel::~Channel() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Channel Channel::connect(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.empty() || name.size() + 1 > sizeof address.sun_path)
    throw std::runtime_error("--connect '" + name + "': wanted an abstract socket name of 1 to 107 bytes");
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  Channel channel(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (channel.descriptor_ < 0 ||
      ::connect(channel.descriptor_, reinterpret_cast<const sockaddr*>(&address), length) != 0)
    throw std::runtime_error("cannot reach the coordinator at '" + name +
                             "': " + std::system_category().message(errno));
  return channel;
}

void Channel::send(const Hello& hello) { send_bytes(std::as_bytes(std::span(&hello, 1))); }

void Channel::send(const Command& command) { send_bytes(std::as_bytes(std::span(&command, 1))); }

void Channel::send(const Reply& reply) {
  const ReplyHeader header{.status = reply.status, .times = reply.times_ns.size()};
  std::vector<std::byte> bytes(sizeof header + reply.times_ns.size() * sizeof(std::int64_t));
  std::memcpy(bytes.data(), &header, sizeof header);
  if (!reply.times_ns.empty())
    std::memcpy(bytes.data() + sizeof header, reply.times_ns.data(), bytes.size() - sizeof header);
  send_bytes(bytes);
}

Command Channel::receive_command() {
  Command command;
  ssize_t got = 0;
  do got = ::recv(descriptor_, &command, sizeof command, 0);
  while (got < 0 && errno == EINTR);
  if (got <= 0) return Command{};
  if (got != static_cast<ssize_t>(sizeof command) || command.version != kVersion)
    throw std::runtime_error("the coordinator speaks another version of the bench protocol");
  return command;
}

void Channel::send_bytes(std::span<const std::byte> bytes) {
  ssize_t sent = 0;
  do sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent != static_cast<ssize_t>(bytes.size()))
    throw std::runtime_error("cannot send to the other side of the bench protocol: " +
                             std::system_category().message(errno));
}

}  // namespace bench
