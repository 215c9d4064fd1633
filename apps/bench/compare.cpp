// SPDX-License-Identifier: Apache-2.0
#include "compare.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "evaluation.hpp"
#include "lineup.hpp"
#include "report.hpp"
#include "rounds.hpp"

namespace bench {

namespace {

constexpr int kIo = 4;
constexpr int kParallel = 5;
constexpr int kInterrupted = 130;

// One line that is rewritten, on a terminal only.
void show_progress(int done, int of, const std::string& what) {
  static const bool terminal = ::isatty(STDERR_FILENO) == 1;
  if (!terminal) return;
  fmt::print(stderr, "\r\x1b[K{} {}/{}", what, done, of);
  std::fflush(stderr);
}

void clear_progress() {
  if (::isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\r\x1b[K");
}

}  // namespace

int compare(const BenchOptions& options, const std::string& command) {
  std::ofstream json;
  if (!options.json.empty()) {
    json.open(options.json);  // before the work, not after it
    if (!json) {
      fmt::print(stderr, "skein-bench: --json {}: cannot be opened for writing\n", options.json);
      return kIo;
    }
  }
  end_on_signals();
  const MachineFacts facts = machine_facts();
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  const Lineup lineup = make_lineup(options, facts, self.parent_path().string(), self.string());
  fmt::print("{}", preamble(lineup, options, facts, command));
  std::fflush(stdout);
  Measurement measurement;
  try {
    measurement = measure(lineup, options, facts, show_progress);
  } catch (const Interrupted&) {
    clear_progress();
    fmt::print(stderr, "skein-bench: interrupted; all contenders were ended, nothing is reported\n");
    return kInterrupted;
  }
  clear_progress();
  const Evaluation evaluation = evaluate(lineup, measurement, options, facts);
  const Report report{lineup, measurement, evaluation, options, facts, command};
  fmt::print("{}", tables(report));
  std::fflush(stdout);
  for (const Failure& failure : measurement.failures)
    fmt::print(stderr, "skein-bench: contender {}{} failed: {}\n", failure.contender,
               failure.label.empty() ? "" : "/" + failure.label, failure.reason);
  if (json.is_open()) {
    json << json_text(report) << std::flush;
    if (!json) {
      fmt::print(stderr, "skein-bench: --json {}: writing failed\n", options.json);
      return kIo;
    }
  }
  return measurement.failures.empty() ? 0 : kParallel;
}

}  // namespace bench
