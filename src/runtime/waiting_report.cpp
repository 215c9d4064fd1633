// SPDX-License-Identifier: Apache-2.0
#include "waiting_report.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace skein {

std::string waiting_table(const Host& host) {
  const RankMap& map = host.map();
  std::string table =
      fmt::format("skein: waiting, {} ranks in {} processes{}\n{:>6} {:>8} {:>4} {:>12} {:>12} {:>7}\n", map.size(),
                  map.processes(), map.hosts() > 1 ? fmt::format(", host {} of {}", map.own_host(), map.hosts()) : "",
                  "rank", "process", "cpu", "run [s]", "waited [s]", "share");
  double waited_s = 0;
  double run_s = 0;
  for (const int rank : map.ranks_of_host(map.own_host())) {
    const RankAccount& account = host.accounts()[static_cast<std::size_t>(map.seat_of(rank))];
    const double rank_waited_s = static_cast<double>(account.waited_ns) * 1e-9;
    const double rank_run_s = static_cast<double>(account.run_ns) * 1e-9;
    waited_s += rank_waited_s;
    run_s += rank_run_s;
    table += fmt::format("{:>6} {:>8} {:>4} {:>12.6f} {:>12.6f} {:>6.1f}%\n", rank, map.process_of(rank), account.cpu,
                         rank_run_s, rank_waited_s, rank_run_s > 0 ? 100 * rank_waited_s / rank_run_s : 0);
  }
  table += fmt::format("{:>6} {:>8} {:>4} {:>12.6f} {:>12.6f} {:>6.1f}%\n", "all", "", "", run_s, waited_s,
                       run_s > 0 ? 100 * waited_s / run_s : 0);
  return table;
}

std::string placement_table(const Description& run) {
  const int hosts = *std::max_element(run.host_of_process.begin(), run.host_of_process.end()) + 1;
  std::string table = fmt::format(
      "skein: process {} of {}, host {} of {}, MPI: {}, {} ranks in the team, pattern {} ({}), {} lane{} on {} CPUs\n",
      run.process, run.host_of_process.size(), run.host_of_process[static_cast<std::size_t>(run.process)], hosts,
      run.mpi_library, run.size, pattern_name(run.formation.pattern), run.formation.reason, run.load.lanes,
      run.load.lanes == 1 ? "" : "s", run.load.cpus);
  for (std::size_t begin = 0, end = 0; begin < run.cpus.size(); begin = end) {
    while (end < run.lanes.size() && run.lanes[end] == run.lanes[begin]) ++end;
    const int cpu = run.cpus[begin];
    table += fmt::format("skein:   {} on {}\n",
                         describe(LaneRanks(run.first_rank + static_cast<int>(begin), static_cast<int>(end - begin))),
                         cpu == kNotPinned ? std::string("any allowed CPU") : fmt::format("CPU {}", cpu));
  }
  return table;
}

}  // namespace skein
