// SPDX-License-Identifier: Apache-2.0
// What the coordinator and a contender say to each other, over one local sequenced-packet socket per process.
//
// Who      The coordinator listens on an abstract address; every process of a contender connects and sends one
//          Hello. Afterwards only rank 0 talks: it receives a Command, all ranks run it, it sends one Reply.
// Life     A closed socket is a `quit`: a contender whose coordinator has gone leaves. The process id of each
//          connection comes from the kernel (SO_PEERCRED), so nothing else needs to be told about processes.
// Builds   Plain structs of one machine. `kVersion` changes with any of them, so that another build of the
//          program, started with --contender, is refused instead of misread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bench {

inline constexpr std::uint32_t kVersion = 2;

// The most times one Reply may carry: 32 KiB, well below the default socket buffer.
inline constexpr std::size_t kMaxTimes = 4096;

enum class Kind : std::uint32_t {
  quit,
  barrier,
  allreduce,
  skew,
  bcast,
  reduce,
  scan,
  allgather,
  alltoall,
  reduce_scatter,
  iallreduce  // begun and waited for
};

// Measured for libraries that have them: Skein and MPI.
constexpr bool is_further_collective(Kind kind) { return kind >= Kind::bcast; }

// One block of work. Every rank receives the same one and does exactly these operations.
struct Command {
  std::uint32_t version = kVersion;
  Kind kind = Kind::quit;
  std::uint64_t warm_ops = 0;  // not timed, directly before the timed ones
  std::uint64_t batches = 1;   // the clock is read once after each
  std::uint64_t ops_per_batch = 1;
  std::uint64_t count = 1;    // doubles that a rank gives, gets, or both: where these differ, the most of them
  std::uint64_t skew_ns = 0;  // largest injected delay before an operation, skew only
  std::uint64_t seed = 0;     // of the injected delays
};

struct Hello {
  std::uint32_t version = kVersion;
  std::int32_t contender = 0;  // the number given with --id
  std::int32_t process = 0;
  std::int32_t processes = 1;
  std::int32_t ranks = 1;  // of the whole team
};

enum class Status : std::uint32_t { ok, wrong_result };

struct ReplyHeader {
  std::uint32_t version = kVersion;
  Status status = Status::ok;
  std::uint64_t times = 0;  // how many std::int64_t follow: ns of each batch, or of each operation (skew)
};

struct Reply {
  Status status = Status::ok;
  std::vector<std::int64_t> times_ns;
};

// A connected socket. Owns the descriptor. Errors are std::runtime_error with the system's reason.
class Channel {
 public:
  explicit Channel(int descriptor) : descriptor_(descriptor) {}
  Channel(Channel&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  Channel& operator=(Channel&& other) noexcept;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  // Connects a contender to the coordinator's abstract address `name` (without the leading zero byte).
  static Channel connect(const std::string& name);

  int descriptor() const { return descriptor_; }
  void send(const Hello& hello);
  void send(const Command& command);
  void send(const Reply& reply);
  // Waits for the next command; `quit` when the coordinator has gone.
  Command receive_command();

 private:
  void send_bytes(std::span<const std::byte> bytes);
  int descriptor_;
};

}  // namespace bench
