// SPDX-License-Identifier: Apache-2.0
//
// Config files (TOML: sections of `key = value`) whose keys are described once, in a table: reading, checking, --help and
// printing all follow from it.
//
// Who      each application, in its start-up step; a wrong config ends the program before anything is started.
// Errors   skein::Error(ExitCode::usage) with one line
//              file:line:col: section.key: problem (allowed: ...)
//          of what stands first in the file; a wrong override has `--set section.key=value` in place of file:line:col. A
//          missing key is named only if nothing else is wrong, since a misspelt key is missing as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace support {

enum class Bound { included, excluded };

/// What a value may be, and where it goes. An optional target makes the key optional without a default.
struct Real {
  std::variant<double*, std::optional<double>*> to;
  double min = -std::numeric_limits<double>::max();
  double max = std::numeric_limits<double>::max();
  Bound at_min = Bound::included;
};
struct Integer {
  std::int64_t* to;
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};
struct Choice {
  std::string* to;
  std::vector<std::string> allowed;
};
struct OneOf {
  std::int64_t* to;
  std::vector<std::int64_t> allowed;
};
struct Flag {
  bool* to;
};
struct Text {  // one line of printable characters
  std::string* to;
  std::size_t max_length = 100;
};
using Rule = std::variant<Real, Integer, OneOf, Choice, Flag, Text>;

enum class Need { required, optional };

struct Key {
  std::string section;
  std::string name;
  Need need;
  std::string unit;   ///< such as "inverse plasma frequencies"; empty for pure numbers
  std::string about;  ///< one line for --help and for the printed config
  Rule rule;

  std::string path() const { return section + "." + name; }
};

/// "a number above 0, at most 10" and the like.
std::string describe(const Rule& rule);

/// One line per key with what is allowed, for --help.
std::string help_text(std::span<const Key> keys);

/// The values as a config file with comments; reading it gives the same values again.
std::string to_toml(std::span<const Key> keys);

/// A config file and the overrides of the command line, read but not yet understood.
class ConfigSource {
 public:
  /// Reads `file` and splits each override, `section.key=value` as after --set. The last override of a key wins.
  ConfigSource(const std::filesystem::path& file, std::span<const std::string> overrides);
  /// The same for text in memory; `name` stands in messages.
  static ConfigSource from_text(std::string_view text, std::string_view name,
                                std::span<const std::string> overrides = {});
  ~ConfigSource();
  ConfigSource(ConfigSource&&) noexcept;

  /// Sets the targets of all keys given; the others keep their values.
  void read(std::span<const Key> keys) const;

  /// Reports a value that is wrong only together with others: throws, naming the place the key was given at, or else
  /// the place of its section.
  [[noreturn]] void fail(std::string_view section, std::string_view key, std::string_view problem,
                         std::string_view allowed) const;

 private:
  struct Content;
  explicit ConfigSource(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

/// The text with control characters written as \xNN, so that a message stays one line.
std::string printable(std::string_view text);

/// The candidate with the smallest edit distance (letters inserted, dropped, replaced, swapped) if it is small enough for
/// a slip of the hand, else empty.
std::string nearest_name(std::string_view wrong, std::span<const std::string> candidates);

}  // namespace support
