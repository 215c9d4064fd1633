// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <random>

#include "lineup.hpp"
#include "process_control.hpp"

namespace bench {

namespace {

constexpr int kUsage = 2;
constexpr std::uint64_t kMostDoubles = std::uint64_t{1} << 27U;  // 1 GiB per buffer

constexpr const char* kFooter = R"(What it does
  Starts every contender as a program of its own and stops it. Then, in rounds: measures the time a cache line takes
  from one CPU to another, then continues one contender after the other, in random order, for a short block of
  operations each. Figures are compared only within a round, because the speed of a line changes under your feet.

Columns
  P x R              processes x ranks in each
  median             ns per operation: median over rounds (of the median batch of a block)
  p99                ns per operation: 99th percentile over all batches of all blocks
  per line transfer  time / line transfer of the same round: median [first .. third quartile] over rounds
  times Skein's      time / Skein's of the same round, Skein having as many processes; Skein in several processes is
                     compared with Skein on threads; between hosts, Skein with as many ranks
  NAME/SETTING       another setting of a peer; its fastest one has the plain NAME

Targets are ratios Skein / other. "inconclusive" means that two runs of the same program (the A/A control) differ by
more than 5 % either way, or by more than what separates the figure from its target.

Examples
  skein-bench barrier                            2 ranks against everybody, about ten seconds
  skein-bench barrier --ranks 16 --only skein,std,mpi
  skein-bench allreduce --count 5                five doubles per rank
  skein-bench allreduce --count 1MiB --json allreduce.json
  skein-bench barrier --only skein --contender ../before/skein-bench      is this build slower than that one?
  skein-bench alltoall --count 64KiB --ranks 4   a collective with data, beside MPI's
  skein-bench skew --skew-ns 2000                last in to last out
  skein-bench hosts                              Skein and MPI_Barrier between processes that are hosts
  skein-bench million                            a million barriers and the allocations they made

Exit codes: 0 done, 2 wrong arguments, 4 the JSON file could not be written, 5 a contender failed (the others were
measured).)";

// Options of the comparing commands that need work after parsing.
struct Raw {
  std::string count = "1";
  std::optional<std::uint64_t> seed;
  std::optional<int> processes;
  double timeout_s = 30;
  bool quick = false;
};

void add_team(CLI::App& command, BenchOptions& options, Raw& raw) {
  command.add_option("--ranks", options.ranks, "ranks of the whole team")
      ->check(CLI::Range(2, 4096))
      ->capture_default_str();
  command.add_option("--processes", raw.processes,
                     "measure Skein also as this many processes under mpirun; must divide --ranks; 1: do not "
                     "(default: 2, or 1 for an odd number of ranks)");
}

void add_common(CLI::App& command, BenchOptions& options, Raw& raw) {
  command
      .add_option("--rounds", options.rounds,
                  "rounds without steal time to collect; a conclusive A/A control "
                  "needs 30")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command
      .add_option("--block", options.block, "operations per block, at most; fewer where they would take more than 4 ms")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000}))
      ->capture_default_str();
  command
      .add_option("--only", options.only,
                  "measure only these contenders: " + fmt::format("{}", fmt::join(contender_names(), ",")))
      ->delimiter(',')
      ->check(CLI::IsMember(contender_names()));
  command.add_option("--skip", options.skip, "leave these contenders out")
      ->delimiter(',')
      ->check(CLI::IsMember(contender_names()));
  command
      .add_option("--contender", options.contenders,
                  "another build of skein-bench, interleaved with this one; may be given several times")
      ->check([](const std::string& program) {
        return find_program(program).empty() ? "no program '" + program + "' that can be started" : std::string();
      });
  command.add_option("--json", options.json, "write the results to this file as well");
  command.add_option("--seed", raw.seed,
                     "of the order of contenders and of injected delays (default: random, printed)");
  command.add_flag("--quick", raw.quick, "a few tiny blocks: checks that everything works, measures nothing");
  command.add_option("--timeout", raw.timeout_s, "seconds until a contender that does not answer is given up")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
}

// Empty, or what is wrong.
std::string finish(BenchOptions& options, const Raw& raw, const CLI::App& command) {
  const auto count = parse_count(raw.count);
  if (!count || *count < 1 || *count > kMostDoubles)
    return fmt::format("--count {}: wanted a number of doubles from 1 to {}, or their size such as 64KiB or 1MiB",
                       raw.count, kMostDoubles);
  options.count = *count;
  options.processes = raw.processes.value_or(options.ranks % 2 == 0 ? 2 : 1);
  if (options.processes < 1 || options.ranks % options.processes != 0)
    return fmt::format("--processes {}: wanted a number that divides the {} ranks", options.processes, options.ranks);
  options.seed = raw.seed.value_or(std::random_device{}());
  options.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(raw.timeout_s * 1000));
  if (raw.quick) {
    constexpr int kQuickRounds = 3;
    constexpr std::uint64_t kQuickBlock = 100;
    if (command.count("--rounds") == 0) options.rounds = kQuickRounds;
    if (command.count("--block") == 0) options.block = kQuickBlock;
    options.block_time = std::chrono::microseconds{500};
  }
  return "";
}

}  // namespace

