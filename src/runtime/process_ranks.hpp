// SPDX-License-Identifier: Apache-2.0
//
// The ranks of this process with what they stand on: lanes to carry them, and their host. Lives as long as its Runtime, and as
// long as the program keeps a team, a shared array or a request of one of them.
#pragma once

#include <bit>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "skein/base/cache_line.hpp"
#include "skein/lane/fork_watch.hpp"
#include "skein/team/rank_runner.hpp"

namespace skein {

class ProcessRanks {
 public:
  struct Rank {
    RankRunner runner() { return {*context, *team}; }

    std::optional<RankContext> context;
    std::optional<Team> team;
  };
  static_assert(!std::has_single_bit(sizeof(Rank)), "lines that are used together would crowd a few sets of the cache");

  /// `cpus` has one for each lane; negative for none.
  ProcessRanks(std::shared_ptr<Host> host, std::span<const int> cpus, RunSettings settings) : host_(std::move(host)) {
    const RankMap& map = host_->map();
    int number = map.lane_of(map.first_of(host_->process()));
    for (const int cpu : cpus) {
      settings.cpu = cpu;
      lanes_.push_back(std::make_unique<RankLane>(*host_, number++, settings));
    }
    for (const auto& lane : lanes_) {
      RanksOfLane& ranks = ranks_.emplace_back(static_cast<std::size_t>(lane->carried().count()));
      for (const int rank : lane->carried()) {
        Rank& own = ranks[static_cast<std::size_t>(rank - lane->carried().first())];
        own.context.emplace(*host_, rank, *lane);
        own.team.emplace(*own.context);
      }
    }
    fork_watch_.emplace([this] {
      is_in_child_ = true;
      for_each([](Rank& rank) { rank.context->belong_to_parent(); });
    });
  }
  ProcessRanks(const ProcessRanks&) = delete;
  ProcessRanks& operator=(const ProcessRanks&) = delete;

  /// One for each rank, which its context gives to others; each keeps all ranks alive.
  static std::vector<std::shared_ptr<RankContext>> share(const std::shared_ptr<ProcessRanks>& all) {
    std::vector<std::shared_ptr<RankContext>> shares;
    all->for_each([&](Rank& rank) {
      shares.emplace_back(&*rank.context, LetGo{all});
      rank.context->let_share(shares.back());
    });
    return shares;
  }

  /// Of a run that failed, in which they are still: after it, by the thread that ran it.
  void end_run() {
    for_each([](Rank& rank) { rank.context->end_run(); });
  }

  /// After the last run, by the thread that ran it, and before the network ends: whatever the program has kept is refused from
  /// now on, and needs neither threads nor other processes.
  void end() {
    for_each([](Rank& rank) { rank.context->end(); });
    for (const auto& lane : lanes_) lane->end();
    for_each([](Rank& rank) { rank.team.reset(); });
    host_->disconnect();
  }

  std::span<const std::unique_ptr<RankLane>> lanes() const { return lanes_; }

  /// `rank` counts within the lane, which counts within the process.
  Rank& rank(int lane, int rank) { return ranks_[static_cast<std::size_t>(lane)][static_cast<std::size_t>(rank)]; }

  /// Of a fork.
  bool is_in_child() const { return is_in_child_; }

 private:
  /// The ranks of a lane lie side by side, and apart from those of others.
  template <class T>
  struct Apart {
    using value_type = T;

    Apart() = default;
    template <class U>
    explicit Apart(const Apart<U>&) {}
    T* allocate(std::size_t n) {
      return static_cast<T*>(::operator new(n * sizeof(T) + kApart, std::align_val_t(kApart)));
    }
    void deallocate(T* memory, std::size_t) { ::operator delete(memory, std::align_val_t(kApart)); }
    bool operator==(const Apart&) const = default;
  };
  using RanksOfLane = std::vector<Rank, Apart<Rank>>;

  struct alignas(kStride) LetGo {  // beside the counts of the rank's shares, which no other rank should write to
    std::shared_ptr<ProcessRanks> all;
    void operator()(RankContext*) { all.reset(); }  // or it would live as long as contexts know of the counts
  };

  template <class Visit>
  void for_each(const Visit& visit) {
    for (RanksOfLane& ranks : ranks_) {
      for (Rank& rank : ranks) visit(rank);
    }
  }

  std::shared_ptr<Host> host_;
  std::vector<std::unique_ptr<RankLane>> lanes_;
  std::vector<RanksOfLane> ranks_;
  bool is_in_child_ = false;
  std::optional<ForkWatch> fork_watch_;
};

}  // namespace skein
