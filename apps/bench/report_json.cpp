// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "report.hpp"

namespace bench {

namespace {

// NaN becomes null when it is written.
nlohmann::ordered_json as_json(const Spread& spread) {
  return {{"median", spread.median}, {"q1", spread.low}, {"q3", spread.high}, {"rounds", spread.rounds}};
}

nlohmann::ordered_json as_json(const Row& row) {
  nlohmann::ordered_json json{{"benchmark", row.benchmark},
                              {"contender", row.contender},
                              {"ranks", row.ranks},
                              {"lanes", row.lanes},
                              {"processes", row.processes},
                              {"hosts", row.hosts},
                              {"median_ns", row.median_ns},
                              {"p99_ns", row.p99_ns},
                              {"per_line_transfer", row.per_line.median},
                              {"ratio_to_skein", row.to_skein.median},
                              {"setting", row.setting},
                              {"ops_per_block", row.ops_per_block},
                              {"per_line_transfer_spread", as_json(row.per_line)},
                              {"ratio_to_skein_spread", as_json(row.to_skein)}};
  if (row.count > 0) json["count"] = row.count;
  return json;
}

nlohmann::ordered_json as_json(const MachineFacts& facts) {
  return {{"cpu", facts.cpu},
          {"host", facts.host},
          {"kernel", facts.kernel},
          {"cpus_online", facts.online},
          {"cpus_allowed", facts.affinity},
          {"cpu_quota", facts.quota},
          {"load_before", facts.load}};
}

}  // namespace

std::string json_text(const Report& report) {
  const Evaluation& evaluation = report.evaluation;
  nlohmann::ordered_json json;
  json["machine"] = as_json(report.facts);
  json["command"] = report.command;
  json["date"] = report.facts.date;
  json["compiler"] = report.facts.compiler;
  json["seed"] = report.options.seed;
  json["rounds"] = report.measurement.rounds;
  json["rejected_rounds"] = report.measurement.rejected;
  json["line_transfer"] = {{"median_ns", evaluation.line_ns},
                           {"p99_ns", evaluation.line_p99_ns},
                           {"paused_median_ns", evaluation.line_paused_ns}};
  json["control"] = {{"low", evaluation.control.low},
                     {"high", evaluation.control.high},
                     {"ratios", evaluation.control.ratios},
                     {"conclusive", evaluation.control.conclusive()},
                     {"reason", evaluation.control.inconclusive}};
  json["results"] = nlohmann::ordered_json::array();
  for (const Row& row : evaluation.rows) json["results"].push_back(as_json(row));
  json["targets"] = nlohmann::ordered_json::array();
  for (const Verdict& verdict : evaluation.verdicts)
    json["targets"].push_back({{"what", verdict.what},
                               {"measured", verdict.measured},
                               {"must", verdict.must},
                               {"stretch", verdict.stretch},
                               {"verdict", outcome_name(verdict.outcome)},
                               {"note", verdict.note}});
  json["left_out"] = nlohmann::ordered_json::array();
  for (const LeftOut& left : report.lineup.left_out)
    json["left_out"].push_back({{"contender", left.name}, {"reason", left.reason}});
  json["failed"] = nlohmann::ordered_json::array();
  for (const Failure& failure : report.measurement.failures)
    json["failed"].push_back(
        {{"contender", failure.contender}, {"setting", failure.label}, {"reason", failure.reason}});
  // Whatever bytes a failing program printed, the file must stay valid.
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace bench
