// SPDX-License-Identifier: Apache-2.0
//
// What stands in the way of a good placement, in words. A cause that explains others hides them: each lane that has to
// share its CPU is explained once, by the binding, the limit, the list or the number of lanes, in this order of tightness.
// Ranks that share a lane are no pitfall, unless a binding alone keeps them from lanes of their own.
#include "placement_warnings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "cpu_order.hpp"
#include "rivals.hpp"
#include "skein/base/environment.hpp"
#include "text.hpp"

namespace skein {
namespace {

std::size_t index(int process) { return static_cast<std::size_t>(process); }

class Warnings {
 public:
  Warnings(const HostFacts& host, const HostPlan& plan, const std::vector<Pinning>& pinning)
      : host_(host), pinning_(pinning), processes_(static_cast<int>(host.processes.size())) {
    for (const ProcessFacts& facts : host.processes) offered_ = std::max(offered_, facts.offered);
    std::vector<int> ranks;
    for (std::size_t i = 0; i < plan.processes.size(); ++i) {
      lanes_.push_back(static_cast<int>(plan.processes[i].cpus.size()));
      ranks.push_back(plan.processes[i].ranks);
      const int possible = host.processes[i].lanes.value_or(offered_ / processes_);
      wanted_.push_back(std::max(lanes_.back(), std::min(plan.processes[i].ranks, possible)));
      all_wanted_ += wanted_.back();
    }
    masks_ = masks_of(host.processes);
    pools_ = pools_of(host.processes);
    mask_loads_ = loads_of_masks(masks_, lanes_);
    wanted_loads_ = loads_of_masks(masks_, wanted_);
    rank_loads_ = loads_of_masks(masks_, ranks);
    limit_loads_ = loads_of_limits(host.processes, lanes_);
  }

  std::vector<std::string> all() {
    add_first(&Warnings::is_tight, &Warnings::tight);
    if (found_.empty()) idle();
    add_first(&Warnings::is_limited, &Warnings::limited);
    add_first(&Warnings::is_crowded, &Warnings::crowded);
    overlapping();
    add_first(&Warnings::has_short_list, &Warnings::short_list);
    inner_threads();
    return found_;
  }

 private:
  using Is = bool (Warnings::*)(int) const;
  using Text = std::string (Warnings::*)(int, const std::vector<int>&) const;

  /// One warning for all processes of a kind, about the first of them.
  void add_first(Is is, Text text) {
    std::vector<int> concerned;
    for (int i = 0; i < processes_; ++i) {
      if ((this->*is)(i)) concerned.push_back(i);
    }
    if (!concerned.empty()) found_.push_back((this->*text)(concerned.front(), concerned));
  }

  const ProcessFacts& facts(int process) const { return host_.processes[index(process)]; }
  const std::vector<int>& mask(int process) const { return masks_[index(process)]; }

  /// Its lanes, with those of others who have no other CPUs, are more than its CPUs.
  bool exceeds_mask(int i) const { return exceeds(mask_loads_[index(i)]); }
  bool exceeds_limit(int i) const { return exceeds(limit_loads_[index(i)].load); }
  static bool exceeds(const Load& load) { return load.lanes > load.cpus; }

  bool is_limited(int i) const {
    return exceeds_limit(i) && is_more_crowded(limit_loads_[index(i)].load, mask_loads_[index(i)]);
  }
  /// Somebody left it fewer CPUs than there are. Slurm may do so by a cpuset, which then shows no others.
  bool is_bound(int i) const { return static_cast<int>(mask(i).size()) < facts(i).offered || host_.launcher == "srun"; }
  bool is_tight(int i) const { return exceeds(wanted_loads_[index(i)]) && !is_limited(i) && is_bound(i); }
  bool is_crowded(int i) const { return exceeds_mask(i) && !is_limited(i) && !is_bound(i); }
  bool has_short_list(int i) const {
    return pinning_[index(i)] == Pinning::too_few && facts(i).binding.kind == Binding::Kind::list && !exceeds_mask(i);
  }

  std::vector<int> sharing_mask(int process) const {
    std::vector<int> sharers;
    for (int i = 0; i < processes_; ++i) {
      if (mask(i) == mask(process)) sharers.push_back(i);
    }
    return sharers;
  }

  /// How `processes` like this one fit `cpus`.
  std::string fewer_lanes(int i, int cpus, int processes) const {
    return cpus >= processes
               ? fmt::format("set {}={}", facts(i).lanes ? "SKEIN_LANES" : "SKEIN_RANKS", cpus / processes)
               : fmt::format("start at most {}", counted(cpus, "process"));
  }

