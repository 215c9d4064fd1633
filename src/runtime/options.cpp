// SPDX-License-Identifier: Apache-2.0
#include "skein/runtime/options.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "skein/base/environment.hpp"
#include "skein/sync/doorbell.hpp"

namespace skein {
namespace {

using Words = std::span<const std::string_view>;

// In the order of the enumerators.
constexpr std::array<std::string_view, 4> kWaitWords = {"auto", "spin", "yield", "park"};
constexpr std::array<std::string_view, 2> kHostWords = {"shared", "process"};
constexpr std::array<std::string_view, 3> kMpiWords = {"auto", "on", "off"};
constexpr std::array<std::string_view, 3> kPatternWords = {"auto", "all-to-all", "gather-release"};
constexpr std::array<std::string_view, 2> kSwitchWords = {"0", "1"};

constexpr std::array<std::string_view, 9> kVariables = {"SKEIN_RANKS",   "SKEIN_BIND",    "SKEIN_CPU_LOCKS",
                                                        "SKEIN_WAIT",    "SKEIN_HOST",    "SKEIN_MPI",
                                                        "SKEIN_PATTERN", "SKEIN_VERBOSE", "SKEIN_REPORT"};

template <class Choice>
void read_word(const char* name, Words words, Choice& choice) {
  if (const auto value = environment_value(name)) choice = static_cast<Choice>(parse_word(name, *value, words));
}

}  // namespace

Options with_environment(Options options) {
  if (const auto value = environment_value("SKEIN_RANKS"))
    options.ranks = parse_integer("SKEIN_RANKS", *value, 1, kMaxLanes);
  if (const auto value = environment_value("SKEIN_BIND")) options.bind = *value;  // read with the machine at hand
  read_word("SKEIN_CPU_LOCKS", kSwitchWords, options.cpu_locks);
  read_word("SKEIN_WAIT", kWaitWords, options.wait);
  read_word("SKEIN_HOST", kHostWords, options.host);
  read_word("SKEIN_MPI", kMpiWords, options.mpi);
  read_word("SKEIN_PATTERN", kPatternWords, options.pattern);
  read_word("SKEIN_VERBOSE", kSwitchWords, options.verbose);
  read_word("SKEIN_REPORT", kSwitchWords, options.report);
  if (options.ranks && (*options.ranks < 1 || *options.ranks > kMaxLanes)) {
    reject_value("Options::ranks", std::to_string(*options.ranks), "1 to " + std::to_string(kMaxLanes));
  }
  if (options.first_episode == 0) reject_value("Options::first_episode", "0", "1 and above");
  return options;
}

MpiUse mpi_use_of_environment(MpiUse otherwise) {
  const auto value = environment_value("SKEIN_MPI");
  const auto found = value ? std::find(kMpiWords.begin(), kMpiWords.end(), *value) : kMpiWords.end();
  return found == kMpiWords.end() ? otherwise : static_cast<MpiUse>(found - kMpiWords.begin());
}

std::vector<std::string> environment_warnings() { return unknown_variable_warnings(kVariables); }

}  // namespace skein
