// SPDX-License-Identifier: Apache-2.0
#include "targets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

namespace bench {

namespace {

struct Target {
  double must;
  double stretch;  // 0: none
};

struct PeerTarget {
  std::string_view peer;
  Target target;
};

constexpr Target kBarrierToLine{0.9, 0.7};         // 2 ranks
constexpr Target kProcessesToThreads{1.10, 1.03};  // the same number of ranks
constexpr Target kOversubscribed{0.02, 0.01};      // best peer, at least 16 ranks and more than CPUs
constexpr std::array<PeerTarget, 6> kBarrier{{{"libgomp", {0.25, 0.15}},
                                              {"libomp", {0.4, 0.25}},
                                              {"citor", {0.6, 0.4}},
                                              {"mpi", {0.5, 0.33}},
                                              {"std", {0.05, 0}},
                                              {"pthread", {0.005, 0}}}};
constexpr Target kAllreduceToBarrier{1.25, 1.10};  // 1 to 5 doubles
constexpr std::uint64_t kFewDoubles = 5;
constexpr Target kAllreduceOneToMpi{0.3, 0.2};  // one double, 2 processes
constexpr Target kAllreduceMiBToMpi{0.7, 0.5};  // 1 MiB, 2 processes
constexpr std::uint64_t kMiB = (std::uint64_t{1} << 20U) / sizeof(double);
constexpr int kManyRanks = 16;
struct HostsTarget {
  int ranks;  // of the whole team, and MPI's processes
  Target target;
};
constexpr std::array<HostsTarget, 2> kHostsToMpi{{{2, {1.3, 0}}, {4, {1.0, 0}}}};  // 2 hosts

const Row* find_row(const std::vector<Row>& rows, std::string_view benchmark, std::string_view contender, int processes,
                    int ranks = 0) {
  for (const Row& row : rows)
    if (row.benchmark == benchmark && row.contender == contender && (processes == 0 || row.processes == processes) &&
        (ranks == 0 || row.ranks == ranks))
      return &row;
  return nullptr;
}

class Judge {
 public:
  Judge(const Evaluation& evaluation, const BenchOptions& options) : evaluation_(evaluation), options_(options) {}

  void add(std::string what, double measured, const Target& target) {
    verdicts_.push_back(judge(std::move(what), measured, target.must, target.stretch, evaluation_.control));
  }

  // Skein / peer is the inverse of the row's ratio.
  void add_peer(std::string_view peer, const Target& target) {
    const Row* row = find_row(evaluation_.rows, benchmark_name(options_.kind), peer, 0);
    if (row == nullptr || row->to_skein.rounds == 0) return;
    add(fmt::format("{}, {} ranks / {}", benchmark_name(options_.kind), options_.ranks, peer), 1 / row->to_skein.median,
        target);
  }

  void add_hosts(const HostsTarget& hosts) {
    const Row* row = find_row(evaluation_.rows, "barrier", "mpi", hosts.ranks, hosts.ranks);
    if (row == nullptr || row->to_skein.rounds == 0) return;
    add(fmt::format("barrier, {} hosts x {} / mpi, {} processes", options_.hosts, hosts.ranks / options_.hosts,
                    hosts.ranks),
        1 / row->to_skein.median, hosts.target);
  }

  const Row* skein(int processes) const {
    return find_row(evaluation_.rows, benchmark_name(options_.kind), "skein", processes);
  }

  std::vector<Verdict> take() { return std::move(verdicts_); }

 private:
  std::vector<Verdict> verdicts_;
  const Evaluation& evaluation_;
  const BenchOptions& options_;
};

}  // namespace

std::vector<Verdict> judge_targets(const Evaluation& evaluation, const Spread& own_barrier, const BenchOptions& options,
                                   const MachineFacts& facts) {
  Judge judge(evaluation, options);
  if (options.hosts > 1) {
    for (const HostsTarget& hosts : kHostsToMpi) judge.add_hosts(hosts);
    return judge.take();
  }
  const bool fits = options.ranks <= static_cast<int>(facts.allowed.size());
  const Row* threads = judge.skein(1);
  if (options.kind == Kind::barrier && threads != nullptr && threads->per_line.rounds > 0 && options.ranks == 2)
    judge.add("barrier, 2 ranks / line transfer", threads->per_line.median, kBarrierToLine);
  if (options.kind == Kind::barrier && fits)
    for (const PeerTarget& peer : kBarrier) judge.add_peer(peer.peer, peer.target);
  if (options.kind == Kind::barrier && !fits && options.ranks >= kManyRanks) {
    const Row* best = nullptr;
    for (const PeerTarget& peer : kBarrier) {
      const Row* row = find_row(evaluation.rows, "barrier", peer.peer, 0);
      if (row == nullptr || row->to_skein.rounds == 0) continue;
      if (best == nullptr || row->to_skein.median < best->to_skein.median) best = row;
    }
    if (best != nullptr)
      judge.add(fmt::format("barrier, {} ranks on {} CPUs / best peer ({})", options.ranks, facts.allowed.size(),
                            best->contender),
                1 / best->to_skein.median, kOversubscribed);
  }
  if (const Row* several = judge.skein(options.processes); options.kind == Kind::barrier && options.processes > 1 &&
                                                           several != nullptr && several->to_skein.rounds > 0 && fits)
    judge.add(fmt::format("barrier, {} processes / 1 process of {} ranks", options.processes, options.ranks),
              several->to_skein.median, kProcessesToThreads);
  if (options.kind == Kind::allreduce && options.count <= kFewDoubles && own_barrier.rounds > 0)
    judge.add(fmt::format("allreduce, {} doubles / own barrier", options.count), own_barrier.median,
              kAllreduceToBarrier);
  if (options.kind == Kind::allreduce && fits && options.count == 1) judge.add_peer("mpi", kAllreduceOneToMpi);
  if (options.kind == Kind::allreduce && fits && options.count == kMiB) judge.add_peer("mpi", kAllreduceMiBToMpi);
  return judge.take();
}

}  // namespace bench
