// SPDX-License-Identifier: Apache-2.0
#include "cpu_order.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace skein {
namespace {

/// A hardware thread, and how many of its core that come before it are allowed.
struct Candidate {
  Pu pu;
  int turn = 0;
};

std::vector<Candidate> candidates_of(const Machine& machine, const std::vector<int>& allowed) {
  std::vector<Candidate> found;
  for (const Pu& pu : machine.pus) {
    if (std::binary_search(allowed.begin(), allowed.end(), pu.os_index)) found.push_back({pu});
  }
  const auto place = [](const Candidate& c) {
    return std::tuple(c.pu.package, c.pu.numa, c.pu.l3, c.pu.core, c.pu.thread_of_core);
  };
  std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
  std::map<int, int> seen_of_core;
  for (Candidate& candidate : found) candidate.turn = seen_of_core[candidate.pu.core]++;
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.turn < b.turn; });
  return found;
}

/// How many of `values` come before `value`.
int position(const std::set<int>& values, int value) {
  return static_cast<int>(std::distance(values.begin(), values.find(value)));
}

/// Dealt out to the packages in turn, within each to its NUMA domains, within each to its L3s.
void scatter(std::vector<Candidate>& candidates) {
  std::map<int, std::set<int>> domains_of;              // package -> NUMA domains
  std::map<std::pair<int, int>, std::set<int>> l3s_of;  // (package, NUMA domain) -> L3s
  for (const auto& [pu, turn] : candidates) {
    domains_of[pu.package].insert(pu.numa);
    l3s_of[{pu.package, pu.numa}].insert(pu.l3);
  }
  std::map<std::tuple<int, int, int, int>, int> dealt;  // (turn, package, NUMA domain, L3) -> CPUs so far
  std::vector<std::pair<std::tuple<int, int, int, int, int>, Candidate>> keyed;
  for (const Candidate& candidate : candidates) {
    const Pu& pu = candidate.pu;
    const int round = dealt[{candidate.turn, pu.package, pu.numa, pu.l3}]++;
    keyed.push_back({{candidate.turn, round, position(l3s_of[{pu.package, pu.numa}], pu.l3),
                      position(domains_of[pu.package], pu.numa), pu.package},
                     candidate});
  }
  std::sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::transform(keyed.begin(), keyed.end(), candidates.begin(), [](const auto& entry) { return entry.second; });
}

}  // namespace

std::vector<int> cpu_order(const Machine& machine, const Binding& binding, const std::vector<int>& allowed) {
  if (binding.kind == Binding::Kind::list) return binding.cpus;
  if (binding.kind == Binding::Kind::none) return {};
  std::vector<Candidate> candidates = candidates_of(machine, allowed);
  if (binding.kind == Binding::Kind::scatter) scatter(candidates);
  std::vector<int> order;
  for (const Candidate& candidate : candidates) order.push_back(candidate.pu.os_index);
  for (const int cpu : allowed) {
    if (std::find(order.begin(), order.end(), cpu) == order.end()) order.push_back(cpu);
  }
  return order;
}

int cores_of(const Machine& machine, const std::vector<int>& cpus) {
  std::set<int> cores;
  int unknown = 0;
  for (const int cpu : cpus) {
    const auto pu =
        std::find_if(machine.pus.begin(), machine.pus.end(), [&](const Pu& p) { return p.os_index == cpu; });
    if (pu == machine.pus.end()) {
      ++unknown;
    } else {
      cores.insert(pu->core);
    }
  }
  return static_cast<int>(cores.size()) + unknown;
}

}  // namespace skein