  /// Who bound the process.
  std::string binder(int i) const {
    if (facts(i).is_bound_by_openmp) return "OpenMP's settings bind it";
    if (host_.launcher.empty()) return "taskset or a cpuset leaves it no more";
    const bool is_in_doubt = processes_ > 1 && sharing_mask(i).size() == index(processes_);
    return host_.launcher + (is_in_doubt ? ", or a taskset around it, binds it" : " binds it");
  }

  int all_cores() const {
    std::vector<int> cpus;
    for (const Pu& pu : host_.machine.pus) cpus.push_back(pu.os_index);
    return cores_of(host_.machine, cpus);
  }

  /// How the launcher is told to bind nobody.
  std::string unbound_launcher() const {
    if (host_.launcher == "srun") return "srun --cpu-bind=none";
    return host_.launcher + (host_.launcher == "mpiexec" ? " -bind-to none" : " --bind-to none");
  }

  static constexpr const char* kUnbindOpenmp = "unset OMP_PROC_BIND, OMP_PLACES, GOMP_CPU_AFFINITY and KMP_AFFINITY";

  std::string unbind(int i, int lanes) const {
    if (facts(i).is_bound_by_openmp) return kUnbindOpenmp;
    const std::string& launcher = host_.launcher;
    if (launcher.empty()) {
      return fmt::format("allow it more (taskset -c LIST), or {}",
                         fewer_lanes(i, static_cast<int>(mask(i).size()), static_cast<int>(sharing_mask(i).size())));
    }
    if (launcher == "srun") return fmt::format("use srun -c {}, or srun --cpu-bind=none", lanes);
    std::string text = "use " + unbound_launcher();
    if (lanes * processes_ <= std::min(offered_, all_cores())) {  // else the launcher refuses
      text +=
          fmt::format(", or {} {}{}", launcher, launcher == "mpiexec" ? "-bind-to core:" : "--map-by slot:PE=", lanes);
    }
    if (all_wanted_ <= offered_) return text;
    return text + fmt::format(", and {}, as there are {} for {}", fewer_lanes(i, offered_, processes_),
                              counted(offered_, "CPU"), counted(all_wanted_, "lane"));
  }

  std::string tight(int i, const std::vector<int>& concerned) const {
    int most = 0;
    for (const int process : concerned) most = std::max(most, wanted_[index(process)]);
    const std::vector<int> sharers = sharing_mask(i);
    const int others = static_cast<int>(concerned.size() - sharers.size());
    return fmt::format("{} of {} share {}, because {}{}: {}", counted(rank_loads_[index(i)].lanes, "rank"),
                       processes_text(sharers), cpus_text(mask(i)), binder(i),
                       others > 0 ? fmt::format(" ({} more likewise)", others) : "", unbind(i, most));
  }

  /// Each process sits on one core while half the machine or more is left to nobody. Whoever asked for one lane or rank meant it.
  void idle() {
    std::set<int> used;
    bool is_meant = true;
    for (int i = 0; i < processes_; ++i) {
      if (cores_of(host_.machine, mask(i)) > 1) return;
      if (facts(i).ranks != 1 && facts(i).lanes != 1) is_meant = false;
      used.insert(mask(i).begin(), mask(i).end());
    }
    const int cpus = static_cast<int>(used.size());
    if (is_meant || offered_ < 2 * cpus || (host_.launcher.empty() && !facts(0).is_bound_by_openmp)) return;
    const bool is_openmp = facts(0).is_bound_by_openmp;
    found_.push_back(fmt::format(
        "{} each process to one core, which leaves {} of {} CPUs idle: {}; if one rank per process is meant, set "
        "SKEIN_RANKS=1",
        is_openmp ? "OpenMP's settings bind" : host_.launcher + " binds", offered_ - cpus, offered_,
        is_openmp ? kUnbindOpenmp : "use " + unbound_launcher()));
  }

  std::string limited(int i, const std::vector<int>&) const {
    const LimitLoad& own = limit_loads_[index(i)];
    std::vector<int> sharers;
    for (int other = 0; other < processes_; ++other) {
      const auto& limits = facts(other).limits;
      const auto is_same = [&](const CpuLimit& limit) { return limit.group == own.limit.group; };
      if (std::any_of(limits.begin(), limits.end(), is_same)) sharers.push_back(other);
    }
    return fmt::format(
        "{} of {} share a quota of {:.4g} CPUs (cgroup), so the kernel stops them for a part of each period: {}, or "
        "raise the quota (cpu.max, docker --cpus)",
        counted(own.load.lanes, "lane"), processes_text(sharers), own.limit.cpus,
        fewer_lanes(i, own.load.cpus, static_cast<int>(sharers.size())));
  }

