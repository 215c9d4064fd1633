// SPDX-License-Identifier: Apache-2.0
//
// What the ranks of one host share, and where it lies in their segment. The layout follows from the ranks, processes and
// hosts of the team and from the formation alone, so every process computes the same.
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
#include "skein/team/network.hpp"
#include "skein/team/rank_map.hpp"
#include "skein/team/readers.hpp"
#include "skein/team/rendezvous.hpp"
#include "skein/team/roll_call.hpp"
#include "skein/team/segment.hpp"

namespace skein {

/// What a rank leaves behind for the report at the end. Written by its rank when it leaves the run.
struct alignas(kStride) RankAccount {
  std::int64_t waited_ns = 0;
  std::int64_t run_ns = 0;
  std::int32_t cpu = -1;
};

/// Bytes of one piece of a large payload that passes between processes: three of them, which is what a rank works on, fit
/// the L2 cache of any server core of the last ten years, and at memory speed one takes a hundred times longer than the
/// round that announces it.
inline constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;

/// Through which large payloads pass to other processes: areas of one piece for every rank of the team. Those of ranks on
/// other hosts are filled by the leader with what their own host sent.
class Staging {
 public:
  static constexpr int kAreas = 8;  ///< LargeReduce uses that many

  Staging() = default;
  Staging(std::byte* base, std::size_t piece_bytes, int ranks)
      : base_(base), piece_bytes_(piece_bytes), ranks_(static_cast<std::size_t>(ranks)) {}

  /// Bytes of one piece in a team of that many ranks: less than kPieceBytes in large teams, so that the areas of all ranks
  /// together stay a small part of a host's memory.
  static std::size_t piece_bytes(int ranks);
  static std::size_t bytes(int ranks) { return kAreas * static_cast<std::size_t>(ranks) * piece_bytes(ranks); }

  std::size_t piece_bytes() const { return piece_bytes_; }
  std::byte* area(int rank, int number) const {
    return base_ + (static_cast<std::size_t>(number) * ranks_ + static_cast<std::size_t>(rank)) * piece_bytes_;
  }

 private:
  std::byte* base_ = nullptr;
  std::size_t piece_bytes_ = 0;
  std::size_t ranks_ = 0;
};

class Host {
 public:
  /// What decides the layout.
  struct Shape {
    RankMap map;
    Formation formation;
  };

  /// Bytes that the segment needs besides those for shared arrays.
  static std::size_t fixed_bytes(const Shape& shape);

  /// Takes over a zero-filled segment and builds the shared objects in it.
  static std::unique_ptr<Host> create(Segment segment, Shape shape, int process, std::uint64_t nonce);

  /// Uses what another process has built. Throws Error(environment) when it is not the segment with this nonce.
  static std::unique_ptr<Host> attach(Segment segment, Shape shape, int process, std::uint64_t nonce);

  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  const RankMap& map() const { return shape_.map; }
  const Formation& formation() const { return shape_.formation; }
  const Stations& stations() const { return stations_; }
  int process() const { return process_; }
  Bells<StdAtomics>& bells() { return bells_; }
  AbortWord<StdAtomics>& abort();
  FailurePath<StdAtomics>& failure() { return failure_; }
  Channels<StdAtomics> channels() const { return channels_; }

  /// Where each lane says that the ranks which it carries have arrived.
  std::vector<const Channel<StdAtomics>*> arrivals_of_lanes() const;
  std::span<ReaderFlag<StdAtomics>> own_flags() const;
  std::span<RankAccount> accounts() const { return accounts_; }

  /// One line for each rank of the host, by seat.
  std::span<RollCallLine<StdAtomics>> roll_call() const { return roll_call_; }

  /// What the ranks of this host called, when the call that began with that episode could not be completed.
  std::string describe_calls(Episode failed) const;

  /// The same of the hosts that have told of a failure that lists calls; for the leader, after meet_hosts.
  std::string calls_of_other_hosts() const;
  const Staging& staging() const { return staging_; }
  Heap heap() const;

  /// Whether a rank of the host has lost its CPU; disturb() is true for the first to say so.
  bool is_disturbed() const;
  bool disturb();

  /// What to do when a rank cannot leave a failed run, because another does not stop to read its memory. `action` does not
  /// return.
  void when_stuck(std::function<void()> action) { when_stuck_ = std::move(action); }
  void give_up() const {
    if (when_stuck_) when_stuck_();
  }

  /// The way to other hosts, for the leader of a host that has some; null elsewhere. Outlives the host.
  void connect(Network* network) { network_ = network; }
  Network* network() const { return network_; }

  /// Leader: takes over a failure that another host told of, if one did. Does not block.
  void hear_failure();

  /// Leader, after a failure here: tells the other hosts, once. Does not block.
  void tell_failure();

  /// Leader, after a failure: waits until every other host has told of one, for a bounded time; true when all have. From
  /// then on first_failure() is the same on all hosts.
  bool meet_hosts();

  /// Leader of the host where the failure happened: its report is out. Leaders of other hosts: waits for that, for a bounded
  /// time, because an exit may end the host that is about to report.
  void tell_reported();
  void wait_for_report();

  /// The same for threads that may not call MPI, and so hear nothing: as long as wait_for_report() at most.
  void leave_time_for_report() const;

  /// The failure that the run ended with: once the hosts have met, that of the lowest host that had one of its own.
  Failure first_failure() const;

  /// Waits until all processes of the host have called it, for a bounded time; true, in all of them, when they have. The
  /// leader says whether it has met the other hosts.
  enum class OtherHosts { none, met, missed };
  bool meet(OtherHosts others);

  /// Another process of the host has ended in the middle of a run: that is a failure, and it will not come to a meeting.
  void declare_ended(int process, const std::string& message);

  /// True for one process of the host when several are asked for the roll-call at once.
  bool claim_roll_call(std::int64_t now_ns);

  /// Declares the meeting missed, because this process is about to exit in disorder, and waits as long as meet() for the
  /// others to come, whose report may be on its way.
  void miss_meeting();

 private:
  std::string describe_calls(Episode failed, std::size_t longest) const;
  struct Header;
  struct Layout;

  Host(Segment segment, Shape shape, int process, const Layout& layout);
  Header& header() const;

  Segment segment_;
  Shape shape_;
  Stations stations_;
  int process_;
  Bells<StdAtomics> bells_;
  FailurePath<StdAtomics> failure_;
  Channels<StdAtomics> channels_;
  std::span<ReaderFlag<StdAtomics>> flags_;
  std::span<RankAccount> accounts_;
  std::span<RollCallLine<StdAtomics>> roll_call_;
  Staging staging_;
  Network* network_ = nullptr;
  bool has_told_ = false;
  std::vector<FailureNews> heard_;
  std::vector<int> reported_;  ///< hosts whose report is out
  std::function<void()> when_stuck_;
};

}  // namespace skein
