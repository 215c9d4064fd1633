// SPDX-License-Identifier: Apache-2.0
//
// How the segment's descriptor reaches the other processes of the host: by SCM_RIGHTS over an abstract Unix socket with a
// random name, both ends checking that the other is the same user; where that is forbidden, through /proc/PID/fd.
// Nothing is left in any file system.
//
// Order    so that no connection comes too early, and those who get none keep nobody waiting:
//   [listen]  the first process of each host listens
//   [offer]   the name of its socket travels to all
//   [count]   who can connects, and all learn how many did
//   [serve]   the first answers that many
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

#include "skein/mpi/world.hpp"

namespace skein {
namespace {

constexpr std::chrono::milliseconds kPatience{10'000};

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_;
};

/// What the first process of a host tells the others: where to find the descriptor.
struct Offer {
  std::array<char, 32> name{};  ///< of the abstract socket
  pid_t pid = 0;
  int descriptor = -1;
};

sockaddr_un address_of(const Offer& offer) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, offer.name.data(), offer.name.size());  // a leading zero: abstract
  return address;
}
constexpr socklen_t kAddressBytes = offsetof(sockaddr_un, sun_path) + 1 + sizeof(Offer::name);

Offer make_offer(int descriptor) {
  std::array<unsigned char, 12> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    throw Error(ExitCode::environment, "getrandom does not deliver: cannot name the start-up socket");
  }
  Offer offer;
  fmt::format_to_n(offer.name.data(), offer.name.size(), "skein-{:02x}", fmt::join(random, ""));
  offer.pid = getpid();
  offer.descriptor = descriptor;
  return offer;
}

Descriptor listen_at(const Offer& offer) {
  Descriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = address_of(offer);
  if (!listener || bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), kAddressBytes) != 0 ||
      listen(listener.get(), SOMAXCONN) != 0) {
    return Descriptor();
  }
  return listener;
}

bool is_same_user(int connection) {
  ucred peer{};
  socklen_t length = sizeof(peer);
  return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == geteuid();
}

/// A one-byte message that carries a descriptor.
struct DescriptorMessage {
  DescriptorMessage() {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }

  char byte = 'f';
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
};

void send_descriptor(int connection, int descriptor) {
  DescriptorMessage message;
  cmsghdr* control = CMSG_FIRSTHDR(&message.header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(control), &descriptor, sizeof(int));
  sendmsg(connection, &message.header, MSG_NOSIGNAL);  // a peer that got nothing says so in the agreement that follows
}

Descriptor receive_descriptor(int connection) {
  DescriptorMessage message;
  if (recvmsg(connection, &message.header, MSG_CMSG_CLOEXEC) != 1) return Descriptor();
  const cmsghdr* control = CMSG_FIRSTHDR(&message.header);
  if (control == nullptr || control->cmsg_type != SCM_RIGHTS) return Descriptor();
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(control), sizeof(int));
  return Descriptor(descriptor);
}

void set_patience(int connection) {
  const timeval patience{kPatience.count() / 1000, 0};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

/// A connection to the first process of the host; nothing where the socket cannot be used.
Descriptor connect_to(const Offer& offer) {
  Descriptor connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(offer);
  if (!connection || connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), kAddressBytes) != 0 ||
      !is_same_user(connection.get())) {
    return Descriptor();
  }
  set_patience(connection.get());
  return connection;
}

/// The segment's descriptor, over the connection if there is one, else through /proc.
Descriptor fetch(const Offer& offer, const Descriptor& connection) {
  if (connection) {
    if (Descriptor received = receive_descriptor(connection.get())) return received;
  }
  return Descriptor(open(fmt::format("/proc/{}/fd/{}", offer.pid, offer.descriptor).c_str(), O_RDWR | O_CLOEXEC));
}

/// Answers `peers` connections, which have all been made; patience is for peers that die meanwhile.
void serve(const Descriptor& listener, int descriptor, int peers) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + kPatience;
  while (listener && peers > 0) {
    const auto left_ms = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left_ms <= 0) return;
    pollfd waiting{listener.get(), POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(left_ms)) <= 0) continue;
    const Descriptor connection(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection || !is_same_user(connection.get())) continue;
    send_descriptor(connection.get(), descriptor);
    --peers;
  }
}

template <class T>
std::span<const std::byte> object_bytes(const T& object) {
  return std::as_bytes(std::span(&object, 1));
}

}  // namespace

Segment World::share_segment(std::size_t bytes, const std::vector<int>& host_of_process) {
  const int host = host_of_process[static_cast<std::size_t>(process())];
  const auto first = std::find(host_of_process.begin(), host_of_process.end(), host) - host_of_process.begin();
  const bool is_first = process() == first;
  const bool is_alone = std::count(host_of_process.begin(), host_of_process.end(), host) == 1;
  Segment segment;
  Offer offer;
  Descriptor listener;
  const Verdict made = agree([&] {
    if (!is_first) return;
    segment = is_alone ? Segment::create_private(bytes) : Segment::create_shared(bytes);
    if (is_alone) return;
    offer = make_offer(segment.descriptor());
    listener = listen_at(offer);  // [listen]
  });
  if (!made.is_ok()) throw Error(made.code, made.message);
  if (processes() == 1) return segment;
  std::memcpy(&offer, allgather(object_bytes(offer))[static_cast<std::size_t>(first)].data(),
              sizeof(offer));  // [offer]
  const Descriptor connection = is_first ? Descriptor() : connect_to(offer);
  const std::vector<int> connected = allgather(connection ? 1 : 0);  // [count]
  if (is_first) {
    int peers = 0;
    for (std::size_t i = 0; i < connected.size(); ++i) {
      if (host_of_process[i] == host) peers += connected[i];
    }
    serve(listener, segment.descriptor(), peers);  // [serve]
    return segment;
  }
  Descriptor received = fetch(offer, connection);
  if (!received) {
    throw Error(
        ExitCode::environment,
        fmt::format(
            "process {} cannot attach the segment of process {} (pid {}): neither over a Unix socket nor through "
            "/proc/{}/fd/{}: {}; do the processes run in one container, as one user?",
            process(), first, offer.pid, offer.pid, offer.descriptor, std::generic_category().message(errno)));
  }
  return Segment::attach(received.release());
}

}  // namespace skein
