// SPDX-License-Identifier: Apache-2.0
#include "text.hpp"

#include <fmt/format.h>

#include "skein/base/environment.hpp"

namespace skein {
namespace {

std::string plural(const char* thing, std::size_t count) {
  const std::string one = thing;
  return count == 1 ? one : one + (one.ends_with('s') ? "es" : "s");
}

}  // namespace

std::string cpus_text(const std::vector<int>& cpus) { return plural("CPU", cpus.size()) + ' ' + number_ranges(cpus); }

std::string processes_text(const std::vector<int>& processes) {
  return plural("process", processes.size()) + ' ' + number_ranges(processes);
}

std::string counted(int count, const char* thing) {
  return fmt::format("{} {}", count, plural(thing, static_cast<std::size_t>(count)));
}

}  // namespace skein
