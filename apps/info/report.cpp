// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <skein/skein.hpp>

namespace info {

int gather(skein::Runtime& runtime, const std::string& own, std::vector<std::string>& all) {
  const int first_rank = runtime.description().first_rank;
  return runtime.run([&](skein::Team& team) {
    // Every rank contributes as many characters, the first of its process a text and the others blanks.
    std::string mine = team.rank() == first_rank ? own : "";
    const std::size_t size = team.allreduce(mine.size(), skein::max);
    mine.resize(size, ' ');
    std::string joined(team.rank() == 0 ? size * static_cast<std::size_t>(team.size()) : 0, ' ');
    team.gather(std::span<const char>(mine), std::span<char>(joined), 0);
    for (std::size_t begin = 0; begin < joined.size(); begin += size) {
      if (joined[begin] != ' ') all.push_back(joined.substr(begin, size));
    }
  });
}

Json merge(const std::vector<std::string>& records) {
  Json report;
  for (const char* list : {"machines", "hosts", "processes"}) report[list] = Json::array();
  Json warnings = Json::array();
  for (const std::string& text : records) {
    Json record = Json::parse(text);
    if (report["processes"].empty()) {
      Json common = std::move(record["common"]);
      common.update(report);
      report = std::move(common);
    }
    // Both are numbered in the order of their first processes.
    if (record["machine"]["machine"] == report["machines"].size()) report["machines"].push_back(record["machine"]);
    if (record["host"]["host"] == report["hosts"].size()) report["hosts"].push_back(record["host"]);
    for (Json& warning : record["process"]["warnings"]) warnings.push_back(std::move(warning));
    record["process"].erase("warnings");
    report["processes"].push_back(std::move(record["process"]));
  }
  report["warnings"] = std::move(warnings);
  return report;
}

}  // namespace info
