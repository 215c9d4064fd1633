// SPDX-License-Identifier: Apache-2.0
#include "start.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <span>

#include "skein/base/environment.hpp"
#include "skein/machine/machine.hpp"

namespace skein {
namespace {

/// Address space for shared arrays: as much as the machine has memory, which can then not be the reason to fail. Pages
/// cost nothing until they are touched.
std::size_t heap_bytes() {
  const auto pages = static_cast<std::size_t>(std::max(1L, sysconf(_SC_PHYS_PAGES)));
  return round_up(pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)), kPageBytes);
}
constexpr std::size_t kLeastHeapBytes = std::size_t{64} << 20U;

/// Process 0's value, in every process.
template <class T>
T of_first(World& world, T value) {
  std::memcpy(&value, world.allgather(std::as_bytes(std::span(&value, 1))).front().data(), sizeof(value));
  return value;
}

std::uint64_t random_nonce() {
  std::uint64_t nonce = 0;
  if (getrandom(&nonce, sizeof(nonce), 0) == sizeof(nonce)) return nonce;
  return static_cast<std::uint64_t>(StdAtomics::now_ns());
}

/// Runs the steps of a start in a world that is already joined.
class Steps {
 public:
  explicit Steps(Start& start) : start_(start), world_(*start.world) {}

  void run(const Options& options) {
    if (world_.process() == 0) {
      for (const std::string& text : environment_warnings()) warn(text);
    }
    step([&] { start_.options = with_environment(options); });
    step([&] { require_one_host(); });
    step([&] { look_at_machine(); });
    place();
    step([&] { require_possible(); });
    build_host();
  }

 private:
  template <class Step>
  void step(Step body) {
    const Verdict verdict = world_.agree(body);
    if (!verdict.is_ok()) throw Error(verdict.code, verdict.message);
  }

  void require_one_host() const {
    const bool is_split = start_.options.host == HostScope::process && world_.processes() > 1;
    if (world_.hosts() == 1 && !is_split) return;
    throw Error(
        ExitCode::environment,
        is_split
            ? std::string("SKEIN_HOST=process: teams across hosts are not there yet, and this makes every process a "
                          "host; unset it")
            : fmt::format("the {} processes run on {} hosts: teams across hosts are not there yet; start all "
                          "processes on one machine",
                          world_.processes(), world_.hosts()));
  }

  void look_at_machine() {
    host_.machine = detect_machine();
    facts_ = facts_of_this_process();
    facts_.offered = host_.machine.offered;
    facts_.ranks = start_.options.ranks;
    int cpus = facts_.allowed.back() + 1;
    for (const Pu& pu : host_.machine.pus) cpus = std::max(cpus, pu.os_index + 1);
    facts_.binding = parse_binding("SKEIN_BIND", start_.options.bind, cpus);
    for (const int cpu : facts_.binding.cpus) {
      if (!std::binary_search(facts_.allowed.begin(), facts_.allowed.end(), cpu)) {
        throw Error(ExitCode::usage,
                    fmt::format("SKEIN_BIND={}: CPU {} is not among those that this process may use: {}",
                                quoted(start_.options.bind), cpu, fmt::join(facts_.allowed, ",")));
      }
    }
  }

  void place() {
    host_.launcher = detect_launcher().name;
    host_.most_ranks = kMaxLanes;
    for (const auto& bytes : world_.allgather(to_bytes(facts_))) host_.processes.push_back(facts_from(bytes));
    const HostPlan plan = plan_host(host_);
    for (const ProcessPlan& process : plan.processes) ranks_.push_back(static_cast<int>(process.cpus.size()));
    const ProcessPlan& own = plan.processes[static_cast<std::size_t>(world_.process())];
    start_.cpus = own.cpus;
    start_.load = own.load;
    if (world_.process() == 0) {
      for (const std::string& text : plan.warnings) warn(text);
    }
    lock_cpus();
    const Crowding crowding = start_.load.lanes > start_.load.cpus ? Crowding::oversubscribed : Crowding::fits;
    // Rank 0's: ranks that follow different patterns, or count episodes differently, wait for each other for ever.
    start_.settings = {.pattern = of_first(world_, start_.options.pattern),
                       .budget = wait_budget(start_.options.wait, crowding),
                       .first_episode = of_first(world_, start_.options.first_episode)};
  }

