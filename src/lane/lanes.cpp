// SPDX-License-Identifier: Apache-2.0
//
// Edges
//   [job]    seq_cst exchange of `job_number` by the main lane: publishes the job to the lanes, then [bell] of doorbell.hpp
//   [done]   seq_cst exchange of a lane's `done`: publishes what the job did to the main lane, then [bell]
#include "skein/lane/lanes.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <cerrno>
#include <map>
#include <new>
#include <optional>
#include <system_error>
#include <utility>

#include "affinity.hpp"
#include "debugger.hpp"
#include "overflow.hpp"
#include "skein/base/block.hpp"
#include "skein/base/error.hpp"
#include "skein/lane/fibers.hpp"
#include "skein/lane/fp_environment.hpp"
#include "skein/sync/waiter.hpp"
#include "stack.hpp"

namespace skein {
namespace {

std::atomic<int> groups_in_a_job{0};

using Number = StdAtomics::Atomic<std::uint64_t>;

}  // namespace

struct Lanes::Group {
  struct Lane {
    Group* group = nullptr;
    int number = 0;
    int cpu = -1;
    pthread_t thread{};
    ThreadStack stack;                   ///< of a started thread; empty for the main lane
    std::optional<OverflowWatch> watch;  ///< made by the main lane before the thread
    std::optional<KnownToDebuggers> known;
    BlockRange ranks;                ///< that it carries
    std::unique_ptr<Fibers> fibers;  ///< if these are several
    bool is_pinned = false;
    alignas(kStride) Number done{0};  ///< written by the lane, once a job; read by the main lane
    Watchers<StdAtomics> done_watchers;
  };

  Group(std::span<const int> cpus, LaneSettings lane_settings)
      : settings(std::move(lane_settings)), lanes(cpus.size()), doorbells(cpus.size()) {
    const std::size_t ranks = settings.ranks == 0 ? cpus.size() : static_cast<std::size_t>(settings.ranks);
    fp_ends.resize(ranks);
    for (std::size_t i = 0; i < cpus.size(); ++i) {
      lanes[i].ranks = block_range(ranks, static_cast<int>(cpus.size()), static_cast<int>(i));
      lanes[i].group = this;
      lanes[i].number = static_cast<int>(i);
      lanes[i].cpu = cpus[i];
    }
  }

  Waiter<StdAtomics> waiter(int lane, WaitBudget budget) { return {never_aborted, bells, lane, budget}; }

  static void pin(Lane& lane) {
    if (lane.cpu < 0) return;
    Affinity one;
    one.add(lane.cpu);
    lane.is_pinned = one.apply();
  }

  static void* lane_main(void* argument) {
    Lane& lane = *static_cast<Lane*>(argument);
    lane.group->serve(lane);
    return nullptr;
  }

  /// Before the lane runs: its fibers, and its watch. Returns 0, or the error number; throws nothing, for others run already.
  int prepare(Lane& lane, const OverflowZone& zone) {
    try {
      std::optional<OverflowZone> fiber_zone;
      if (lane.ranks.size() > 1) {
        lane.fibers = std::make_unique<Fibers>();
        if (const int problem = lane.fibers->map(static_cast<int>(lane.ranks.size()), settings.stack_bytes);
            problem != 0)
          return problem;
        fiber_zone = lane.fibers->zone();
      }
      lane.watch.emplace(zone, settings.first_rank + static_cast<int>(lane.ranks.begin), fiber_zone);
    } catch (const std::bad_alloc&) {
      return ENOMEM;
    }
    return 0;
  }

  /// Starts the thread of a lane. Returns 0, or the error number; throws nothing.
  int start(Lane& lane) {
    if (const int problem = lane.stack.map(settings.stack_bytes); problem != 0) return problem;
    if (const int problem = prepare(lane, lane.stack.zone()); problem != 0) return problem;
    pthread_attr_t attributes;
    if (const int problem = pthread_attr_init(&attributes); problem != 0) return problem;
    int problem = pthread_attr_setstack(&attributes, lane.stack.low(), lane.stack.size());
    if (problem == 0) problem = pthread_create(&lane.thread, &attributes, &Group::lane_main, &lane);
    pthread_attr_destroy(&attributes);
    return problem;
  }

  /// On the lane's thread.
  void make_known(Lane& lane) const {
    SkeinDebuggerLane description;
    description.first_rank = settings.first_rank + static_cast<std::int32_t>(lane.ranks.begin);
    description.ranks = static_cast<std::int32_t>(lane.ranks.size());
    if (lane.fibers != nullptr) lane.fibers->describe_to(description);
    lane.known.emplace(description);
  }

  // Jobs follow each other closely in a simulation that calls run in a loop: spin for a while before sleeping.
  void serve(Lane& lane) {
    const OverflowWatch::Scope watched(*lane.watch);
    make_known(lane);
    pin(lane);
    const Crowding crowding = lane.is_pinned ? Crowding::fits : Crowding::oversubscribed;
    Waiter<StdAtomics> wait = waiter(lane.number, wait_budget(WaitPolicy::automatic, crowding));
    finish(lane, 1);
    for (std::uint64_t next = 2;; ++next) {
      wait.until([&] { return job_number.load(std::memory_order_seq_cst) >= next; }, job_watchers);
      if (job == nullptr) return;
      execute(lane);
      finish(lane, next);
    }
  }

  void execute(Lane& lane) {
    const FpEnvironment fp_begin = *fp_of_job;
    fp_begin.install();
    const auto run_rank = [&](std::size_t rank) {
      (*job)(static_cast<int>(rank));
      fp_ends[rank] = FpEnvironment::capture();
    };
    if (lane.fibers == nullptr) {
      run_rank(lane.ranks.begin);
    } else {
      Rota& rota = *settings.rotas[static_cast<std::size_t>(lane.number)];
      rota.begin();
      lane.fibers->run([&](int fiber) { run_rank(lane.ranks.begin + static_cast<std::size_t>(fiber)); },
                       [&] { return rota.next(); });
    }
    fp_begin.install();
  }

