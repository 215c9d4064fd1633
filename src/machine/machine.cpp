// SPDX-License-Identifier: Apache-2.0
#include "skein/machine/machine.hpp"

#include <hwloc.h>
#include <sched.h>

#include <array>
#include <memory>

#include "skein/base/environment.hpp"
#include "skein/base/error.hpp"

namespace skein {
namespace {

struct DestroyTopology {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
};

int logical_index_of(hwloc_obj_t object) { return object == nullptr ? 0 : static_cast<int>(object->logical_index); }

int ancestor(hwloc_topology_t topology, hwloc_obj_t pu, hwloc_obj_type_t type) {
  return logical_index_of(hwloc_get_ancestor_obj_by_type(topology, type, pu));
}

/// NUMA domains are not ancestors of cores in hwloc: the smallest one whose CPUs include this one.
int numa_of(hwloc_topology_t topology, hwloc_obj_t pu) {
  hwloc_obj_t domain = nullptr;
  while ((domain = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, domain)) != nullptr) {
    if (hwloc_bitmap_isset(domain->cpuset, pu->os_index) != 0) return logical_index_of(domain);
  }
  return 0;
}

using Topology = std::unique_ptr<hwloc_topology, DestroyTopology>;

/// Not loaded yet. CPUs outside this process's cpuset are asked for too, so that all processes count alike.
Topology new_topology() {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) throw Error(ExitCode::environment, "hwloc cannot start: out of memory?");
  hwloc_topology_set_flags(raw, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
  return Topology(raw);
}

Machine load(hwloc_topology_t topology, const std::string& what) {
  if (hwloc_topology_load(topology) != 0) {
    throw Error(ExitCode::environment, "hwloc cannot read the topology of " + what);
  }
  Machine machine;
  const hwloc_const_cpuset_t offered = hwloc_topology_get_allowed_cpuset(topology);
  hwloc_obj_t pu = nullptr;
  while ((pu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu)) != nullptr) {
    const hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, pu);
    machine.pus.push_back({.os_index = static_cast<int>(pu->os_index),
                           .core = core == nullptr ? logical_index_of(pu) : logical_index_of(core),
                           .thread_of_core = core == nullptr ? 0 : static_cast<int>(pu->sibling_rank),
                           .l3 = ancestor(topology, pu, HWLOC_OBJ_L3CACHE),
                           .numa = numa_of(topology, pu),
                           .package = ancestor(topology, pu, HWLOC_OBJ_PACKAGE)});
    if (hwloc_bitmap_isset(offered, pu->os_index) != 0) ++machine.offered;
  }
  return machine;
}

}  // namespace

Machine detect_machine() { return load(new_topology().get(), "this machine"); }

Machine detect_machine(const std::string& source) {
  const Topology topology = new_topology();
  const bool is_understood = source.ends_with(".xml")
                                 ? hwloc_topology_set_xml(topology.get(), source.c_str()) == 0
                                 : hwloc_topology_set_synthetic(topology.get(), source.c_str()) == 0;
  if (!is_understood) throw Error(ExitCode::environment, "hwloc does not understand the machine " + quoted(source));
  return load(topology.get(), quoted(source));
}

std::vector<int> allowed_cpus() {
  // Grown until the kernel's mask fits: machines with more than 1,024 CPUs exist.
  for (int cpus = CPU_SETSIZE; cpus <= (1 << 20); cpus *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(static_cast<std::size_t>(cpus)),
                                                               [](cpu_set_t* p) { CPU_FREE(p); });
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(cpus));
    if (sched_getaffinity(0, bytes, set.get()) != 0) continue;
    std::vector<int> allowed;
    for (int cpu = 0; cpu < cpus; ++cpu) {
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, set.get())) allowed.push_back(cpu);
    }
    return allowed;
  }
  throw Error(ExitCode::environment, "sched_getaffinity does not tell the allowed CPUs");
}

bool runs_only_on(int cpu) {
  constexpr std::size_t kCpus = 1 << 14;  // asked while ranks wait, who must not allocate
  std::array<cpu_set_t, kCpus / CPU_SETSIZE> set;
  const auto bytes = sizeof(set);
  CPU_ZERO_S(bytes, set.data());
  return sched_getaffinity(0, bytes, set.data()) == 0 && CPU_COUNT_S(bytes, set.data()) == 1 &&
         CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, set.data());
}

}  // namespace skein
