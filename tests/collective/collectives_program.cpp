// SPDX-License-Identifier: Apache-2.0
//
// collectives_program CASE CHECKS [SEED]: checks a collective, or all of them, against a serial oracle, in whatever layout
// it is started. CHECKS of the checks of the case are drawn without putting back; 0 runs all. The seed also depends on
// the layout, so that different layouts draw differently.
//
// Fails on  any output that is not, bit for bit, the oracle's; any write outside the outputs; a team that has another
//           size or number of processes than the launcher asked for.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "check.hpp"
#include "values.hpp"

namespace {

using skein_test::Check;
using skein_test::Kind;

struct Arguments {
  std::string_view name;
  std::size_t checks;
  std::uint64_t seed;
};

std::vector<Check> draw(const Arguments& arguments, int ranks, std::uint64_t seed) {
  std::vector<Check> checks;
  for (int kind = 0; kind < skein_test::kKinds; ++kind) {
    if (arguments.name != "all" && arguments.name != skein_test::kind_name(static_cast<Kind>(kind))) continue;
    const std::vector<Check> more = skein_test::all_checks(static_cast<Kind>(kind), ranks);
    checks.insert(checks.end(), more.begin(), more.end());
  }
  std::shuffle(checks.begin(), checks.end(), std::mt19937_64(seed));
  if (arguments.checks != 0 && arguments.checks < checks.size()) {
    checks.erase(checks.begin() + static_cast<std::ptrdiff_t>(arguments.checks), checks.end());
  }
  return checks;
}

int expected(const char* variable, int otherwise) {
  const char* value = std::getenv(variable);
  return value == nullptr ? otherwise : std::atoi(value);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fputs("usage: collectives_program CASE CHECKS [SEED]; CASE: all, ibarrier or a collective\n", stderr);
    return 2;
  }
  const Arguments arguments{argv[1], std::strtoull(argv[2], nullptr, 10),
                            argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1};
  skein::Runtime runtime(argc, argv);
  const int size = runtime.size();
  const int processes = runtime.processes();
  if (size != expected("SKEIN_TEST_SIZE", size) || processes != expected("SKEIN_TEST_PROCESSES", processes)) {
    std::fprintf(stderr, "%d ranks in %d processes, which is not what was asked for\n", size, processes);
    return 1;
  }
  const std::uint64_t seed =
      skein_test::mix(arguments.seed * 1000 + static_cast<std::uint64_t>(size), static_cast<std::uint64_t>(processes));
  const std::vector<Check> checks = draw(arguments, size, seed);
  const bool is_split = arguments.name == "all" || arguments.name == "ibarrier";
  if (checks.empty() && !is_split) {
    std::fprintf(stderr, "no collective is called %s\n", argv[1]);
    return 2;
  }
  std::atomic<int> mismatches{0};
  const auto report = [&mismatches](const std::string& wrong) {
    constexpr int kPrinted = 10;
    if (!wrong.empty() && mismatches.fetch_add(1) < kPrinted) std::fputs((wrong + '\n').c_str(), stderr);
  };
  const int code = runtime.run([&](skein::Team& team) {
    for (std::size_t i = 0; i < checks.size(); ++i) report(run_check(team, checks[i], skein_test::mix(seed, i)));
    if (is_split)
      report(skein_test::check_split_phase(team, 40 + static_cast<int>(std::min<std::size_t>(arguments.checks, 2000)),
                                           seed));
    team.log("{} checks of {} and its like, {} ranks in {} processes, {:.3f} s waiting on rank 0", checks.size(),
             arguments.name, team.size(), team.processes(), team.waited_s());
  });
  if (code != 0) return code;
  return mismatches.load() == 0 ? 0 : 1;
}