  std::string crowded(int i, const std::vector<int>&) const {
    const Load& load = mask_loads_[index(i)];
    return fmt::format("{} share {}, so waiting ranks give way to others, which is slow: {}",
                       counted(load.lanes, "lane"), counted(load.cpus, "CPU"),
                       fewer_lanes(i, load.cpus, static_cast<int>(sharing_mask(i).size())));
  }

  const std::vector<int>& pool(int i) const { return pools_[index(i)]; }

  /// Finds the first process of an uneven group, and the first whose CPUs differ from its own but have some in common.
  void overlapping() {
    for (int a = 0; a < processes_; ++a) {
      if (pinning_[index(a)] != Pinning::overlapping) continue;
      const std::vector<int>& mine = pool(a);
      for (int b = a + 1; b < processes_; ++b) {
        if (pinning_[index(b)] != Pinning::overlapping) continue;
        const std::vector<int>& theirs = pool(b);
        const bool is_apart = std::none_of(theirs.begin(), theirs.end(),
                                           [&](int cpu) { return std::binary_search(mine.begin(), mine.end(), cpu); });
        if (is_apart || mine == theirs) continue;
        const bool is_listed =
            facts(a).binding.kind == Binding::Kind::list || facts(b).binding.kind == Binding::Kind::list;
        const std::string remedy = is_listed                ? "set SKEIN_BIND alike for all processes"
                                   : host_.launcher.empty() ? std::string("start them alike")
                                                            : "use " + unbound_launcher();
        found_.push_back(fmt::format(
            "processes {} and {} may use {} and {}, which overlap without being the same, so their ranks are not "
            "pinned: {}, or give each process CPUs of its own",
            a, b, cpus_text(mine), cpus_text(theirs), remedy));
        return;
      }
    }
  }

  std::string short_list(int i, const std::vector<int>& concerned) const {
    int lanes = 0;
    for (const int process : concerned) lanes += pool(process) == pool(i) ? lanes_[index(process)] : 0;
    const std::vector<int>& cpus = pool(i);
    return fmt::format("SKEIN_BIND names {} ({}) for {}, which are therefore not pinned: name one for each lane",
                       counted(static_cast<int>(cpus.size()), "CPU"), number_ranges(cpus), counted(lanes, "lane"));
  }

  /// A rank's inner threads inherit its pinning. Unpinned they harm only when they are more than the CPUs.
  void inner_threads() {
    static constexpr std::array<const char*, kInnerLibraries> kNames = {"OpenMP", "OpenBLAS", "MKL"};
    static constexpr std::array<const char*, kInnerLibraries> kRemedies = {
        "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1"};
    std::string names;
    std::string remedies;
    int most = 0;
    for (std::size_t library = 0; library < kNames.size(); ++library) {
      int threads = 0;
      for (int i = 0; i < processes_; ++i) threads = std::max(threads, harmful_threads(i, library));
      if (threads == 0) continue;
      const char* separator = names.empty() ? "" : " and ";
      names += std::string(separator) + kNames.at(library);
      remedies += std::string(separator) + kRemedies.at(library);
      most = std::max(most, threads);
    }
    if (names.empty()) return;
    found_.push_back(fmt::format(
        "{} may start {} threads inside each rank, on CPUs that ranks need: set {}, or, if these threads are "
        "wanted, SKEIN_BIND=none and SKEIN_RANKS lower",
        names, most, remedies));
  }

  int harmful_threads(int i, std::size_t library) const {
    int threads = facts(i).inner_threads.at(library);
    const int cpus = static_cast<int>(mask(i).size());
    if (threads == kOnePerCpu) threads = cpus;
    if (threads <= 1) return 0;  // also when it is not loaded
    return pinning_[index(i)] == Pinning::pinned || threads * lanes_[index(i)] > cpus ? threads : 0;
  }

  const HostFacts& host_;
  const std::vector<Pinning>& pinning_;
  int processes_;
  std::vector<int> lanes_;
  std::vector<int> wanted_;  ///< lanes that each process would have without a binding
  int all_wanted_ = 0;
  CpuSets masks_;
  CpuSets pools_;
  std::vector<Load> mask_loads_;
  std::vector<Load> wanted_loads_;
  std::vector<Load> rank_loads_;  ///< of ranks in the place of lanes
  std::vector<LimitLoad> limit_loads_;
  int offered_ = 0;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> placement_warnings(const HostFacts& host, const HostPlan& plan,
                                            const std::vector<Pinning>& pinning) {
  return Warnings(host, plan, pinning).all();
}

}  // namespace skein
