// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace bench {

namespace {

// Three significant digits, as times and ratios span five decades.
std::string number(double value) {
  if (std::isnan(value)) return "-";
  const int digits = value == 0 ? 0 : std::clamp(2 - static_cast<int>(std::floor(std::log10(std::abs(value)))), 0, 4);
  return fmt::format("{:.{}f}", value, digits);
}

std::string with_quartiles(const Spread& spread) {
  if (spread.rounds == 0) return "-";
  return fmt::format("{} [{} .. {}]", number(spread.median), number(spread.low), number(spread.high));
}

std::string layout(const Row& row) { return fmt::format("{} x {}", row.processes, row.ranks / row.processes); }

std::string operation(const BenchOptions& options) {
  if (options.hosts > 1) return fmt::format("barrier between {} hosts, back to back", options.hosts);
  if (options.kind == Kind::allreduce)
    return fmt::format("allreduce of {} double{} per rank, sum, {} ranks", options.count, options.count == 1 ? "" : "s",
                       options.ranks);
  if (options.kind == Kind::skew)
    return fmt::format("barrier, last in to last out, each rank delayed by 0 to {} ns, {} ranks", options.skew_ns,
                       options.ranks);
  if (is_further_collective(options.kind))
    return fmt::format("{} of {} double{} per rank, {} ranks", benchmark_name(options.kind), options.count,
                       options.count == 1 ? "" : "s", options.ranks);
  return fmt::format("barrier, back to back, {} ranks", options.ranks);
}

}  // namespace

std::string preamble(const Lineup& lineup, const BenchOptions& options, const MachineFacts& facts,
                     const std::string& command) {
  std::string text;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "{}; per team, in ns per operation\n", operation(options));
  fmt::format_to(out, "command   {}\n", command);
  fmt::format_to(out, "date      {}   seed {}   {}\n", facts.date, options.seed, facts.compiler);
  fmt::format_to(out, "machine   {}, {} CPUs online, {} ({})\n", facts.cpu, facts.online, facts.kernel, facts.host);
  fmt::format_to(out, "allowed   CPUs {} (affinity and cpuset), quota {}, load before the start {:.2f}\n",
                 facts.affinity, facts.quota, facts.load);
  if (facts.load > 0.5)
    fmt::format_to(out, "WARNING   other programs keep {:.2f} CPUs busy: these figures will be of little use\n",
                   facts.load);
  for (const Entrant& entrant : lineup.entrants)
    fmt::format_to(out, "setting   {}{}: {}\n", entrant.spec.name, entrant.label.empty() ? "" : "/" + entrant.label,
                   entrant.spec.setting);
  for (const LeftOut& left : lineup.left_out) fmt::format_to(out, "left out  {}: {}\n", left.name, left.reason);
  return text;
}

std::string tables(const Report& report) {
  const Evaluation& evaluation = report.evaluation;
  std::string text;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "\nline transfer, one way: median {} ns, p99 {} ns; {} ns with a pause between polls\n",
                 number(evaluation.line_ns), number(evaluation.line_p99_ns), number(evaluation.line_paused_ns));
  fmt::format_to(out, "rounds: {} used{}, {} rejected for steal time\n", report.measurement.rounds,
                 report.measurement.with_steal ? " (all with steal time)" : "", report.measurement.rejected);
  const Control& control = evaluation.control;
  if (control.ratios > 0)
    fmt::format_to(out, "A/A control: central 95 % of {} ratios is {} to {}{}\n", control.ratios, number(control.low),
                   number(control.high), control.conclusive() ? "" : "; INCONCLUSIVE: " + control.inconclusive);
  fmt::format_to(out, "\n{:<14}  {:<24} {:>7} {:>9} {:>9}  {:<22}  {}\n", "benchmark", "contender", "P x R", "median",
                 "p99", "per line transfer", "times Skein's");
  for (const Row& row : evaluation.rows)
    fmt::format_to(out, "{:<14}  {:<24} {:>7} {:>9} {:>9}  {:<22}  {}\n", row.benchmark, row.contender, layout(row),
                   number(row.median_ns), number(row.p99_ns), with_quartiles(row.per_line),
                   with_quartiles(row.to_skein));
  if (!evaluation.verdicts.empty())
    fmt::format_to(out, "\n{:<44} {:>9} {:>7} {:>8}  {}\n", "target (Skein / other)", "measured", "must", "stretch",
                   "verdict");
  for (const Verdict& verdict : evaluation.verdicts)
    fmt::format_to(out, "{:<44} {:>9} {:>7} {:>8}  {}{}\n", verdict.what, number(verdict.measured),
                   fmt::format("{:g}", verdict.must), verdict.stretch > 0 ? fmt::format("{:g}", verdict.stretch) : "-",
                   outcome_name(verdict.outcome), verdict.note.empty() ? "" : " (" + verdict.note + ")");
  for (const Failure& failure : report.measurement.failures)
    fmt::format_to(out, "\nFAILED    {}{}: {}\n", failure.contender, failure.label.empty() ? "" : "/" + failure.label,
                   failure.reason);
  return text;
}

}  // namespace bench
