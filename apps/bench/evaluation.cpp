// SPDX-License-Identifier: Apache-2.0
#include "evaluation.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "targets.hpp"

namespace bench {

namespace {

// The index of a series by what it is; nothing when it was not measured.
class Finder {
 public:
  Finder(const Lineup& lineup, const Measurement& measurement, int hosts)
      : lineup_(lineup), measurement_(measurement), hosts_(hosts) {}

  const Series* yardstick(Role role) const {
    return find([&](const Entrant& entrant, Kind) { return entrant.role == role; });
  }

  // Skein with a process on each host, which on one host is Skein on threads, or its control.
  const Series* skein(Role role, Kind kind, int ranks) const { return skein(role, kind, ranks, hosts_); }

  // What a row's ratio refers to. Skein in several processes of a host is compared with Skein on threads.
  const Series* reference(const Entrant& entrant, Kind kind) const {
    const Series* same = skein(Role::subject, kind, entrant.spec.ranks, entrant.spec.processes);
    return entrant.role == Role::subject || same == nullptr ? skein(Role::subject, kind, entrant.spec.ranks) : same;
  }

 private:
  const Series* skein(Role role, Kind kind, int ranks, int processes) const {
    return find([&](const Entrant& entrant, Kind its_kind) {
      return entrant.role == role && its_kind == kind && entrant.spec.ranks == ranks &&
             entrant.spec.processes == processes;
    });
  }

  template <class Predicate>
  const Series* find(Predicate&& is_wanted) const {
    for (const Series& series : measurement_.series)
      if (is_wanted(lineup_.entrants[series.entrant], series.kind)) return &series;
    return nullptr;
  }

  const Lineup& lineup_;
  const Measurement& measurement_;
  int hosts_;
};

std::vector<double> measured_only(const std::vector<double>& values) {
  std::vector<double> result;
  for (const double value : values)
    if (!std::isnan(value)) result.push_back(value);
  return result;
}

using PeerTeam = std::pair<std::string, int>;  // name, ranks

// The index of the fastest setting of each peer, by median time per line transfer, or by time without a yardstick.
std::map<PeerTeam, std::size_t> best_settings(const Lineup& lineup, const Measurement& measurement,
                                              const std::vector<Row>& rows) {
  std::map<PeerTeam, std::size_t> best;
  const auto score = [&](std::size_t i) {
    return std::isnan(rows[i].per_line.median) ? rows[i].median_ns : rows[i].per_line.median;
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Entrant& entrant = lineup.entrants[measurement.series[i].entrant];
    if (entrant.role != Role::peer || std::isnan(score(i))) continue;
    const auto [place, is_new] = best.try_emplace({entrant.spec.name, entrant.spec.ranks}, i);
    if (!is_new && score(i) < score(place->second)) place->second = i;
  }
  return best;
}

}  // namespace

Verdict judge(std::string what, double measured, double must, double stretch, const Control& control) {
  Verdict verdict{.what = std::move(what), .measured = measured, .must = must, .stretch = stretch, .note = {}};
  const char* plain = measured <= must ? "would be met" : "would be missed";
  if (std::isnan(measured)) {
    verdict.note = "not measured";
  } else if (!control.conclusive()) {
    verdict.note = plain;
  } else if (measured * control.high <= must) {
    verdict.outcome = Outcome::met;
  } else if (measured * control.low > must) {
    verdict.outcome = Outcome::missed;
  } else {
    verdict.note = fmt::format("{}, but lies within the A/A band", plain);
  }
  return verdict;
}

const char* outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::met:
      return "met";
    case Outcome::missed:
      return "missed";
    case Outcome::inconclusive:
      break;
  }
  return "inconclusive";
}

Evaluation evaluate(const Lineup& lineup, const Measurement& measurement, const BenchOptions& options,
                    const MachineFacts& facts) {
  const Finder finder(lineup, measurement, options.hosts);
  const Series* line = finder.yardstick(Role::yardstick);
  const std::vector<double> none;
  Evaluation result;
  const Series* paused = finder.yardstick(Role::second_yardstick);
  result.line_ns = median(line == nullptr ? none : measured_only(line->round_ns));
  result.line_p99_ns = quantile(line == nullptr ? none : line->batch_ns, 0.99);
  result.line_paused_ns = median(paused == nullptr ? none : measured_only(paused->round_ns));
  const Series* a = finder.skein(Role::subject, options.kind, options.ranks);
  const Series* b = finder.skein(Role::control, options.kind, options.ranks);
  result.control = control(a != nullptr && b != nullptr ? ratios(b->round_ns, a->round_ns) : none);
  if (measurement.with_steal) result.control.inconclusive = "every round had steal time";

  std::vector<Row> rows;
  for (const Series& series : measurement.series) {
    const Entrant& entrant = lineup.entrants[series.entrant];
    const ContenderSpec& spec = entrant.spec;
    const Series* reference = finder.reference(entrant, series.kind);
    rows.push_back({.benchmark = benchmark_name(series.kind),
                    .contender = spec.name,
                    .setting = spec.setting,
                    .ranks = spec.ranks,
                    .lanes = spec.ranks,
                    .processes = spec.processes,
                    .hosts = spec.hosts,
                    .count = series.kind == Kind::allreduce || is_further_collective(series.kind) ? options.count : 0,
                    .ops_per_block = series.ops_per_block,
                    .median_ns = median(measured_only(series.round_ns)),
                    .p99_ns = quantile(series.batch_ns, 0.99),
                    .per_line = spread(line == nullptr ? none : ratios(series.round_ns, line->round_ns)),
                    .to_skein = spread(reference == nullptr ? none : ratios(series.round_ns, reference->round_ns))});
  }
  const auto best = best_settings(lineup, measurement, rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Entrant& entrant = lineup.entrants[measurement.series[i].entrant];
    if (entrant.role == Role::yardstick || entrant.role == Role::second_yardstick) continue;
    const auto place = best.find({entrant.spec.name, entrant.spec.ranks});
    const bool is_best = place != best.end() && place->second == i;
    if (entrant.role == Role::control || (entrant.role == Role::peer && !is_best && entrant.label != "other"))
      rows[i].contender += "/" + entrant.label;
    result.rows.push_back(rows[i]);
  }
  // The reduction of `own barrier` needs series, the other targets need rows only.
  Spread own_barrier = spread(none);
  const Series* barrier = finder.skein(Role::subject, Kind::barrier, options.ranks);
  if (options.kind == Kind::allreduce && a != nullptr && barrier != nullptr)
    own_barrier = spread(ratios(a->round_ns, barrier->round_ns));
  result.verdicts = judge_targets(result, own_barrier, options, facts);
  return result;
}

}  // namespace bench
