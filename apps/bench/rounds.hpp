// SPDX-License-Identifier: Apache-2.0
// The measurement: interleaved rounds of short blocks, one contender running at a time.
//
// Why rounds  On a virtual machine the cost of moving a cache line changes within seconds and without warning, so only
//             figures of the same round are compared with each other.
// A round     The line transfer, then every contender in random order: continued, warmed up, timed for one short
//             block, stopped. A round in which the hypervisor took time from these CPUs is not used.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lineup.hpp"
#include "options.hpp"

namespace bench {

// One line of the results before evaluation: a contender doing one kind of operation.
struct Series {
  std::size_t entrant = 0;  // index in the line-up
  Kind kind = Kind::barrier;
  std::vector<double> round_ns{};  // of one operation, one value per used round; NaN once the contender had failed
  std::vector<double> batch_ns{};  // of one operation, mean of each batch, all used rounds
  std::uint64_t ops_per_block = 0;
};

struct Failure {
  std::string contender;
  std::string label;
  std::string reason;
};

struct Measurement {
  std::vector<Series> series;
  std::vector<Failure> failures;
  int rounds = 0;           // used
  int rejected = 0;         // had steal time
  bool with_steal = false;  // no round was clean: those with steal time are shown instead, and prove nothing
};

// Starts the contenders, measures, ends them. `progress(done, of, what)` is called often.
using ProgressFunction = std::function<void(int done, int of, const std::string& what)>;
Measurement measure(const Lineup& lineup, const BenchOptions& options, const MachineFacts& facts,
                    const ProgressFunction& progress);

}  // namespace bench