std::optional<std::uint64_t> parse_count(const std::string& text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{}) return std::nullopt;
  const std::string unit(rest, end);
  if (unit.empty()) return value;
  const std::uint64_t bytes = unit == "KiB" ? 1U << 10U : unit == "MiB" ? 1U << 20U : 0;
  if (bytes == 0 || value > kMostDoubles) return std::nullopt;
  return value * bytes / sizeof(double);
}

CommandLine parse_command_line(int argc, char** argv) {
  CommandLine line;
  Raw raw;
  CLI::App app{"Measures Skein's collectives beside OpenMP, the standard library, POSIX and MPI.", "skein-bench"};
  app.footer(kFooter);
  app.require_subcommand(1);
  CLI::App* barrier = app.add_subcommand("barrier", "barriers back to back");
  add_team(*barrier, line.bench, raw);
  add_common(*barrier, line.bench, raw);
  CLI::App* allreduce = app.add_subcommand("allreduce", "sums over all ranks, back to back");
  allreduce->add_option("--count", raw.count, "doubles per rank, or their size: 1, 5, 64KiB, 1MiB")
      ->capture_default_str();
  add_team(*allreduce, line.bench, raw);
  add_common(*allreduce, line.bench, raw);
  std::vector<std::pair<CLI::App*, Kind>> further;
  for (const Kind kind : {Kind::bcast, Kind::reduce, Kind::scan, Kind::allgather, Kind::alltoall, Kind::reduce_scatter,
                          Kind::iallreduce}) {
    CLI::App* command = app.add_subcommand(
        benchmark_name(kind),
        fmt::format("{}{}, beside MPI's", benchmark_name(kind), kind == Kind::iallreduce ? " and wait" : ""));
    command
        ->add_option("--count", raw.count,
                     "doubles that a rank gives or gets, all its parts together, or their size: 1, 64KiB, 1MiB")
        ->capture_default_str();
    add_team(*command, line.bench, raw);
    add_common(*command, line.bench, raw);
    further.emplace_back(command, kind);
  }
  CLI::App* skew = app.add_subcommand("skew", "barrier from last in to last out, ranks arriving at random times");
  constexpr std::uint64_t kMostSkew_ns = 10'000'000;
  skew->add_option("--skew-ns", line.bench.skew_ns, "largest delay of a rank, in ns")
      ->check(CLI::Range(std::uint64_t{0}, kMostSkew_ns))
      ->capture_default_str();
  add_team(*skew, line.bench, raw);
  add_common(*skew, line.bench, raw);
  CLI::App* hosts = app.add_subcommand(
      "hosts", "barriers between 2 hosts of 1 and of 2 ranks beside MPI_Barrier; here every process is a host");
  add_common(*hosts, line.bench, raw);
  CLI::App* million = app.add_subcommand("million", "a million barriers of Skein alone, and the allocations they made");
  million->add_option("--ranks", line.million.ranks, "ranks per process (default: as SKEIN_RANKS says)")
      ->check(CLI::Range(1, 4096));
  million->add_option("--barriers", line.million.barriers, "how many")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}))
      ->capture_default_str();
  for (CLI::App* command : app.get_subcommands({})) command->footer("skein-bench --help explains the columns.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError&) {
    const std::string given = argc > 1 ? fmt::format("'{}' is no command of it", argv[1]) : "no command was given";
    fmt::print(stderr,
               "skein-bench: {}; wanted barrier, allreduce, bcast, reduce, scan, allgather, alltoall, reduce_scatter, "
               "iallreduce, skew, hosts or million (or --help)\n",
               given);
    line.exit_code = kUsage;
    return line;
  } catch (const CLI::ParseError& error) {
    line.exit_code = app.exit(error) == 0 ? 0 : kUsage;
    return line;
  }
  if (million->parsed()) {
    line.action = Action::million;
    return line;
  }
  line.bench.kind = allreduce->parsed() ? Kind::allreduce : skew->parsed() ? Kind::skew : Kind::barrier;
  for (const auto& [command, kind] : further) {
    if (command->parsed()) line.bench.kind = kind;
  }
  if (hosts->parsed()) line.bench.hosts = 2;
  const CLI::App& used = *app.get_subcommands().front();
  const std::string wrong = finish(line.bench, raw, used);
  if (!wrong.empty()) {
    fmt::print(stderr, "skein-bench {}: {}\n", used.get_name(), wrong);
    line.exit_code = kUsage;
    return line;
  }
  line.action = Action::compare;
  return line;
}

}  // namespace bench
