// SPDX-License-Identifier: Apache-2.0
#include "describe.hpp"

namespace skein {

Description description_of(const Start& start) {
  const World& world = *start.world;
  const RankMap& map = start.host->map();
  Description result;
  result.launcher = detect_launcher();
  result.mpi_library = world.library();
  result.thread_level = world.thread_level();
  result.host_of_process = start.host_of_process;
  result.machine_of_process = world.machine_of_process();
  result.size = map.size();
  result.process = world.process();
  result.options = start.options;
  result.machine = start.machine;
  result.facts = start.facts;
  result.first_rank = map.first_of(result.process);
  for (int rank = result.first_rank; rank < result.first_rank + map.ranks_of(result.process); ++rank) {
    result.lanes.push_back(map.lane_of(rank) - map.lane_of(result.first_rank));
    result.cpus.push_back(start.cpus[static_cast<std::size_t>(result.lanes.back())]);
  }
  result.load = start.load;
  result.busy_cpus = start.cpu_locks.busy();
  result.waiting = start.settings.budget;
  result.warnings = start.warnings;
  result.ranks_of_host = map.ranks_of_host(map.own_host());
  result.formation = start.host->board().formation();
  result.heap_bytes = start.heap_bytes;
  return result;
}

}  // namespace skein
