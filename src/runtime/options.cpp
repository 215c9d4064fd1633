// SPDX-License-Identifier: Apache-2.0
#include "skein/runtime/options.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <numeric>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "skein/base/environment.hpp"
#include "skein/sync/doorbell.hpp"

namespace skein {
namespace {

using Words = std::span<const std::string_view>;

// In the order of the enumerators.
constexpr std::array<std::string_view, 4> kWaitWords = {"auto", "spin", "yield", "park"};
constexpr std::array<std::string_view, 3> kMpiWords = {"auto", "on", "off"};
constexpr std::array<std::string_view, 4> kPatternWords = {"auto", "all-to-all", "gather-release", "levels"};
constexpr std::array<std::string_view, 2> kSwitchWords = {"0", "1"};

constexpr std::array<std::string_view, 15> kVariables = {
    "SKEIN_RANKS", "SKEIN_LANES",   "SKEIN_BIND",     "SKEIN_CPU_LOCKS", "SKEIN_STACK",
    "SKEIN_WAIT",  "SKEIN_HOST",    "SKEIN_SCHEDULE", "SKEIN_MPI",       "SKEIN_PATTERN",
    "SKEIN_PIECE", "SKEIN_VERBOSE", "SKEIN_REPORT",   "SKEIN_STALL",     "SKEIN_REPORT_FILE"};

struct ByteRange {
  std::size_t least;
  std::size_t most;
  std::string_view allowed;

