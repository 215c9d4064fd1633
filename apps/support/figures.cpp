// SPDX-License-Identifier: Apache-2.0
#include "support/figures.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "support/files.hpp"

extern char** environ;

namespace support {
namespace {

constexpr const char* kPython = "/usr/bin/python3";  // Debian's, which has python3-matplotlib
constexpr int kNoMatplotlib = 3;                     // exit status of draw_figures.py

}  // namespace

std::filesystem::path find_figure_script(const std::filesystem::path& program_folder) {
  for (const char* place : {"../support/draw_figures.py", "../share/skein/draw_figures.py"}) {
    auto script = program_folder / place;
    if (std::filesystem::exists(script)) return script;
  }
  return {};
}

std::string draw_figures(const std::filesystem::path& folder) {
  const auto description = folder / "figures.json";
  const auto script = find_figure_script(program_folder());
  if (script.empty()) {
    return fmt::format("no figures: draw_figures.py is neither in ../support nor in ../share/skein of {}",
                       program_folder().string());
  }
  std::string python(kPython);
  std::string option("-B");  // leave no compiled files beside the script
  std::string program = script.string();
  std::string argument = description.string();
  const std::array<char*, 5> arguments{python.data(), option.data(), program.data(), argument.data(), nullptr};

  pid_t child = 0;
  const int error = ::posix_spawn(&child, kPython, nullptr, nullptr, arguments.data(), environ);
  if (error != 0) {
    return fmt::format("no figures: {} cannot be started: {} (Debian: apt install python3-matplotlib)", kPython,
                       reason_of(error));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return fmt::format("no figures: {} is lost: {}", kPython, reason_of(errno));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoMatplotlib) {
    return fmt::format(
        "no figures: matplotlib is missing (Debian: apt install python3-matplotlib); draw them later with\n"
        "  {} \"{}\" \"{}\"",
        kPython, program, argument);
  }
  return fmt::format("no figures: {} failed, see above", program);
}

}  // namespace support
