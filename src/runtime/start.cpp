// SPDX-License-Identifier: Apache-2.0
#include "start.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <span>
#include <utility>

#include "skein/base/environment.hpp"
#include "skein/base/report.hpp"
#include "skein/lane/fp_environment.hpp"
#include "skein/machine/machine.hpp"
#include "skein/team/own_stack_network.hpp"

namespace skein {
namespace {

/// Address space for shared arrays and teams: as much as the machine has memory. Pages cost nothing until they are touched.
/// A team of several processes sets up to 512 MiB of it aside for large payloads (SKEIN_PIECE), and touches what these
/// need.
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
      for (const std::string& text : environment_warnings()) say(text);
    }
    step([&] { start_.options = with_environment(options); });
    start_.options.host = text_of_first(start_.options.host);  // else processes wait for each other in different memory
    step([&] { start_.host_of_process = parse_hosts("SKEIN_HOST", start_.options.host, world_.machine_of_process()); });
    compare_fp_environments();
    step([&] { look_at_machine(); });
    place();
    exchange_process_ids();
    step([&] { require_possible(); });
    build_host();
    start_.machine = std::move(host_.machine);
    start_.facts = std::move(facts_);
  }

 private:
  void say(const std::string& text) {
    warn(text);
    start_.warnings.push_back(text);
  }

  template <class Step>
  void step(Step body) {
    const Verdict verdict = world_.agree(body);
    if (!verdict.is_ok()) throw Error(verdict.code, verdict.message);
  }

  std::string text_of_first(const std::string& text) {
    const std::vector<std::byte> first = world_.allgather(std::as_bytes(std::span(text))).front();
    return {reinterpret_cast<const char*>(first.data()), first.size()};
  }

  // Ranks of one process share the main lane's (lanes.hpp); processes may have been started differently.
  void compare_fp_environments() {
    const std::uint64_t own = FpEnvironment::capture().bits();
    const auto all = world_.allgather(std::as_bytes(std::span(&own, 1)));
    const auto odd = std::find_if(all.begin(), all.end(), [&](const auto& bits) { return bits != all.front(); });
    if (odd == all.end() || world_.process() != odd - all.begin()) return;
    say(
        fmt::format("process {} starts in another floating-point environment than process 0 (rounding, FTZ, DAZ or "
                    "traps): the same operations may give their ranks different bits",
                    world_.process()));
  }

  void look_at_machine() {
    host_.machine = detect_machine();
    facts_ = facts_of_this_process();
    facts_.offered = host_.machine.offered;
    facts_.ranks = start_.options.ranks;
    // A drawn order is for ranks that share the one lane: as many as there would be lanes without it, and two at least.
    if (start_.options.schedule_seed && !facts_.ranks)
      facts_.ranks = std::max(2, static_cast<int>(facts_.allowed.size()));
    if (start_.options.lanes != kEachItsLane)
      facts_.lanes = start_.options.lanes;  // without ranks, each has one anyway
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
    host_.most_lanes = kMaxLanes;
    // All processes of a machine compete for its CPUs, whether they share memory or not.
    const std::vector<int>& machines = world_.machine_of_process();
    const int own_machine = machines[static_cast<std::size_t>(world_.process())];
    const auto facts = world_.allgather(to_bytes(facts_));
    std::size_t own = 0;
    for (std::size_t i = 0; i < facts.size(); ++i) {
      if (machines[i] != own_machine) continue;
      if (static_cast<int>(i) == world_.process()) own = host_.processes.size();
      host_.processes.push_back(facts_from(facts[i]));
    }
    const HostPlan plan = plan_host(host_);
    start_.cpus = plan.processes[own].cpus;
    start_.load = plan.processes[own].load;
    ranks_ = world_.allgather(plan.processes[own].ranks);
    lanes_ = world_.allgather(static_cast<int>(start_.cpus.size()));
    std::vector<std::string> warnings = plan.warnings;
    if (warnings.empty() && start_.options.wait == WaitPolicy::spin && start_.load.lanes > start_.load.cpus) {
      warnings.push_back(
          fmt::format("SKEIN_WAIT=spin: {} lanes share {} CPUs, so waiting ranks yield and park as with "
                      "auto; use at most one lane per CPU (SKEIN_LANES)",
                      start_.load.lanes, start_.load.cpus));
    }
    warn_once(own == 0 ? warnings : std::vector<std::string>());
    lock_cpus();
    const Crowding crowding = start_.load.lanes > start_.load.cpus ? Crowding::oversubscribed : Crowding::fits;
    // Rank 0's: ranks that follow different patterns, look for pieces in different places, or count episodes differently wait for
    // each other for ever.
    pattern_ = of_first(world_, start_.options.pattern);
    piece_bytes_ = of_first(world_, start_.options.piece_bytes);
    start_.settings = {.budget = wait_budget(start_.options.wait, crowding),
                       .crowded_budget = wait_budget(start_.options.wait, Crowding::oversubscribed),
                       .first_episode = of_first(world_, start_.options.first_episode),
                       .seed = start_.options.schedule_seed,
                       .stack_bytes = start_.options.stack_bytes};
  }

  void exchange_process_ids() {
    const ProcessId own = own_process_id();
    for (const auto& bytes : world_.allgather(std::as_bytes(std::span(&own, 1)))) {
      std::memcpy(&start_.process_ids.emplace_back(), bytes.data(), sizeof(ProcessId));
    }
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
    if (!busy.empty() && world_.process() == 0) say(busy_warning(busy));
  }

  /// Collective. Machines in the same trouble say so once.
  void warn_once(const std::vector<std::string>& own) {
    const std::string joined = fmt::format("{}", fmt::join(own, "\n"));
    const auto all = world_.allgather(std::as_bytes(std::span(joined)));
    for (int before = 0; before < world_.process(); ++before) {
      if (std::ranges::equal(all[static_cast<std::size_t>(before)], std::as_bytes(std::span(joined)))) return;
    }
    for (const std::string& text : own) say(text);
  }

  void require_possible() const {
    const auto require_at_most = [&](const std::vector<int>& counts, int most, std::string_view what,
                                     std::string_view variable) {
      int here = 0;
      for (std::size_t i = 0; i < counts.size(); ++i) {
        if (start_.host_of_process[i] == own_host()) here += counts[i];
      }
      if (here <= most) return;
      throw Error(ExitCode::environment,
                  fmt::format("{} {} on one host: at most {} are possible; set {} lower", here, what, most, variable));
    };
    require_at_most(ranks_, kMaxRanks, "ranks", "SKEIN_RANKS");
    require_at_most(lanes_, kMaxLanes, "lanes", "SKEIN_LANES");
    if (!world_.allows_threads() && lanes_[static_cast<std::size_t>(world_.process())] > 1) {
      throw Error(
          ExitCode::environment,
          fmt::format("{} grants MPI_THREAD_SINGLE only, which allows one lane per process; set SKEIN_LANES=1, or "
                      "initialise MPI with MPI_THREAD_FUNNELED",
                      world_.library()));
    }
  }

  int own_host() const { return start_.host_of_process[static_cast<std::size_t>(world_.process())]; }

  /// Where the lanes of this host sit, in rank order.
  std::vector<Seat> seats_of_host() {
    std::vector<Seat> own;
    for (const int cpu : start_.cpus) {
      const auto pu = std::find_if(host_.machine.pus.begin(), host_.machine.pus.end(),
                                   [&](const Pu& candidate) { return candidate.os_index == cpu; });
      own.push_back(pu == host_.machine.pus.end() ? Seat{} : Seat{pu->l3, pu->numa});
    }
    const auto all = world_.allgather(std::as_bytes(std::span(own)));
    std::vector<Seat> seats;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (start_.host_of_process[i] != own_host()) continue;
      const std::size_t before = seats.size();
      seats.resize(before + all[i].size() / sizeof(Seat));
      std::memcpy(seats.data() + before, all[i].data(), all[i].size());
    }
    return seats;
  }

  void build_host() {
    const std::vector<Seat> seats = seats_of_host();
    if (const auto problem = try_to_build_host(seats)) {
      const bool is_split =
          *std::max_element(start_.host_of_process.begin(), start_.host_of_process.end()) + 1 == world_.processes();
      if (is_split) throw Error(problem->code, problem->message);
      if (world_.process() == 0) {
        say(fmt::format(
            "{}; every process becomes a host of its own, and all that passes between them goes through MPI",
            problem->message));
      }
      std::iota(start_.host_of_process.begin(), start_.host_of_process.end(), 0);
      const std::vector<Seat> own_seats = seats_of_host();
      if (const auto again = try_to_build_host(own_seats)) throw Error(again->code, again->message);
    }
    start_.network = world_.connect(start_.host_of_process);
    if (start_.network) start_.network = std::make_unique<OwnStackNetwork>(std::move(start_.network));
    start_.host->connect(start_.network.get());
  }

  /// What went wrong, the same in all processes.
  std::optional<Verdict> try_to_build_host(const std::vector<Seat>& seats) {
    const RankMap map(ranks_, start_.host_of_process, own_host(), lanes_);
    const Host::Shape shape{map, {pattern_, seats, piece_bytes_}};
    const bool is_first = map.first_process_here() == world_.process();
    std::uint64_t nonce = random_nonce();
    std::memcpy(
        &nonce,
        world_.allgather(std::as_bytes(std::span(&nonce, 1)))[static_cast<std::size_t>(map.first_process_here())]
            .data(),
        sizeof(nonce));
    Segment segment;
    Verdict verdict = share_largest_segment(segment, Host::fixed_bytes(shape));
    if (!verdict.is_ok()) return verdict;
    verdict = world_.agree([&] {
      if (is_first) start_.host = Host::create(std::move(segment), shape, world_.process(), nonce);
    });
    if (!verdict.is_ok()) return verdict;
    verdict = world_.agree([&] {  // after it is built
      if (!is_first) start_.host = Host::attach(std::move(segment), shape, world_.process(), nonce);
    });
    return verdict.is_ok() ? std::nullopt : std::optional(verdict);
  }

  /// The largest segment that every process can map, from all memory downwards: limits on address space differ.
  Verdict share_largest_segment(Segment& segment, std::size_t fixed_bytes) {
    for (std::size_t heap = of_first(world_, heap_bytes());; heap /= 2) {
      Verdict verdict = world_.agree(
          [&] { segment = world_.share_segment(round_up(fixed_bytes + heap, kPageBytes), start_.host_of_process); });
      start_.heap_bytes = heap;
      if (verdict.is_ok() || heap / 2 < kLeastHeapBytes) return verdict;
    }
  }

  Start& start_;
  World& world_;
  HostFacts host_;
  ProcessFacts facts_;
  std::vector<int> ranks_;
  std::vector<int> lanes_;
  PatternChoice pattern_;
  std::size_t piece_bytes_ = kPieceBytes;
};

}  // namespace

void warn(const std::string& text) { write_report(fmt::format("skein: {}\n", text)); }

Start start_up(const Options& options, std::optional<Communicator> comm, const World::Tell& tell) {
  Start start;
  start.world = World::join(mpi_use_of_environment(options.mpi), threads_of_environment(options), comm);
  try {
    Steps(start).run(options);
  } catch (const Error& error) {  // agreed, so thrown by every process
    start.world->agree([&] { throw Error(error); }, tell);
    start.host.reset();
    if (start.network) start.network->close();
    start.network.reset();
    start.world->finalize();
    throw StartFailed(error.code(), error.what());
  }
  return start;
}

}  // namespace skein