  bool contains(std::size_t bytes) const { return bytes >= least && bytes <= most; }
};

// The least leaves room for Skein's own frames and a small function; the most is far beyond any machine's memory.
constexpr ByteRange kStackBytes{std::size_t{64} << 10U, std::size_t{1} << 40U,
                                "64K to 1024G, a whole number of bytes or with K, M or G at its end"};

// Below, every exchange would move less than it costs; above, the areas of two ranks exceed what a team may set aside.
constexpr ByteRange kPieceRange{std::size_t{1} << 10U, std::size_t{16} << 20U,
                                "1K to 16M, a whole number of bytes or with K or M at its end"};

/// Digits and at most one of K, M and G (1024, 1024^2, 1024^3), nothing else.
std::size_t parse_bytes(const char* name, std::string_view value, const ByteRange& range) {
  constexpr std::string_view kSuffixes = "KMG";
  constexpr unsigned kBitsPerSuffix = 10;
  std::string_view digits = value;
  unsigned shift = 0;
  if (const std::size_t at = value.empty() ? kSuffixes.npos : kSuffixes.find(value.back()); at != kSuffixes.npos) {
    digits.remove_suffix(1);
    shift = kBitsPerSuffix * static_cast<unsigned>(at + 1);
  }
  std::size_t count = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  const bool is_number = problem == std::errc() && end == digits.data() + digits.size();
  if (!is_number || count > range.most >> shift || !range.contains(count << shift)) {
    reject_value(name, value, range.allowed);
  }
  return count << shift;
}

/// What parse_bytes reads as `bytes`.
std::string write_bytes(std::size_t bytes) {
  constexpr std::array<std::string_view, 4> kUnits = {"", "K", "M", "G"};
  std::size_t unit = 0;
  for (; unit + 1 < kUnits.size() && bytes % 1024 == 0; ++unit) bytes /= 1024;
  return fmt::format("{}{}", bytes, kUnits[unit]);
}

// Shorter than the least, a stall could be a hiccup of the machine; beyond the most, nobody waits for it.
constexpr std::chrono::milliseconds kLeastStall{100};
constexpr std::chrono::milliseconds kMostStall{1'000'000'000};
constexpr std::string_view kStallAllowed = "off, or seconds from 0.1 to 1000000 with up to three decimals";

bool is_stall(std::chrono::nanoseconds length) {
  return length == kForever || (length >= kLeastStall && length <= kMostStall);
}

/// Digits, and a point with up to three more.
std::chrono::nanoseconds parse_stall(const char* name, std::string_view value) {
  if (value == "off") return kForever;
  constexpr std::size_t kDecimals = 3;
  const std::size_t point = std::min(value.find('.'), value.size());
  std::string thousandths(value.substr(point + (point < value.size() ? 1 : 0)));
  const bool has_decimals = thousandths.empty() ? point == value.size() : thousandths.size() <= kDecimals;
  thousandths.resize(kDecimals, '0');
  const auto seconds = whole_number(value.substr(0, point), 0, 1'000'000);
  const auto rest = std::all_of(thousandths.begin(), thousandths.end(), [](char c) { return '0' <= c && c <= '9'; })
                        ? std::optional(std::atoi(thousandths.c_str()))
                        : std::nullopt;
  if (!has_decimals || !seconds || !rest || !is_stall(std::chrono::milliseconds(1000LL * *seconds + *rest))) {
    reject_value(name, value, kStallAllowed);
  }
  return std::chrono::milliseconds(1000LL * *seconds + *rest);
}

constexpr std::string_view kReportFileAllowed = "a file that this user may write, in a folder that exists";

/// Leaves no file behind: most runs have nothing to report.
bool may_be_written(const std::filesystem::path& file) {
  std::error_code problem;
  if (std::filesystem::is_directory(file, problem)) return false;
  if (std::filesystem::exists(file, problem)) return access(file.c_str(), W_OK) == 0;
  const std::filesystem::path folder = file.parent_path();
  return std::filesystem::is_directory(folder.empty() ? "." : folder, problem) &&
         access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) == 0;
}

/// What parse_stall reads as `length`.
std::string write_stall(std::chrono::nanoseconds length) {
  return length == kForever ? "off" : fmt::format("{}", std::chrono::duration<double>(length).count());
}

template <class Choice>
void read_word(const char* name, Words words, Choice& choice) {
  if (const auto value = environment_value(name)) choice = static_cast<Choice>(parse_word(name, *value, words));
}

/// auto, all-to-all, gather-release, levels, or levels:N.
PatternChoice parse_pattern(std::string_view name, std::string_view value) {
  constexpr std::string_view kLevels = "levels:";
  const auto* const word = std::find(kPatternWords.begin(), kPatternWords.end(), value);
  if (word != kPatternWords.end()) return {static_cast<Pattern>(word - kPatternWords.begin())};
  if (value.starts_with(kLevels)) {
    if (const auto ranks = whole_number(value.substr(kLevels.size()), 2, kLanesPerGroup))
      return {Pattern::levels, *ranks};
  }
  reject_value(name, value,
               fmt::format("{}, or levels:2 to levels:{}", fmt::join(kPatternWords, ", "), kLanesPerGroup));
}

constexpr std::string_view kScheduleAllowed = "turns, or random:SEED with a whole number from 0 to 2^64 - 1";

/// turns, or random:SEED.
std::optional<std::uint64_t> parse_schedule(const char* name, std::string_view value) {
  constexpr std::string_view kRandom = "random:";
  if (value == "turns") return std::nullopt;
  std::uint64_t seed = 0;
  const std::string_view digits = value.starts_with(kRandom) ? value.substr(kRandom.size()) : std::string_view();
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), seed);
  if (digits.empty() || problem != std::errc() || end != digits.data() + digits.size()) {
    reject_value(name, value, kScheduleAllowed);
  }
  return seed;
}

std::string write_schedule(const std::optional<std::uint64_t>& seed) {
  return seed ? fmt::format("random:{}", *seed) : "turns";
}

std::optional<int> parse_lanes(const char* name, std::string_view value) {
  const auto number = value == "each" ? std::optional(kEachItsLane) : whole_number(value, 1, kMaxLanes);
  if (!number) reject_value(name, value, fmt::format("1 to {}, or each for one lane per rank", kMaxLanes));
  return number;
}

