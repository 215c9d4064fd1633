// SPDX-License-Identifier: Apache-2.0
//
// How many lanes and ranks each process of a host has, which lane runs on which CPU, and what stands in the way of that.
//
// Who      every process of a host plans for all of them, from the same facts, and so comes to the same plan.
// Assumes  what the facts say stays so. Processes of one cgroup share its limit evenly, whatever their masks; processes
//          that share a mask divide it, in process order; nobody else uses the CPUs (cpu_locks.hpp looks at that).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skein/machine/machine.hpp"

namespace skein {

/// How lanes are bound.
struct Binding {
  enum class Kind {
    compact,  ///< neighbours: fill an L3 before the next one; every core before any second hardware thread
    scatter,  ///< spread over packages, NUMA domains and L3s
    none,     ///< leave it to the operating system
    list,     ///< the CPUs given, in that order
  };
  Kind kind = Kind::compact;
  std::vector<int> cpus;  ///< of `list`
};

/// Reads compact, scatter, none or a CPU list; Error(usage) naming `name` otherwise. `cpus` is the machine's number.
Binding parse_binding(std::string_view name, std::string_view value, int cpus);

/// Libraries that start threads of their own inside a rank.
enum class InnerLibrary { openmp, openblas, mkl };
inline constexpr int kInnerLibraries = 3;

inline constexpr int kNotLoaded = -1;
inline constexpr int kOnePerCpu = 0;  ///< what these libraries do unless told

/// One process of a host, as far as placement is concerned.
struct ProcessFacts {
  std::vector<int> allowed;      ///< CPUs of its affinity mask, ascending
  int offered = 0;               ///< Machine::offered
  std::vector<CpuLimit> limits;  ///< of its cgroups
  std::optional<int> ranks;      ///< asked for
  std::optional<int> lanes;      ///< asked for; not more than the ranks
  Binding binding;
  std::array<int, kInnerLibraries> inner_threads = {kNotLoaded, kNotLoaded, kNotLoaded};
  bool is_bound_by_openmp = false;  ///< OMP_PROC_BIND or its like is set and obeyed, which narrows the mask at loading
};

/// What this process finds about itself; `ranks`, `binding` and `offered` are left to the caller.
ProcessFacts facts_of_this_process();

/// For sending to the other processes of the host.
std::vector<std::byte> to_bytes(const ProcessFacts& facts);
ProcessFacts facts_from(const std::vector<std::byte>& bytes);

struct HostFacts {
  Machine machine;
  std::string launcher;  ///< as detect_launcher names it; empty without one
  int most_lanes = 0;    ///< that a team can have
  std::vector<ProcessFacts> processes;
};

/// The lane of a process is not pinned to one CPU.
inline constexpr int kNotPinned = -1;

/// Lanes that compete for CPUs, those of other processes included.
struct Load {
  int lanes = 0;
  int cpus = 0;
};

/// Whether `a` has more lanes on each CPU than `b`.
bool is_more_crowded(const Load& a, const Load& b);

struct ProcessPlan {
  int ranks = 0;
  std::vector<int> cpus;  ///< of each lane, or kNotPinned
  Load load;              ///< the most crowded of the sets of CPUs and the limits that the process depends on
};

struct HostPlan {
  std::vector<ProcessPlan> processes;
  std::vector<std::string> warnings;  ///< at most one of a kind, each with the remedy; none when all is well
};

/// Lanes: as asked for; else the process's share of its CPUs and of its cgroups' limits, at least one and not more than its
/// ranks. Ranks: as asked for, else one on each lane. Lanes are pinned
/// when the processes that compete for CPUs have the same CPUs to choose from, and enough of them; else the operating
/// system balances them within the mask.
HostPlan plan_host(const HostFacts& host);

}  // namespace skein
