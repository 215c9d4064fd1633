// SPDX-License-Identifier: Apache-2.0
// The results as a table for people and as JSON for programs.
#pragma once

#include <string>

#include "evaluation.hpp"

namespace bench {

struct Report {
  const Lineup& lineup;
  const Measurement& measurement;
  const Evaluation& evaluation;
  const BenchOptions& options;
  const MachineFacts& facts;
  std::string command;  // as typed
};

// What is known before the first round: machine, settings of every contender, who is left out.
std::string preamble(const Lineup& lineup, const BenchOptions& options, const MachineFacts& facts,
                     const std::string& command);
std::string tables(const Report& report);
// {"machine": {...}, "results": [{"benchmark", "contender", "ranks", "lanes", "processes", "median_ns", "p99_ns",
// "per_line_transfer", "ratio_to_skein", ...}], ...}; what could not be measured is null.
std::string json_text(const Report& report);

}  // namespace bench