  /// One warning for all ranks that left the job in the same way.
  void warn_of_fp_changes() const {
    std::map<std::uint64_t, std::vector<int>> changed;
    for (std::size_t rank = 0; rank < fp_ends.size(); ++rank) {
      if (*fp_ends[rank] != *fp_of_job) {
        changed[fp_ends[rank]->bits()].push_back(settings.first_rank + static_cast<int>(rank));
      }
    }
    for (const auto& [bits, ranks] : changed) {
      const FpEnvironment end = *fp_ends[static_cast<std::size_t>(ranks.front() - settings.first_rank)];
      const bool is_one = ranks.size() == 1;
      warn(fmt::format("{} {} left the run with {}; {} entered with {}, which is restored", is_one ? "rank" : "ranks",
                       fmt::join(ranks, ","), end.unlike(*fp_of_job), is_one ? "it" : "they", fp_of_job->unlike(end)));
    }
  }

  void warn(const std::string& text) const {
    if (settings.warn) settings.warn(text);
  }

  void finish(Lane& lane, std::uint64_t number) {
    lane.done.exchange(number, std::memory_order_seq_cst);  // [done]
    bells.ring(lane.done_watchers);
  }

  void post(const std::function<void(int)>* next_job) {
    job = next_job;
    job_number.exchange(job_number.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);  // [job]
    bells.ring(job_watchers);
  }

  void wait_for_all() {
    const std::uint64_t number = job_number.load(std::memory_order_relaxed);
    Waiter<StdAtomics> wait = waiter(0, wait_budget(WaitPolicy::automatic, Crowding::oversubscribed));
    for (std::size_t i = 1; i < lanes.size(); ++i) {
      wait.until([&] { return lanes[i].done.load(std::memory_order_seq_cst) >= number; }, lanes[i].done_watchers);
    }
  }

  void stop(std::size_t started) {
    post(nullptr);
    for (std::size_t i = 1; i < started; ++i) pthread_join(lanes[i].thread, nullptr);
  }

  const LaneSettings settings;
  OverflowHandler overflow_handler;
  OwnStack main_stack{settings.stack_bytes};
  std::vector<Lane> lanes;
  std::vector<Doorbell<StdAtomics>> doorbells;
  Bells<StdAtomics> bells{doorbells, FutexScope::process_private};
  AbortWord<StdAtomics> never_aborted;
  alignas(kStride) Number job_number{1};  ///< written by the main lane; read by all
  Watchers<StdAtomics> job_watchers;
  const std::function<void(int)>* job = nullptr;
  std::optional<FpEnvironment> fp_of_job;  ///< written by the main lane before [job]
  std::vector<std::optional<FpEnvironment>>
      fp_ends;  ///< of the last job: written by each rank, before its lane's [done]
  Affinity original;
  bool has_original = false;
  std::vector<int> unpinned;
};

Lanes::Lanes(std::span<const int> cpus, LaneSettings settings)
    : group_(std::make_unique<Group>(cpus, std::move(settings))) {
  group_->has_original = group_->original.save();
  Group::Lane& main_lane = group_->lanes[0];
  const std::string& shortage = group_->main_stack.shortage();
  if (main_lane.ranks.size() == 1 && !shortage.empty()) {
    group_->warn(fmt::format("rank {} {}", group_->settings.first_rank, shortage));
  }
  const std::size_t count = group_->lanes.size();
  for (std::size_t i = 0; i < count; ++i) {
    const int problem =
        i == 0 ? group_->prepare(main_lane, group_->main_stack.zone()) : group_->start(group_->lanes[i]);
    if (problem == 0) continue;
    if (i > 0) group_->stop(i);
    throw Error(
        ExitCode::environment,
        fmt::format(
            "started {} of {} lanes: {}; check ulimit -u (RLIMIT_NPROC), pids.max of the cgroup, ulimit -v{} and "
            "SKEIN_STACK ({} bytes), or set SKEIN_RANKS lower",
            i, count, std::generic_category().message(problem),
            group_->fp_ends.size() > count ? ", vm.max_map_count (two mappings a rank)" : "",
            group_->settings.stack_bytes));
  }
  Group::pin(main_lane);
  group_->make_known(main_lane);
  group_->wait_for_all();
  for (const Group::Lane& lane : group_->lanes) {
    if (lane.cpu >= 0 && !lane.is_pinned) group_->unpinned.push_back(lane.number);
  }
}

Lanes::~Lanes() {
  group_->stop(group_->lanes.size());
  if (group_->has_original) group_->original.apply();
}

bool Lanes::some_run() { return groups_in_a_job.load(std::memory_order_relaxed) > 0; }

void Lanes::run(const std::function<void(int)>& job) {
  groups_in_a_job.fetch_add(1, std::memory_order_relaxed);
  group_->fp_of_job = FpEnvironment::capture();
  group_->post(&job);
  {
    Group::Lane& main_lane = group_->lanes[0];
    const OverflowWatch::Scope watched(*main_lane.watch);
    group_->execute(main_lane);
  }
  group_->wait_for_all();
  group_->warn_of_fp_changes();
  groups_in_a_job.fetch_sub(1, std::memory_order_relaxed);
}

int Lanes::size() const { return static_cast<int>(group_->lanes.size()); }

const std::vector<int>& Lanes::unpinned() const { return group_->unpinned; }

}  // namespace skein
