// SPDX-License-Identifier: Apache-2.0
//
// What the ranks of one host share in a run, whatever their teams, and where it lies in their segment: bells, the failure
// path, the roll-call, memory, and the board of the first team. The layout follows from the ranks, processes and hosts of the
// run and from the places of its lanes alone, so every process computes the same.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "skein/team/board.hpp"
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

class Host {
 public:
  /// What decides the layout, and what the ranks of every team have in common.
  struct Shape {
    RankMap map;
    BoardSettings boards;
  };

  /// Bytes that the segment needs besides those for shared arrays.
  static std::size_t fixed_bytes(const Shape& shape);

  /// Takes over a zero-filled segment and builds the shared objects in it.
  static std::unique_ptr<Host> create(Segment segment, Shape shape, int process, std::uint64_t nonce);

  /// Uses what another process has built. Throws Error(environment) when it is not the segment with this nonce.
  static std::unique_ptr<Host> attach(Segment segment, Shape shape, int process, std::uint64_t nonce);

  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// Of the whole run.
  const RankMap& map() const { return board_.map(); }
  const Board& board() const { return board_; }
  const BoardSettings& boards() const { return boards_; }
  int process() const { return process_; }
  Bells<StdAtomics>& bells() { return bells_; }
  AbortWord<StdAtomics>& abort();
  FailurePath<StdAtomics>& failure() { return failure_; }
  std::span<ReaderFlag<StdAtomics>> own_flags() const;
  std::span<RankAccount> accounts() const { return accounts_; }

  /// One line for each rank of the host, by seat.
  std::span<RollCallLine<StdAtomics>> roll_call() const { return roll_call_; }

  /// What the ranks of this host called, when that call could not be completed.
  std::string describe_calls(const CallId& failed) const;

  /// Whether a rank, by seat, or all of the host, last made that call or a later one of its team.
  bool has_come_to(int seat, const CallId& call) const;
  bool have_all_come_to(const CallId& call) const;

  /// The same of the hosts that have told of a failure that lists calls; for the leader, after meet_hosts.
  std::string calls_of_other_hosts() const;
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

  /// The way to other hosts, for the leader of a host that has some; null elsewhere. Lives until disconnect().
  void connect(Network* network) { network_ = network; }
  Network* network() const { return network_; }

  /// Before the network ends.
  void disconnect();

  /// A number for the channels of a team that spans hosts and whose rank 0 is here; no living team of the run has it.
  std::uint32_t next_channel();

  /// For the root of a team whose board is that block: from now on, until it closes it, the leader serves the relays there.
  void open_relay(int block, const Board& board, std::uint32_t channel);
  void close_relay(int block);

  /// Leader, whenever it waits: takes over a failure that another host told of, if one did, and serves the relays. How long
  /// it may sleep until the next call. Does not block.
  std::chrono::nanoseconds listen();
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

  /// The watchdog of the host, at every look: until then it counts that all ranks here have waited for `limit`; 0: they have not.
  void declare_waiting(std::int64_t until_ns, std::chrono::nanoseconds limit);

  /// True for one process of the host when several are asked for the roll-call at once.
  bool claim_roll_call(std::int64_t now_ns);

  /// Declares the meeting missed, because this process is about to exit in disorder, and waits as long as meet() for the
  /// others to come, whose report may be on its way.
  void miss_meeting();

 private:
  std::string describe_calls(const CallId& failed, std::size_t longest) const;
  bool serve_relays();
  void look_for_stall();
  struct Header;
  struct Layout;

  Host(Segment segment, Shape shape, int process);
  Header& header() const;

  Segment segment_;
  Board board_;
  BoardSettings boards_;
  int process_;
  Bells<StdAtomics> bells_;
  FailurePath<StdAtomics> failure_;
  std::span<ReaderFlag<StdAtomics>> flags_;
  std::span<RankAccount> accounts_;
  std::span<RollCallLine<StdAtomics>> roll_call_;
  Network* network_ = nullptr;
  struct Relay {
    int block;
    std::array<RelayServer<StdAtomics>, kStrands> servers;

    bool serve() {
      bool is_busy = false;
      for (auto& server : servers) is_busy = server.serve() || is_busy;
      return is_busy;
    }
  };
  std::vector<Relay> relays_;  ///< that this leader serves
  std::uint64_t listened_ = 0;
  std::int64_t told_waiting_ns_ = 0;
  std::vector<std::int64_t> heard_waiting_ns_;  ///< on host 0, by host: when it last told that all its ranks wait
  bool has_told_ = false;
  std::vector<FailureNews> heard_;
  std::vector<int> reported_;  ///< hosts whose report is out
  std::function<void()> when_stuck_;
};

}  // namespace skein
