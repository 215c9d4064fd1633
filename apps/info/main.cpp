// SPDX-License-Identifier: Apache-2.0
// skein-info: starts as any Skein program does, reports what it was given, and ends. See README.md here, or --help.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "report.hpp"
#include "skein/base/error.hpp"
#include "skein/runtime/runtime.hpp"
#include "text.hpp"

namespace {

constexpr const char* kFooter =
    R"(Start it as you would start your program: same launcher, same options, same SKEIN_ variables.

Examples
  skein-info                                 this machine, one process
  SKEIN_RANKS=4 skein-info                   would four ranks fit?
  SKEIN_RANKS=2 mpirun -n 2 --bind-to none skein-info
                                             do they share a host, which CPUs do they get?
  SKEIN_BIND=scatter skein-info              ranks spread over packages, NUMA domains, L3 caches
  SKEIN_HOST=process mpirun -n 2 skein-info  as if each process were on a machine of its own
  skein-info --json | python3 -m json.tool

What to look for
  warnings       on stderr, the same that your program would get, each with its remedy
  allowed CPUs   only one, under a launcher: it binds processes to cores; try mpirun --bind-to none
  load           more ranks than CPUs: ranks take turns, each adds microseconds to a step
  not pinned     masks that overlap, more ranks than CPUs, or SKEIN_BIND=none
  hosts          processes of one machine should be one host; those of several never are
  MPI            MPI_THREAD_SINGLE allows one rank a process
  shared arrays  less than the machine's memory: a limit on address space or file size

Exit codes, as of any Skein program: 0 done, 2 wrong arguments or SKEIN_ variable, 4 the report
could not be written, 5 a rank failed, 6 the machine cannot give what was asked for.)";

enum class Form { text, json, help };

struct CommandLine {
  Form form = Form::text;
  std::string help;
};

CommandLine parse(int argc, char** argv) {
  CommandLine line;
  CLI::App app("skein-info shows where the ranks of a Skein program would run, on what machine, and why.",
               "skein-info");
  bool json = false;
  app.add_flag("--json", json, "print one JSON object instead of text");
  app.footer(kFooter);
  try {
    app.parse(argc, argv);
    if (json) line.form = Form::json;
  } catch (const CLI::CallForHelp&) {
    line.form = Form::help;
    line.help = app.help();
  } catch (const CLI::ParseError& error) {
    throw skein::Error(skein::ExitCode::usage,
                       fmt::format("skein-info: {} (skein-info --help explains)", error.what()));
  }
  return line;
}

void print(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    throw skein::Error(skein::ExitCode::io, "skein-info: the report could not be written to standard output");
  }
}

// Names of machines and values of variables may hold any bytes.
std::string dump(const info::Json& json, int indent) {
  return json.dump(indent, ' ', false, info::Json::error_handler_t::replace);
}

}  // namespace

int main(int argc, char** argv) {
  skein::Runtime runtime(argc, argv);
  const bool is_first = runtime.process() == 0;
  CommandLine line;
  int code = runtime.agree([&] { line = parse(argc, argv); });
  if (code != 0) return code;
  if (line.form == Form::help) {
    return runtime.agree([&] {
      if (is_first) print(line.help);
    });
  }
  std::string record;
  std::vector<std::string> records;
  code = runtime.agree([&] { record = dump(info::record_of(runtime.description()), -1); });
  if (code == 0) code = info::gather(runtime, record, records);
  if (code != 0) return code;
  return runtime.agree([&] {
    if (!is_first) return;
    const info::Json report = info::merge(records);
    print(line.form == Form::json ? dump(report, 2) + "\n" : info::to_text(report));
  });
}
