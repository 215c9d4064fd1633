// SPDX-License-Identifier: Apache-2.0
#include "skein/machine/placement.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>

#include "cpu_order.hpp"
#include "placement_warnings.hpp"
#include "rivals.hpp"
#include "skein/base/environment.hpp"

namespace skein {
namespace {

std::size_t index(int process) { return static_cast<std::size_t>(process); }

/// Each lane takes the first CPU of its process's order that nobody has.
void deal(const HostFacts& host, const std::vector<int>& group, HostPlan& plan) {
  std::set<int> taken;
  std::map<Binding::Kind, std::vector<int>> orders;  // of compact and scatter: the pool is the same for all
  for (const int process : group) {
    const ProcessFacts& facts = host.processes[index(process)];
    std::vector<int> order;
    if (facts.binding.kind == Binding::Kind::list) {
      order = facts.binding.cpus;
    } else {
      std::vector<int>& known = orders[facts.binding.kind];
      if (known.empty()) known = cpu_order(host.machine, facts.binding, facts.allowed);
      order = known;
    }
    auto next = order.begin();
    for (int& cpu : plan.processes[index(process)].cpus) {
      while (!taken.insert(*next).second) ++next;
      cpu = *next;
    }
  }
}

std::vector<Pinning> pin(const HostFacts& host, HostPlan& plan) {
  std::vector<Pinning> pinning(host.processes.size(), Pinning::not_wanted);
  CpuSets pools = pools_of(host.processes);
  for (std::size_t i = 0; i < pools.size(); ++i) {
    if (host.processes[i].binding.kind == Binding::Kind::none) pools[i].clear();
  }
  for (const std::vector<int>& group : rivals(pools)) {
    const std::vector<int>& pool = pools[index(group.front())];
    std::size_t lanes = 0;
    for (const int process : group) lanes += plan.processes[index(process)].cpus.size();
    const bool is_same =
        std::all_of(group.begin(), group.end(), [&](int other) { return pools[index(other)] == pool; });
    const Pinning outcome = !is_same ? Pinning::overlapping : lanes > pool.size() ? Pinning::too_few : Pinning::pinned;
    if (outcome == Pinning::pinned) deal(host, group, plan);
    for (const int process : group) pinning[index(process)] = outcome;
  }
  return pinning;
}

}  // namespace

Binding parse_binding(std::string_view name, std::string_view value, int cpus) {
  static constexpr std::array<std::string_view, 3> kWords = {"compact", "scatter", "none"};
  const auto word = std::find(kWords.begin(), kWords.end(), value);
  if (word != kWords.end()) return {static_cast<Binding::Kind>(word - kWords.begin()), {}};
  return {Binding::Kind::list, parse_cpu_list(name, value, cpus)};
}

bool is_more_crowded(const Load& a, const Load& b) {
  return std::int64_t{a.lanes} * b.cpus > std::int64_t{b.lanes} * a.cpus;
}

HostPlan plan_host(const HostFacts& host) {
  std::vector<int> lanes = default_lanes(host.processes, host.most_lanes);
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const ProcessFacts& facts = host.processes[i];
    lanes[i] = facts.lanes.value_or(std::min(lanes[i], facts.ranks.value_or(lanes[i])));
  }
  HostPlan plan;
  for (const Load& load : worst_loads(host.processes, lanes)) {
    const std::size_t process = plan.processes.size();
    plan.processes.push_back({.ranks = host.processes[process].ranks.value_or(lanes[process]),
                              .cpus = std::vector<int>(index(lanes[process]), kNotPinned),
                              .load = load});
  }
  const std::vector<Pinning> pinning = pin(host, plan);
  plan.warnings = placement_warnings(host, plan, pinning);
  return plan;
}

}  // namespace skein
