// SPDX-License-Identifier: Apache-2.0
#include "text.hpp"

#include <fmt/format.h>

namespace skein {
namespace {

std::string plural(const char* thing, std::size_t count) {
  const std::string one = thing;
  return count == 1 ? one : one + (one.ends_with('s') ? "es" : "s");
}

}  // namespace

std::string ranges(const std::vector<int>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += fmt::to_string(numbers[i]);
    if (last > i) text += fmt::format("-{}", numbers[last]);
    i = last + 1;
  }
  return text;
}

std::string cpus_text(const std::vector<int>& cpus) { return plural("CPU", cpus.size()) + ' ' + ranges(cpus); }

std::string processes_text(const std::vector<int>& processes) {
  return plural("process", processes.size()) + ' ' + ranges(processes);
}

std::string counted(int count, const char* thing) {
  return fmt::format("{} {}", count, plural(thing, static_cast<std::size_t>(count)));
}

}  // namespace skein
