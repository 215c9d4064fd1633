// SPDX-License-Identifier: Apache-2.0
#include "skein/machine/placement.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "skein/base/block.hpp"
#include "skein/base/environment.hpp"

namespace skein {
namespace {

/// Allowed CPUs, neighbours first, all first hardware threads before any second one.
std::vector<int> compact_order(const Machine& machine, const std::vector<int>& allowed) {
  std::vector<Pu> pus;
  for (const Pu& pu : machine.pus) {
    if (std::binary_search(allowed.begin(), allowed.end(), pu.os_index)) pus.push_back(pu);
  }
  const auto key = [](const Pu& pu) {
    return std::tuple(pu.thread_of_core, pu.package, pu.numa, pu.l3, pu.core, pu.os_index);
  };
  std::sort(pus.begin(), pus.end(), [&](const Pu& a, const Pu& b) { return key(a) < key(b); });
  std::vector<int> order;
  for (const Pu& pu : pus) order.push_back(pu.os_index);
  for (const int cpu : allowed) {  // hwloc may not know all, as in containers
    if (std::find(order.begin(), order.end(), cpu) == order.end()) order.push_back(cpu);
  }
  return order;
}

/// How many of `values` come before `value`.
int position(const std::set<int>& values, int value) {
  return static_cast<int>(std::distance(values.begin(), values.find(value)));
}

/// The compact order dealt out to the packages in turn, within each to its NUMA domains, within each to its L3s.
std::vector<int> scatter_order(const Machine& machine, const std::vector<int>& allowed) {
  std::map<int, const Pu*> pu_of;
  for (const Pu& pu : machine.pus) pu_of[pu.os_index] = &pu;
  std::vector<Pu> pus;
  std::map<int, std::set<int>> domains_of;              // package -> NUMA domains
  std::map<std::pair<int, int>, std::set<int>> l3s_of;  // (package, NUMA domain) -> L3s
  for (const int cpu : compact_order(machine, allowed)) {
    const auto found = pu_of.find(cpu);
    const Pu pu = found == pu_of.end() ? Pu{.os_index = cpu} : *found->second;
    domains_of[pu.package].insert(pu.numa);
    l3s_of[{pu.package, pu.numa}].insert(pu.l3);
    pus.push_back(pu);
  }
  std::map<std::tuple<int, int, int, int>, int> dealt;  // (thread, package, NUMA domain, L3) -> CPUs so far
  std::vector<std::tuple<int, int, int, int, int, int>> keyed;
  for (const Pu& pu : pus) {
    const int round = dealt[{pu.thread_of_core, pu.package, pu.numa, pu.l3}]++;
    keyed.emplace_back(pu.thread_of_core, round, position(l3s_of[{pu.package, pu.numa}], pu.l3),
                       position(domains_of[pu.package], pu.numa), pu.package, pu.os_index);
  }
  std::sort(keyed.begin(), keyed.end());
  std::vector<int> order;
  for (const auto& entry : keyed) order.push_back(std::get<5>(entry));
  return order;
}

bool overlap(const std::vector<int>& ascending, const std::vector<int>& other) {
  return std::any_of(other.begin(), other.end(),
                     [&](int cpu) { return std::binary_search(ascending.begin(), ascending.end(), cpu); });
}

}  // namespace

Binding parse_binding(std::string_view name, std::string_view value, int cpus) {
  static constexpr std::array<std::string_view, 3> kWords = {"compact", "scatter", "none"};
  const auto word = std::find(kWords.begin(), kWords.end(), value);
  if (word != kWords.end()) return {static_cast<Binding::Kind>(word - kWords.begin()), {}};
  return {Binding::Kind::list, parse_cpu_list(name, value, cpus)};
}

std::vector<int> place_lanes(const Machine& machine, const Binding& binding, const std::vector<ProcessShape>& processes,
                             int own) {
  const ProcessShape& self = processes[static_cast<std::size_t>(own)];
  std::vector<int> cpus(static_cast<std::size_t>(self.lanes), kNotPinned);
  if (binding.kind == Binding::Kind::none) return cpus;
  int before = 0;
  int sharing = 0;
  for (std::size_t i = 0; i < processes.size(); ++i) {
    if (processes[i].allowed != self.allowed) {
      if (overlap(processes[i].allowed, self.allowed)) return cpus;  // who would get which CPU?
      continue;
    }
    if (static_cast<int>(i) < own) before += processes[i].lanes;
    sharing += processes[i].lanes;
  }
  const std::vector<int> order = binding.kind == Binding::Kind::list      ? binding.cpus
                                 : binding.kind == Binding::Kind::scatter ? scatter_order(machine, self.allowed)
                                                                          : compact_order(machine, self.allowed);
  if (static_cast<std::size_t>(sharing) > order.size()) return cpus;
  for (std::size_t lane = 0; lane < cpus.size(); ++lane) cpus[lane] = order[static_cast<std::size_t>(before) + lane];
  return cpus;
}

Load load_of(const std::vector<ProcessShape>& processes, int own) {
  const std::vector<int>& mask = processes[static_cast<std::size_t>(own)].allowed;
  Load load;
  std::set<int> cpus;
  for (const ProcessShape& process : processes) {
    if (!overlap(process.allowed, mask)) continue;
    load.lanes += process.lanes;
    cpus.insert(process.allowed.begin(), process.allowed.end());
  }
  load.cpus = static_cast<int>(cpus.size());
  return load;
}

int default_lanes(const std::vector<std::vector<int>>& allowed_of_processes, int own, std::optional<double> quota) {
  const std::vector<int>& mask = allowed_of_processes[static_cast<std::size_t>(own)];
  int sharers = 0;
  int before = 0;
  for (std::size_t i = 0; i < allowed_of_processes.size(); ++i) {
    if (allowed_of_processes[i] != mask) continue;
    if (static_cast<int>(i) < own) ++before;
    ++sharers;
  }
  auto cpus = static_cast<double>(mask.size());
  if (quota) cpus = std::min(cpus, std::max(1.0, std::floor(*quota)));
  return std::max(1, static_cast<int>(block_range(static_cast<std::size_t>(cpus), sharers, before).size()));
}

}  // namespace skein
