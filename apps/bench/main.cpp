// SPDX-License-Identifier: Apache-2.0
// skein-bench: compares Skein's synchronisation with its peers. See README.md here, or --help.
//
// The program has two lives: what people start is the coordinator; `skein-bench serve ...` is Skein's own contender,
// which the coordinator starts, so that --contender can name another build of this program.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "command_line.hpp"
#include "compare.hpp"
#include "contender_main.hpp"
#include "million.hpp"
#include "skein_contender.hpp"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "serve") {
    int exit_code = 0;
    const int failed = bench::contender_main(argc, argv, [&](const bench::ContenderArguments& arguments) {
      exit_code = bench::serve_skein(argc, argv, arguments);
    });
    return failed != 0 ? failed : exit_code;
  }
  try {
    const bench::CommandLine line = bench::parse_command_line(argc, argv);
    switch (line.action) {
      case bench::Action::leave:
        return line.exit_code;
      case bench::Action::million:
        return bench::run_million(argc, argv, line.million);
      case bench::Action::compare:
        break;
    }
    std::string command = "skein-bench";
    for (int i = 1; i < argc; ++i) command += std::string(" ") + argv[i];
    return bench::compare(line.bench, command);
  } catch (const std::exception& error) {
    fmt::print(stderr, "skein-bench: {}\n", error.what());
    constexpr int kEnvironment = 6;
    return kEnvironment;
  }
}