std::string write_lanes(const std::optional<int>& lanes) {
  return !lanes ? "" : *lanes == kEachItsLane ? "each" : std::to_string(*lanes);
}

/// What must hold between ranks, lanes and schedule. A lane carries at least one rank.
void complete_lanes(Options& options) {
  if (options.lanes && (*options.lanes < 0 || *options.lanes > kMaxLanes)) {
    reject_value("Options::lanes", std::to_string(*options.lanes), fmt::format("1 to {}", kMaxLanes));
  }
  if (options.schedule_seed) {
    const auto asked = environment_value("SKEIN_LANES");
    if (asked && options.lanes != 1) {
      reject_value("SKEIN_LANES", *asked, "1 with SKEIN_SCHEDULE=random, where one thread runs all");
    }
    options.lanes = 1;
  }
  if (!options.lanes || !options.ranks) return;
  if (*options.lanes == kEachItsLane && *options.ranks > kMaxLanes) {
    reject_value("SKEIN_RANKS", std::to_string(*options.ranks),
                 fmt::format("1 to {} with SKEIN_LANES=each", kMaxLanes));
  }
  options.lanes = *options.lanes == kEachItsLane ? *options.ranks : std::min(*options.lanes, *options.ranks);
}

}  // namespace

std::vector<int> parse_hosts(std::string_view name, std::string_view value,
                             const std::vector<int>& machine_of_process) {
  const std::size_t processes = machine_of_process.size();
  std::vector<int> group_of_process(processes, 0);
  if (value == "process") {
    std::iota(group_of_process.begin(), group_of_process.end(), 0);
  } else if (value != "shared") {
    const std::string allowed = "shared, process, or the host of each process such as 0,0,1,1";
    std::vector<int> list;
    for (std::size_t begin = 0; begin <= value.size();) {
      const std::size_t end = std::min(value.find(',', begin), value.size());
      const auto number = whole_number(value.substr(begin, end - begin), 0, 1'000'000);
      if (!number) reject_value(name, value, allowed);
      list.push_back(*number);
      begin = end + 1;
    }
    if (list.size() != processes) {
      reject_value(name, value, fmt::format("{}; {} numbers for {} processes", allowed, list.size(), processes));
    }
    group_of_process = list;
  }
  // Processes of different machines share nothing, whatever is asked for.
  std::map<std::pair<int, int>, int> host_of;
  std::vector<int> hosts;
  for (std::size_t i = 0; i < processes; ++i) {
    const std::pair key(machine_of_process[i], group_of_process[i]);
    hosts.push_back(host_of.try_emplace(key, static_cast<int>(host_of.size())).first->second);
  }
  return hosts;
}

