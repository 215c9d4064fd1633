// SPDX-License-Identifier: Apache-2.0
#include "skein/base/environment.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "skein/base/error.hpp"

namespace skein {
namespace {

constexpr std::size_t kQuotedLimit = 64;
constexpr std::string_view kPrefix = "SKEIN_";
constexpr std::string_view kTestPrefix = "SKEIN_TEST_";  // between tests and their launcher

/// Bytes of the well-formed UTF-8 sequence at the front of `text`; 0 when there is none.
std::size_t utf8_sequence_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) return 0;
  }
  // Longer than needed, half of a surrogate pair, or beyond Unicode.
  const unsigned char second = length > 1 ? static_cast<unsigned char>(text[1]) : 0;
  const bool is_ill_formed = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second >= 0xA0) ||
                             (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second >= 0x90);
  return is_ill_formed ? 0 : length;
}

/// Whether a well-formed sequence tells a terminal what to do: C0 and C1 controls, and marks that turn the direction.
bool is_control(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7F;
  if (sequence.size() == 2) return (byte(0) == 0xC2 && byte(1) < 0xA0) || (byte(0) == 0xD8 && byte(1) == 0x9C);
  if (sequence.size() != 3 || byte(0) != 0xE2) return false;
  return (byte(1) == 0x80 && ((byte(2) >= 0x8E && byte(2) <= 0x8F) || (byte(2) >= 0xA8 && byte(2) <= 0xAE))) ||
         (byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9);
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Levenshtein distance of the letters, in whatever case, one row at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, substituted}));
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> environment_value(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read at start-up, before any thread
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (std::string_view rest = text; !rest.empty();) {
    if (result.size() > kQuotedLimit) {
      return result + fmt::format("...\" ({} bytes)", text.size());
    }
    const std::size_t length = utf8_sequence_length(rest);
    const auto byte = static_cast<unsigned char>(rest.front());
    if (length == 0 || is_control(rest.substr(0, length))) {
      result += byte == '\n' ? "\\n" : byte == '\t' ? "\\t" : fmt::format("\\x{:02x}", byte);
      rest.remove_prefix(1);
    } else {
      if (byte == '"' || byte == '\\') result += '\\';
      result += rest.substr(0, length);
      rest.remove_prefix(length);
    }
  }
  return result + '"';
}

std::string_view nearest_name(std::string_view text, std::span<const std::string_view> candidates) {
  constexpr std::size_t kLongestName = 100;
  if (text.size() > kLongestName) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, text.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(text, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

void reject_value(std::string_view name, std::string_view value, std::string_view allowed) {
  throw Error(ExitCode::usage, fmt::format("{}={}: not a valid value; allowed: {}", name, quoted(value), allowed));
}

std::optional<int> whole_number(std::string_view text, int low, int high) {
  const bool digits_only =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!digits_only || problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value < low || value > high) return std::nullopt;
  return value;
}

int parse_integer(std::string_view name, std::string_view value, int low, int high) {
  if (const auto number = whole_number(value, low, high)) return *number;
  reject_value(name, value, fmt::format("a whole number from {} to {}", low, high));
}

int parse_word(std::string_view name, std::string_view value, std::span<const std::string_view> words) {
  const auto found = std::find(words.begin(), words.end(), value);
  if (found == words.end()) reject_value(name, value, fmt::format("{}", fmt::join(words, ", ")));
  return static_cast<int>(found - words.begin());
}

std::vector<int> parse_cpu_list(std::string_view name, std::string_view value, int limit) {
  std::vector<int> cpus;
  const auto reject = [&] {
    reject_value(
        name, value,
        fmt::format("compact, scatter, none, or a list of CPUs from 0 to {} such as 0,2,4-7, each once", limit - 1));
  };
  for (std::size_t begin = 0; begin <= value.size();) {
    const std::size_t end = std::min(value.find(',', begin), value.size());
    const std::string_view item = value.substr(begin, end - begin);
    const std::size_t dash = item.find('-');
    const auto first = whole_number(item.substr(0, dash), 0, limit - 1);
    const auto last = dash == std::string_view::npos ? first : whole_number(item.substr(dash + 1), 0, limit - 1);
    if (!first || !last || *first > *last) reject();
    for (int cpu = *first; cpu <= *last; ++cpu) {
      if (std::find(cpus.begin(), cpus.end(), cpu) != cpus.end()) reject();
      cpus.push_back(cpu);
    }
    begin = end + 1;
  }
  return cpus;
}

std::string number_ranges(const std::vector<int>& numbers) {
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

std::vector<std::string> unknown_variable_warnings(std::span<const std::string_view> known) {
  std::vector<std::string> warnings;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (!name.starts_with(kPrefix) || name.starts_with(kTestPrefix)) continue;
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string_view near = nearest_name(name, known);
    warnings.push_back(
        near.empty() ? fmt::format("{}: unknown variable, ignored; known: {}", quoted(name), fmt::join(known, " "))
                     : fmt::format("{}: unknown variable, ignored; did you mean {}?", quoted(name), near));
  }
  return warnings;
}

}  // namespace skein
