// SPDX-License-Identifier: Apache-2.0
//
// What the ranks of one host share, and where it lies in their segment. The layout follows from the numbers of ranks and
// processes alone, so every process computes the same.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "skein/team/exchange.hpp"
#include "skein/team/failure.hpp"
#include "skein/team/heap.hpp"
#include "skein/team/readers.hpp"
#include "skein/team/segment.hpp"

namespace skein {

/// Which process each rank of a team lives in. Ranks are numbered process by process.
class RankMap {
 public:
  explicit RankMap(std::vector<int> ranks_per_process);

  int size() const { return static_cast<int>(process_of_.size()); }
  int processes() const { return static_cast<int>(first_of_.size()) - 1; }
  int process_of(int rank) const { return process_of_[static_cast<std::size_t>(rank)]; }
  int first_of(int process) const { return first_of_[static_cast<std::size_t>(process)]; }
  int ranks_of(int process) const { return first_of(process + 1) - first_of(process); }

 private:
  std::vector<int> process_of_;
  std::vector<int> first_of_;
};

/// What a rank leaves behind for the report at the end. Written by its rank when it leaves the run.
struct alignas(kStride) RankAccount {
  std::int64_t waited_ns = 0;
  std::int64_t run_ns = 0;
  std::int32_t cpu = -1;
};

/// Bytes of one piece of a large payload that passes between processes: two of them fit the L2 cache of any server core
/// of the last ten years, and at memory speed one takes a hundred times longer than the round that announces it.
inline constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;

/// Two areas per rank through which large payloads pass to other processes.
struct alignas(kStride) Staging {
  std::byte areas[2][kPieceBytes];
};

/// Meeting point of a host's processes, for the exit after a failure. Its outcome is one word, so all read the same.
struct alignas(kStride) Rendezvous {
  enum Outcome : std::uint32_t { open, met, missed };

  std::atomic<std::uint32_t> arrived{0};
  std::atomic<std::uint32_t> outcome{open};
};

class Host {
 public:
  /// Bytes that the segment needs besides `heap_bytes` for shared arrays.
  static std::size_t fixed_bytes(const RankMap& map);

  /// Takes over a zero-filled segment and builds the shared objects in it.
  static std::unique_ptr<Host> create(Segment segment, RankMap map, int process, std::uint64_t nonce);

  /// Uses what another process has built. Throws Error(environment) when it is not the segment with this nonce.
  static std::unique_ptr<Host> attach(Segment segment, RankMap map, int process, std::uint64_t nonce);

  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  const RankMap& map() const { return map_; }
  int process() const { return process_; }
  Bells<StdAtomics>& bells() { return bells_; }
  AbortWord<StdAtomics>& abort();
  FailurePath<StdAtomics>& failure() { return failure_; }
  Channels<StdAtomics> channels() const { return channels_; }
  std::span<ReaderFlag<StdAtomics>> own_flags() const;
  std::span<RankAccount> accounts() const { return accounts_; }
  std::byte* staging(int rank, int area) const { return staging_[static_cast<std::size_t>(rank)].areas[area]; }
  Heap heap() const;

  /// What to do when a rank cannot leave a failed run, because another does not stop to read its memory. `action` does not
  /// return.
  void when_stuck(std::function<void()> action) { when_stuck_ = std::move(action); }
  void give_up() const {
    if (when_stuck_) when_stuck_();
  }

  /// Waits until all processes of the host have called it, for a bounded time; true, in all of them, when they have.
  bool meet();

  /// Declares the meeting missed, because this process is about to exit in disorder, and waits as long as meet() for the
  /// others to come, whose report may be on its way.
  void miss_meeting();

 private:
  struct Header;
  struct Layout;

  Host(Segment segment, RankMap map, int process, const Layout& layout);
  Header& header() const;

  Segment segment_;
  RankMap map_;
  int process_;
  Bells<StdAtomics> bells_;
  FailurePath<StdAtomics> failure_;
  Channels<StdAtomics> channels_;
  std::span<ReaderFlag<StdAtomics>> flags_;
  std::span<RankAccount> accounts_;
  std::span<Staging> staging_;
  std::function<void()> when_stuck_;
};

}  // namespace skein
