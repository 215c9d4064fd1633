// SPDX-License-Identifier: Apache-2.0
//
// landau: a Vlasov-Poisson solver on a Skein team. Command line, start-up checks, run, output; see README.md beside it.
#include <skein/skein.hpp>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "landau/analysis.hpp"
#include "landau/config.hpp"
#include "landau/output.hpp"
#include "landau/simulation.hpp"
#include "support/figures.hpp"
#include "support/files.hpp"

namespace {

enum class Task { run, print_config, help };

struct CommandLine {
  Task task = Task::run;
  std::string text;  // of the help
  std::filesystem::path config;
  std::filesystem::path out;
  std::vector<std::string> overrides;
};

std::string footer() {
  landau::Config defaults;
  return "Examples:\n"
         "  landau configs/landau/damping-k0.5.toml                     Landau damping, on all cores of this machine\n"
         "  mpirun -n 2 landau configs/landau/two-stream.toml --out two  the same solver on two processes\n"
         "  SKEIN_RANKS=1 landau configs/landau/nonlinear.toml          one rank; results are the same bit by bit\n"
         "  landau configs/landau/damping-k0.5.toml --set physics.wave_number=0.45 --set grid.points_v=1024\n"
         "  landau configs/landau/nonlinear.toml --set time.step=0.1 --print-config > mine.toml\n"
         "\n"
         "Config keys (times in inverse plasma frequencies, lengths in Debye lengths, speeds in thermal speeds):\n" +
         support::help_text(landau::config_keys(defaults)) +
         "\n"
         "Output in DIR: field_energy.csv, moments.csv, snapshots.h5, summary.txt, summary.json, config.toml, and two\n"
         "figures, field_energy.png and phase_space.png (they need Debian's python3-matplotlib).\n"
         "Exit status: 0 done, 2 wrong command line or config, 4 a file could not be written, 5 a rank failed.\n";
}

CommandLine parse(int argc, char** argv) {
  CommandLine line;
  bool print_config = false;
  CLI::App app(
      "landau solves the Vlasov-Poisson equations in one space and one velocity dimension: Landau damping, the\n"
      "two-stream instability, nonlinear damping. It measures frequency and rate and sets them beside theory.",
      "landau");
  app.footer(footer());
  app.add_option("CONFIG", line.config, "what to run: a TOML file, such as those in configs/landau")->required();
  app.add_option("--out", line.out, "folder for the results (default: out/<name of the config file>)")
      ->type_name("DIR");
  app.add_option("--set", line.overrides, "use this value for a key of the config; may be repeated")
      ->type_name("SECTION.KEY=VALUE")
      ->take_all()
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--print-config", print_config, "print the config with overrides and defaults, and run nothing");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    line.task = Task::help;
    line.text = app.help();
    return line;
  } catch (const CLI::ParseError& error) {
    throw skein::Error(skein::ExitCode::usage,
                       fmt::format("landau: {} (landau --help explains)", support::printable(error.what())));
  }
  if (print_config) line.task = Task::print_config;
  if (line.out.empty()) line.out = std::filesystem::path("out") / line.config.stem();
  return line;
}

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

// After the run, in the first process. Returns what is to be printed.
std::string finish(const landau::Config& config, const landau::Record& record, std::vector<std::string> warnings,
                   const std::filesystem::path& out) {
  const landau::Analysis analysis = landau::analyse(config, record.field);
  for (auto& warning : landau::result_warnings(config, analysis, record)) warnings.push_back(std::move(warning));
  const landau::Summary summary{config, record, analysis, warnings};
  landau::write_output(summary, out);
  std::string text = landau::summary_text(summary);
  if (config.plots) {
    if (const std::string trouble = support::draw_figures(out); !trouble.empty())
      text += "  warning: " + trouble + "\n";
  }
  return text + fmt::format("  results in {}\n", out.string());
}

}  // namespace

int main(int argc, char** argv) {
  skein::Runtime runtime(argc, argv);
  const bool first_process = runtime.process() == 0;
  CommandLine line;
  landau::Config config;
  int code = runtime.agree([&] {
    line = parse(argc, argv);
    if (line.task == Task::help) return;
    config = landau::read_config(support::ConfigSource(line.config, line.overrides));
    if (line.task == Task::run && first_process) support::make_folder(line.out);
  });
  if (code != 0) return code;
  if (line.task == Task::help) {
    if (first_process) print(line.text);
    return 0;
  }
  if (line.task == Task::print_config) {
    if (first_process) print(support::to_toml(landau::config_keys(config)));
    return 0;
  }

  const auto warnings = landau::config_warnings(config);
  landau::Record record;
  code = runtime.run([&](skein::Team& team) {
    for (const auto& warning : warnings) team.log("warning: {}", warning);
    landau::simulate(team, config, line.out, record);
  });
  if (code != 0) return code;
  return runtime.agree([&] {
    if (first_process) print(finish(config, record, warnings, line.out));
  });
}
