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

std::string placement_table(const Start& start) {
  const RankMap& map = start.host->map();
  const int process = start.world->process();
  const Formation& formation = start.host->formation();
  std::string table = fmt::format(
      "skein: process {} of {}, host {} of {}, MPI: {}, {} ranks in the team, pattern {} ({}), {} ranks on {} CPUs\n",
      process, map.processes(), map.own_host(), map.hosts(), start.world->library(), map.size(),
      pattern_name(formation.pattern), formation.reason, start.load.lanes, start.load.cpus);
  for (std::size_t lane = 0; lane < start.cpus.size(); ++lane) {
    const int cpu = start.cpus[lane];
    table += fmt::format("skein:   rank {} on {}\n", map.first_of(process) + static_cast<int>(lane),
                         cpu == kNotPinned ? std::string("any allowed CPU") : fmt::format("CPU {}", cpu));
  }
  return table;
}

}  // namespace skein
