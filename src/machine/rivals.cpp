// SPDX-License-Identifier: Apache-2.0
#include "rivals.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "skein/base/block.hpp"

namespace skein {
namespace {

std::size_t index(int process) { return static_cast<std::size_t>(process); }

/// Share of process `at` among `sharers` of `n` things.
int share(std::size_t n, int sharers, int at) { return static_cast<int>(block_range(n, sharers, at).size()); }

/// The processes under each limit, and the least that it was seen to be.
struct Sharers {
  double cpus = 0;
  std::vector<int> processes;
};

std::map<std::uint64_t, Sharers> sharers_of_limits(const std::vector<ProcessFacts>& processes) {
  std::map<std::uint64_t, Sharers> result;
  for (std::size_t i = 0; i < processes.size(); ++i) {
    for (const CpuLimit& limit : processes[i].limits) {
      Sharers& sharers = result[limit.group];
      sharers.cpus = sharers.processes.empty() ? limit.cpus : std::min(sharers.cpus, limit.cpus);
      const int process = static_cast<int>(i);
      if (sharers.processes.empty() || sharers.processes.back() != process) sharers.processes.push_back(process);
    }
  }
  return result;
}

int whole_cpus(double cpus) { return std::max(1, static_cast<int>(std::floor(std::min(cpus, 1e6)))); }

/// Shares of CPUs: each one counts in equal parts for all who may use it; those with the same CPUs divide them as a whole.
std::vector<int> shares_of(const CpuSets& sets) {
  std::map<int, int> users;
  std::map<std::vector<int>, std::vector<int>> processes_of;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    for (const int cpu : sets[i]) ++users[cpu];
    processes_of[sets[i]].push_back(static_cast<int>(i));
  }
  std::vector<int> shares(sets.size());
  for (const auto& [set, sharers] : processes_of) {
    const int count = static_cast<int>(sharers.size());
    const double cpus = std::accumulate(set.begin(), set.end(), 0.0, [&](double sum, int cpu) {
      return sum + count / static_cast<double>(users[cpu]);
    });
    constexpr double kRounding = 1e-9;
    for (int at = 0; at < count; ++at) {
      shares[index(sharers[index(at)])] = share(static_cast<std::size_t>(cpus + kRounding), count, at);
    }
  }
  return shares;
}

}  // namespace

CpuSets masks_of(const std::vector<ProcessFacts>& processes) {
  CpuSets masks;
  for (const ProcessFacts& process : processes) masks.push_back(process.allowed);
  return masks;
}

CpuSets pools_of(const std::vector<ProcessFacts>& processes) {
  CpuSets pools = masks_of(processes);
  for (std::size_t i = 0; i < pools.size(); ++i) {
    if (processes[i].binding.kind != Binding::Kind::list) continue;
    pools[i] = processes[i].binding.cpus;
    std::sort(pools[i].begin(), pools[i].end());
  }
  return pools;
}

std::vector<std::vector<int>> rivals(const CpuSets& cpus) {
  std::vector<int> parent(cpus.size());
  std::iota(parent.begin(), parent.end(), 0);
  const auto root_of = [&](int process) {
    while (parent[index(process)] != process) process = parent[index(process)] = parent[index(parent[index(process)])];
    return process;
  };
  std::map<int, int> first_user;
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    for (const int cpu : cpus[i]) {
      const auto [user, is_new] = first_user.try_emplace(cpu, static_cast<int>(i));
      if (is_new) continue;
      const int one = root_of(user->second);
      const int other = root_of(static_cast<int>(i));
      parent[index(std::max(one, other))] = std::min(one, other);
    }
  }
  std::map<int, std::vector<int>> groups;
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    if (!cpus[i].empty()) groups[root_of(static_cast<int>(i))].push_back(static_cast<int>(i));
  }
  std::vector<std::vector<int>> result;
  for (auto& [root, group] : groups) result.push_back(std::move(group));
  return result;
}

std::vector<int> default_lanes(const std::vector<ProcessFacts>& processes, int most) {
  std::vector<int> lanes = shares_of(pools_of(processes));
  for (const auto& [group, sharers] : sharers_of_limits(processes)) {
    const int count = static_cast<int>(sharers.processes.size());
    for (int at = 0; at < count; ++at) {
      int& mine = lanes[index(sharers.processes[index(at)])];
      mine = std::min(mine, share(index(whole_cpus(sharers.cpus)), count, at));
    }
  }
  const int count = static_cast<int>(processes.size());
  for (int i = 0; i < count; ++i)
    lanes[index(i)] = std::max(1, std::min(lanes[index(i)], share(index(most), count, i)));
  return lanes;
}

std::vector<Load> loads_of_masks(const CpuSets& masks, const std::vector<int>& lanes) {
  std::map<std::vector<int>, int> lanes_of;
  for (std::size_t i = 0; i < masks.size(); ++i) lanes_of[masks[i]] += lanes[i];
  std::map<std::vector<int>, Load> load_of;
  for (const auto& [mask, own] : lanes_of) {
    Load& load = load_of[mask];
    load.cpus = static_cast<int>(mask.size());
    for (const auto& [other, count] : lanes_of) {
      if (std::includes(mask.begin(), mask.end(), other.begin(), other.end())) load.lanes += count;
    }
  }
  std::vector<Load> loads;
  for (const std::vector<int>& mask : masks) loads.push_back(load_of[mask]);
  return loads;
}

std::vector<LimitLoad> loads_of_limits(const std::vector<ProcessFacts>& processes, const std::vector<int>& lanes) {
  std::vector<LimitLoad> result(processes.size());
  for (const auto& [group, sharers] : sharers_of_limits(processes)) {
    Load load{0, whole_cpus(sharers.cpus)};
    for (const int process : sharers.processes) load.lanes += lanes[index(process)];
    for (const int process : sharers.processes) {
      LimitLoad& worst = result[index(process)];
      if (is_more_crowded(load, worst.load)) worst = {load, {group, sharers.cpus}};
    }
  }
  return result;
}

std::vector<Load> worst_loads(const std::vector<ProcessFacts>& processes, const std::vector<int>& lanes) {
  const CpuSets masks = masks_of(processes);
  const std::vector<Load> of_masks = loads_of_masks(masks, lanes);
  const std::vector<LimitLoad> of_limits = loads_of_limits(processes, lanes);
  std::vector<Load> result(processes.size());
  for (const std::vector<int>& group : rivals(masks)) {
    Load worst;
    std::set<int> cpus;
    for (const int process : group) {
      worst.lanes += lanes[index(process)];
      cpus.insert(masks[index(process)].begin(), masks[index(process)].end());
    }
    worst.cpus = static_cast<int>(cpus.size());
    for (const int process : group) {
      if (is_more_crowded(of_masks[index(process)], worst)) worst = of_masks[index(process)];
    }
    for (const int process : group) {
      const Load& limit = of_limits[index(process)].load;
      result[index(process)] = is_more_crowded(limit, worst) ? limit : worst;
    }
  }
  return result;
}

}  // namespace skein
