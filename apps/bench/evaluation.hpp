// SPDX-License-Identifier: Apache-2.0
// From series of times to rows of results: ratios within rounds, the best setting of each peer, and targets.
#pragma once

#include <string>
#include <vector>

#include "lineup.hpp"
#include "rounds.hpp"
#include "statistics.hpp"

namespace bench {

// One row of the table and one element of "results".
struct Row {
  std::string benchmark;
  std::string contender;  // a peer's best setting has its plain name, the others are NAME/LABEL
  std::string setting;
  int ranks = 0;  // of the whole team
  int lanes = 0;  // threads that carry them, all processes together
  int processes = 0;
  int hosts = 1;
  std::uint64_t count = 0;  // doubles per rank, 0 for a barrier
  std::uint64_t ops_per_block = 0;
  double median_ns = 0;  // of one operation, over rounds
  double p99_ns = 0;     // 99th percentile over the batches of all rounds
  Spread per_line{};     // time over the line transfer of the same round
  Spread to_skein{};     // time over Skein's of the same round: the one with as many processes, else one per host
};

enum class Outcome { met, missed, inconclusive };

struct Verdict {
  std::string what;  // "barrier / libgomp"
  double measured = 0;
  double must = 0;
  double stretch = 0;  // 0: none
  Outcome outcome = Outcome::inconclusive;
  std::string note;  // what it would be, when inconclusive
};

struct Evaluation {
  std::vector<Row> rows;
  std::vector<Verdict> verdicts;
  Control control;
  double line_ns = 0;  // median over rounds
  double line_p99_ns = 0;
  double line_paused_ns = 0;  // the same with a pause between polls
};

Evaluation evaluate(const Lineup& lineup, const Measurement& measurement, const BenchOptions& options,
                    const MachineFacts& facts);

// Whether `measured` keeps the target, given how much two runs of the same program differ. Claims nothing inside
// the A/A band, and nothing at all when the control was inconclusive.
Verdict judge(std::string what, double measured, double must, double stretch, const Control& control);

const char* outcome_name(Outcome outcome);

}  // namespace bench