  /// Ranks that find another job on their CPUs wait as if its ranks were theirs.
  void lock_cpus() {
    if (start_.options.cpu_locks == CpuLocking::on) {
      std::vector<int> pinned = start_.cpus;
      std::erase(pinned, kNotPinned);
      start_.cpu_locks = CpuLocks(pinned);
    }
    const std::vector<int>& own = start_.cpu_locks.busy();
    const Load shared{2 * static_cast<int>(own.size()), static_cast<int>(own.size())};
    if (!own.empty() && is_more_crowded(shared, start_.load)) start_.load = shared;
    std::vector<int> busy;
    for (const auto& bytes : world_.allgather(std::as_bytes(std::span(own)))) {
      std::vector<int> cpus(bytes.size() / sizeof(int));
      if (!bytes.empty()) std::memcpy(cpus.data(), bytes.data(), bytes.size());
      busy.insert(busy.end(), cpus.begin(), cpus.end());
    }
    std::sort(busy.begin(), busy.end());
    if (!busy.empty() && world_.process() == 0) warn(busy_warning(busy));
  }

  void require_possible() const {
    int size = 0;
    for (const int ranks : ranks_) size += ranks;
    if (size > kMaxLanes) {
      throw Error(ExitCode::environment,
                  fmt::format("{} ranks on one host: at most {} are possible; set SKEIN_RANKS lower", size, kMaxLanes));
    }
    if (!world_.allows_threads() && ranks_[static_cast<std::size_t>(world_.process())] > 1) {
      throw Error(
          ExitCode::environment,
          fmt::format("{} grants MPI_THREAD_SINGLE only, which allows one rank per process; set SKEIN_RANKS=1, or "
                      "initialise MPI with MPI_THREAD_FUNNELED",
                      world_.library()));
    }
  }

  void build_host() {
    const RankMap map(ranks_);
    const std::uint64_t nonce = of_first(world_, random_nonce());
    Segment segment = largest_segment(Host::fixed_bytes(map));
    step([&] {
      if (world_.process() == 0) start_.host = Host::create(std::move(segment), map, 0, nonce);
    });
    step([&] {  // after it is built
      if (world_.process() != 0) start_.host = Host::attach(std::move(segment), map, world_.process(), nonce);
    });
  }

  /// The largest segment that every process can map, from all memory downwards: limits on address space differ.
  Segment largest_segment(std::size_t fixed_bytes) {
    for (std::size_t heap = of_first(world_, heap_bytes());; heap /= 2) {
      Segment segment;
      const Verdict verdict =
          world_.agree([&] { segment = world_.share_segment(round_up(fixed_bytes + heap, kPageBytes)); });
      if (verdict.is_ok()) return segment;
      if (heap / 2 < kLeastHeapBytes) throw Error(verdict.code, verdict.message);
    }
  }

  Start& start_;
  World& world_;
  HostFacts host_;
  ProcessFacts facts_;
  std::vector<int> ranks_;
};

}  // namespace

void warn(const std::string& text) { std::fputs(fmt::format("skein: {}\n", text).c_str(), stderr); }

Start start_up(const Options& options) {
  Start start;
  start.world = World::join(mpi_use_of_environment(options.mpi));
  try {
    Steps(start).run(options);
  } catch (const Error& error) {  // agreed, so thrown by every process
    const auto role = start.world->process() == 0 ? StartFailed::Role::prints : StartFailed::Role::is_silent;
    start.world->finalize();
    throw StartFailed(error, role);
  }
  return start;
}

}  // namespace skein