Options with_environment(Options options) {
  if (const auto value = environment_value("SKEIN_RANKS"))
    options.ranks = parse_integer("SKEIN_RANKS", *value, 1, kMaxRanks);
  if (const auto value = environment_value("SKEIN_LANES")) options.lanes = parse_lanes("SKEIN_LANES", *value);
  if (const auto value = environment_value("SKEIN_SCHEDULE"))
    options.schedule_seed = parse_schedule("SKEIN_SCHEDULE", *value);
  if (const auto value = environment_value("SKEIN_BIND")) options.bind = *value;  // read with the machine at hand
  if (const auto value = environment_value("SKEIN_STACK"))
    options.stack_bytes = parse_bytes("SKEIN_STACK", *value, kStackBytes);
  if (const auto value = environment_value("SKEIN_STALL")) options.stall = parse_stall("SKEIN_STALL", *value);
  if (const auto value = environment_value("SKEIN_REPORT_FILE")) {
    if (value->empty()) reject_value("SKEIN_REPORT_FILE", *value, kReportFileAllowed);
    options.report_file = *value;
  }
  read_word("SKEIN_CPU_LOCKS", kSwitchWords, options.cpu_locks);
  read_word("SKEIN_WAIT", kWaitWords, options.wait);
  if (const auto value = environment_value("SKEIN_HOST")) options.host = *value;  // read with the processes at hand
  read_word("SKEIN_MPI", kMpiWords, options.mpi);
  if (const auto value = environment_value("SKEIN_PATTERN")) options.pattern = parse_pattern("SKEIN_PATTERN", *value);
  if (const auto value = environment_value("SKEIN_PIECE"))
    options.piece_bytes = parse_bytes("SKEIN_PIECE", *value, kPieceRange);
  read_word("SKEIN_VERBOSE", kSwitchWords, options.verbose);
  read_word("SKEIN_REPORT", kSwitchWords, options.report);
  if (options.ranks && (*options.ranks < 1 || *options.ranks > kMaxRanks)) {
    reject_value("Options::ranks", std::to_string(*options.ranks), "1 to " + std::to_string(kMaxRanks));
  }
  complete_lanes(options);
  if (!kStackBytes.contains(options.stack_bytes)) {
    reject_value("Options::stack_bytes", std::to_string(options.stack_bytes), kStackBytes.allowed);
  }
  if (!kPieceRange.contains(options.piece_bytes)) {
    reject_value("Options::piece_bytes", std::to_string(options.piece_bytes), kPieceRange.allowed);
  }
  if (!options.report_file.empty() && !may_be_written(options.report_file)) {
    reject_value("SKEIN_REPORT_FILE", options.report_file, kReportFileAllowed);
  }
  if (!is_stall(options.stall)) {
    reject_value("Options::stall", write_stall(options.stall) + " s", kStallAllowed);
  }
  if (options.first_episode == 0) reject_value("Options::first_episode", "0", "1 and above");
  return options;
}

MpiUse mpi_use_of_environment(MpiUse otherwise) {
  const auto value = environment_value("SKEIN_MPI");
  const auto found = value ? std::find(kMpiWords.begin(), kMpiWords.end(), *value) : kMpiWords.end();
  return found == kMpiWords.end() ? otherwise : static_cast<MpiUse>(found - kMpiWords.begin());
}

ThreadNeed threads_of_environment(const Options& options) {
  const auto value = environment_value("SKEIN_RANKS");
  const bool is_alone = value ? *value == "1" : options.ranks == 1;
  return is_alone ? ThreadNeed::single : ThreadNeed::funneled;
}

std::vector<Setting> settings_of(const Options& options) {
  const auto word = [](Words words, auto choice) { return std::string(words[static_cast<std::size_t>(choice)]); };
  std::string pattern = word(kPatternWords, options.pattern.pattern);
  if (options.pattern.pattern == Pattern::levels && options.pattern.lanes_per_group != kLanesPerGroup) {
    pattern += fmt::format(":{}", options.pattern.lanes_per_group);
  }
  // In the order of kVariables.
  const std::array<std::string, kVariables.size()> values = {options.ranks ? std::to_string(*options.ranks) : "",
                                                             write_lanes(options.lanes),
                                                             options.bind,
                                                             word(kSwitchWords, options.cpu_locks),
                                                             write_bytes(options.stack_bytes),
                                                             word(kWaitWords, options.wait),
                                                             options.host,
                                                             write_schedule(options.schedule_seed),
                                                             word(kMpiWords, mpi_use_of_environment(options.mpi)),
                                                             pattern,
                                                             write_bytes(options.piece_bytes),
                                                             word(kSwitchWords, options.verbose),
                                                             word(kSwitchWords, options.report),
                                                             write_stall(options.stall),
                                                             options.report_file};
  std::vector<Setting> settings;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string name(kVariables[i]);
    settings.push_back({kVariables[i], values[i], environment_value(name.c_str()).has_value()});
  }
  return settings;
}

std::vector<std::string> environment_warnings() { return unknown_variable_warnings(kVariables); }

}  // namespace skein
