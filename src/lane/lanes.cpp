// SPDX-License-Identifier: Apache-2.0
//
// Edges
//   [job]    seq_cst exchange of `job_number` by the main lane: publishes the job to the lanes, then [bell] of doorbell.hpp
//   [done]   seq_cst exchange of a lane's `done`: publishes what the job did to the main lane, then [bell]
#include "skein/lane/lanes.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <cerrno>
#include <system_error>

#include "skein/base/error.hpp"
#include "skein/sync/waiter.hpp"

namespace skein {
namespace {

using Number = StdAtomics::Atomic<std::uint64_t>;

/// Affinity of the calling thread; CPU_ALLOC'ed so that no number of CPUs is too large.
class Affinity {
 public:
  static constexpr std::size_t kCpus = 1 << 14;

  Affinity() : set_(CPU_ALLOC(kCpus)) { CPU_ZERO_S(kBytes, set_); }
  ~Affinity() { CPU_FREE(set_); }
  Affinity(const Affinity&) = delete;
  Affinity& operator=(const Affinity&) = delete;

  bool save() { return sched_getaffinity(0, kBytes, set_) == 0; }
  bool apply() const { return sched_setaffinity(0, kBytes, set_) == 0; }
  void add(int cpu) { CPU_SET_S(static_cast<std::size_t>(cpu), kBytes, set_); }

 private:
  static constexpr std::size_t kBytes = CPU_ALLOC_SIZE(kCpus);
  cpu_set_t* set_;
};

}  // namespace

struct Lanes::Group {
  struct Lane {
    Group* group = nullptr;
    int number = 0;
    int cpu = -1;
    pthread_t thread{};
    bool is_pinned = false;
    alignas(kStride) Number done{0};  ///< written by the lane, once a job; read by the main lane
    Watchers<StdAtomics> done_watchers;
  };

  explicit Group(std::span<const int> cpus) : lanes(cpus.size()), doorbells(cpus.size()) {
    for (std::size_t i = 0; i < cpus.size(); ++i) {
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

  // Jobs follow each other closely in a simulation that calls run in a loop: spin for a while before sleeping.
  void serve(Lane& lane) {
    pin(lane);
    const Crowding crowding = lane.is_pinned ? Crowding::fits : Crowding::oversubscribed;
    Waiter<StdAtomics> wait = waiter(lane.number, wait_budget(WaitPolicy::automatic, crowding));
    finish(lane, 1);
    for (std::uint64_t next = 2;; ++next) {
      wait.until([&] { return job_number.load(std::memory_order_seq_cst) >= next; }, job_watchers);
      if (job == nullptr) return;
      (*job)(lane.number);
      finish(lane, next);
    }
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

  std::vector<Lane> lanes;
  std::vector<Doorbell<StdAtomics>> doorbells;
  Bells<StdAtomics> bells{doorbells, FutexScope::process_private};
  AbortWord<StdAtomics> never_aborted;
  alignas(kStride) Number job_number{1};  ///< written by the main lane; read by all
  Watchers<StdAtomics> job_watchers;
  const std::function<void(int)>* job = nullptr;
  Affinity original;
  bool has_original = false;
  std::vector<int> unpinned;
};

Lanes::Lanes(std::span<const int> cpus) : group_(std::make_unique<Group>(cpus)) {
  group_->has_original = group_->original.save();
  const std::size_t count = group_->lanes.size();
  for (std::size_t i = 1; i < count; ++i) {
    const int problem = pthread_create(&group_->lanes[i].thread, nullptr, &Group::lane_main, &group_->lanes[i]);
    if (problem == 0) continue;
    group_->stop(i);
    throw Error(
        ExitCode::environment,
        fmt::format("started {} of {} lanes: {}; check ulimit -u (RLIMIT_NPROC), pids.max of the cgroup, ulimit -v and "
                    "ulimit -s, or set SKEIN_RANKS lower",
                    i, count, std::generic_category().message(problem)));
  }
  Group::pin(group_->lanes[0]);
  group_->wait_for_all();
  for (const Group::Lane& lane : group_->lanes) {
    if (lane.cpu >= 0 && !lane.is_pinned) group_->unpinned.push_back(lane.number);
  }
}

Lanes::~Lanes() {
  group_->stop(group_->lanes.size());
  if (group_->has_original) group_->original.apply();
}

void Lanes::run(const std::function<void(int)>& job) {
  group_->post(&job);
  job(0);
  group_->wait_for_all();
}

int Lanes::size() const { return static_cast<int>(group_->lanes.size()); }

const std::vector<int>& Lanes::unpinned() const { return group_->unpinned; }

}  // namespace skein
