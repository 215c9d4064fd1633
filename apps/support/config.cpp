// SPDX-License-Identifier: Apache-2.0
#include "support/config.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <map>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <skein/base/error.hpp>
#include "support/files.hpp"

namespace support {
namespace {

constexpr std::size_t kMaxFileSize = 1 << 20;

[[noreturn]] void fail_with(const std::string& line) { throw skein::Error(skein::ExitCode::usage, line); }

// Something wrong, with its place in the file; the smallest one is reported. Overrides come before line 1.
struct Issue {
  enum class Kind { wrong, missing };
  Kind kind;
  toml::source_index line, column;
  std::string where;
  std::string text;
  bool operator<(const Issue& other) const {
    return std::tie(kind, line, column) < std::tie(other.kind, other.line, other.column);
  }
};

std::string read_file(const std::filesystem::path& file) {
  const auto refuse = [&](std::string_view why) {
    fail_with(fmt::format("{}:1:1: file: cannot be read: {} (allowed: a readable TOML file of at most 1 MiB)",
                          printable(file.string()), why));
  };
  if (std::filesystem::is_directory(file)) refuse("Is a directory");
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) refuse(reason_of(errno));
  std::string text(kMaxFileSize + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) refuse(reason_of(errno));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kMaxFileSize) refuse("File too large");
  return text;
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

// The section.key that line `wanted` of a text that is not valid TOML seems to be about.
std::string key_at_line(std::string_view text, toml::source_index wanted) {
  std::string section;
  std::string key;
  for (toml::source_index line = 1; line <= wanted && !text.empty(); ++line) {
    const auto end = text.find('\n');
    const std::string content = trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    key.clear();
    if (content.starts_with('['))
      section = trimmed(std::string_view(content).substr(1, content.find(']') - 1));
    else if (const auto equals = content.find('='); equals != std::string::npos)
      key = trimmed(content.substr(0, equals));
  }
  const std::string path = section.empty() || key.empty() ? section + key : section + "." + key;
  return path.empty() ? "file" : printable(path);
}

std::string_view type_name(toml::node_type type) {
  switch (type) {
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a floating-point number";
    case toml::node_type::boolean:
      return "a truth value";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::table:
      return "a table";
    default:
      return "a date or time";
  }
}

// A simple value and a blank, as it may stand before "is an integer"; nothing for what is large.
std::string value_text(const toml::node& node) {
  constexpr std::size_t kLongest = 60;
  if (const auto text = node.value_exact<std::string>()) {
    return text->size() <= kLongest ? fmt::format("\"{}\" ", printable(*text)) : std::string{};
  }
  if (const auto number = node.value_exact<std::int64_t>()) return fmt::format("{} ", *number);
  if (const auto number = node.value_exact<double>()) {
    const std::string text = fmt::format("{}", *number);
    return text.find_first_of(".en") == std::string::npos ? text + ".0 " : text + " ";
  }
  if (const auto flag = node.value_exact<bool>()) return fmt::format("{} ", *flag);
  return {};
}

// Sets the target of one rule; returns what is wrong with the value, or nothing.
class Assign {
 public:
  explicit Assign(const toml::node& node) : node_(node) {}

  std::string operator()(const Real& real) const {
    if (!node_.is_number()) return wrong_type();
    const double value = *node_.value<double>();
    if (!std::isfinite(value)) return fmt::format("{} is not a finite number", value);
    if (value < real.min || value > real.max || (value == real.min && real.at_min == Bound::excluded)) {
      return out_of_range(value);
    }
    std::visit([&](auto* to) { *to = value; }, real.to);
    return {};
  }
  std::string operator()(const Integer& integer) const {
    if (!node_.is_integer()) return wrong_type();
    const std::int64_t value = *node_.value<std::int64_t>();
    if (value < integer.min || value > integer.max) return out_of_range(value);
    *integer.to = value;
    return {};
  }
  std::string operator()(const OneOf& one) const {
    if (!node_.is_integer()) return wrong_type();
    const std::int64_t value = *node_.value<std::int64_t>();
    if (std::ranges::find(one.allowed, value) == one.allowed.end()) return fmt::format("{} is not one of these", value);
    *one.to = value;
    return {};
  }
  std::string operator()(const Choice& choice) const {
    if (!node_.is_string()) return wrong_type();
    const std::string value = *node_.value<std::string>();
    if (std::ranges::find(choice.allowed, value) == choice.allowed.end()) {
      const std::string near = nearest_name(value, choice.allowed);
      return fmt::format("unknown value \"{}\"{}", printable(value),
                         near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near));
    }
    *choice.to = value;
    return {};
  }
  std::string operator()(const Flag& flag) const {
    if (!node_.is_boolean()) return wrong_type();
    *flag.to = *node_.value<bool>();
    return {};
  }
  std::string operator()(const Text& text) const {
    if (!node_.is_string()) return wrong_type();
    const std::string value = *node_.value<std::string>();
    if (value.empty()) return "is empty";
    if (value.size() > text.max_length) return fmt::format("has {} characters", value.size());
    if (printable(value) != value) return "has control characters";
    *text.to = value;
    return {};
  }

 private:
  std::string wrong_type() const { return fmt::format("{}is {}", value_text(node_), type_name(node_.type())); }
  template <class Number>
  static std::string out_of_range(Number value) {
    return fmt::format("{} is out of range", value);
  }

  const toml::node& node_;
};

std::vector<std::string> section_names(std::span<const Key> keys) {
  std::vector<std::string> names;
  for (const Key& key : keys) {
    if (std::ranges::find(names, key.section) == names.end()) names.push_back(key.section);
  }
  return names;
}

std::vector<std::string> key_names(std::span<const Key> keys, std::string_view section) {
  std::vector<std::string> names;
  for (const Key& key : keys) {
    if (key.section == section) names.push_back(key.name);
  }
  return names;
}

std::string did_you_mean(const std::string& name) {
  return name.empty() ? "" : fmt::format(", did you mean {}?", name);
}

std::string unknown_section(std::string_view section, const std::vector<std::string>& sections) {
  return fmt::format("{}: unknown section{} (allowed: {})", printable(section),
                     did_you_mean(nearest_name(section, sections)), fmt::join(sections, ", "));
}

// section.key of the first section that has such a key, if any.
std::string find_elsewhere(std::span<const Key> keys, std::string_view name) {
  const auto key = std::ranges::find(keys, name, &Key::name);
  return key == keys.end() ? std::string{} : key->path();
}

std::string unknown_key(std::span<const Key> keys, const std::string& section, std::string_view name) {
  const auto names = key_names(keys, section);
  std::string near = nearest_name(name, names);
  near = near.empty() ? find_elsewhere(keys, name) : section + "." + near;
  return fmt::format("{}.{}: unknown key{} (allowed: {})", section, printable(name), did_you_mean(near),
                     fmt::join(names, ", "));
}

std::string no_section(std::span<const Key> keys, std::string_view name, std::string_view allowed) {
  return fmt::format("{}: is in no section{} (allowed: {})", printable(name), did_you_mean(find_elsewhere(keys, name)),
                     allowed);
}

}  // namespace

struct ConfigSource::Content {
  struct Override {
    std::string argument;  // as given
    toml::table holder;    // { value = ... }
    const toml::node& value() const { return *holder.get("value"); }
  };

  std::string name;  // of the file, printable
  toml::table table;
  std::map<std::string, Override> overrides;  // by section.key

  std::string at(const toml::node& node) const { return at(node.source().begin); }
  std::string at(toml::source_position place) const {
    return fmt::format("{}:{}:{}", name, std::max(place.line, 1U), std::max(place.column, 1U));
  }
  std::string at_override(const Override& override) const { return "--set " + override.argument; }

  void parse(std::string_view text);
  void add_override(const std::string& argument);
  void check_names(std::span<const Key> keys, std::vector<Issue>& issues) const;
  void assign(const Key& key, std::vector<Issue>& issues) const;
};

void ConfigSource::Content::parse(std::string_view text) {
  try {
    table = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    const auto place = error.source().begin;
    std::string_view why = error.description();
    const std::string key = key_at_line(text, place.line);
    if (why.find("cannot redefine") != std::string_view::npos) {
      fail_with(fmt::format("{}: {}: defined twice (allowed: once)", at(place), key));
    }
    // "Error while parsing <rule of the grammar>: " tells nobody anything.
    if (const auto colon = why.find(": "); why.starts_with("Error while") && colon != std::string_view::npos) {
      why.remove_prefix(colon + 2);
    }
    fail_with(fmt::format("{}: {}: not TOML: {} (allowed: [section], key = value, # comment)", at(place), key,
                          printable(why)));
  }
}

void ConfigSource::Content::add_override(const std::string& argument) {
  const auto equals = argument.find('=');
  const std::string path = trimmed(std::string_view(argument).substr(0, equals));
  if (equals == std::string::npos || path.empty()) {
    fail_with(fmt::format("--set {}: {}: no value (allowed: section.key=value)", printable(argument),
                          path.empty() ? "section.key" : printable(path)));
  }
  const std::string value = argument.substr(equals + 1);
  Override override{printable(argument), {}};
  // The shell takes quotes away, so whatever is no other TOML value is a string.
  try {
    if (value.find_first_of("\n#") == std::string::npos) override.holder = toml::parse("value = " + value);
  } catch (const toml::parse_error&) {
    override.holder.clear();
  }
  if (override.holder.size() != 1) {
    override.holder.clear();
    override.holder.insert("value", value);
  }
  overrides.insert_or_assign(path, std::move(override));
}

// Sections and keys that are in the file or among the overrides but not in the table of keys.
void ConfigSource::Content::check_names(std::span<const Key> keys, std::vector<Issue>& issues) const {
  const auto sections = section_names(keys);
  for (const auto& [path, override] : overrides) {
    const auto dot = path.find('.');
    const std::string section = path.substr(0, dot);
    const std::string key = dot == std::string::npos ? "" : path.substr(dot + 1);
    std::string text;
    if (dot == std::string::npos || section.empty()) {
      text = no_section(keys, dot == std::string::npos ? path : key, "section.key=value");
    } else if (std::ranges::find(sections, section) == sections.end()) {
      text = unknown_section(section, sections);
    } else if (const auto names = key_names(keys, section); std::ranges::find(names, key) == names.end()) {
      text = unknown_key(keys, section, key);
    } else {
      continue;
    }
    issues.push_back({Issue::Kind::wrong, 0, 0, at_override(override), text});
  }
  for (const auto& [section_key, section_node] : table) {
    const std::string section(section_key.str());
    const auto add = [&](const toml::source_region& place, const std::string& text) {
      issues.push_back({Issue::Kind::wrong, place.begin.line, place.begin.column, at(place.begin), text});
    };
    const bool known = std::ranges::find(sections, section) != sections.end();
    if (!known && section_node.is_table()) {
      add(section_node.source(), unknown_section(section, sections));
    } else if (!known) {
      add(section_key.source(),
          no_section(keys, section, fmt::format("keys after one of [{}]", fmt::join(sections, "], ["))));
    } else if (const auto* entries = section_node.as_table(); entries == nullptr) {
      add(section_node.source(),
          fmt::format("{}: {}is {} (allowed: a section with keys {})", section, value_text(section_node),
                      type_name(section_node.type()), fmt::join(key_names(keys, section), ", ")));
    } else {
      const auto names = key_names(keys, section);
      for (const auto& [key, node] : *entries) {
        const std::string text(key.str());
        if (std::ranges::find(names, text) != names.end()) continue;
        add(key.source(), unknown_key(keys, section, text));
      }
    }
  }
}

void ConfigSource::Content::assign(const Key& key, std::vector<Issue>& issues) const {
  const std::string path = key.path();
  const auto complain = [&](Issue::Kind kind, toml::source_position place, const std::string& where,
                            std::string_view problem) {
    issues.push_back({kind, place.line, place.column, where,
                      fmt::format("{}: {} (allowed: {})", path, problem, describe(key.rule))});
  };
  if (const auto override = overrides.find(path); override != overrides.end()) {
    const std::string problem = std::visit(Assign(override->second.value()), key.rule);
    if (!problem.empty()) complain(Issue::Kind::wrong, {0, 0}, at_override(override->second), problem);
    return;
  }
  const toml::node* section = table.get(key.section);
  const toml::table* entries = section != nullptr ? section->as_table() : nullptr;
  const toml::node* node = entries != nullptr ? entries->get(key.name) : nullptr;
  if (node != nullptr) {
    const std::string problem = std::visit(Assign(*node), key.rule);
    if (!problem.empty()) complain(Issue::Kind::wrong, node->source().begin, at(*node), problem);
  } else if (key.need == Need::required) {
    const auto place = section != nullptr ? section->source().begin : toml::source_position{1, 1};
    complain(Issue::Kind::missing, place, at(place), "missing");
  }
}

ConfigSource::ConfigSource(std::unique_ptr<Content> content) : content_(std::move(content)) {}
ConfigSource::~ConfigSource() = default;
ConfigSource::ConfigSource(ConfigSource&&) noexcept = default;

ConfigSource::ConfigSource(const std::filesystem::path& file, std::span<const std::string> overrides)
    : ConfigSource(from_text(read_file(file), file.string(), overrides)) {}

ConfigSource ConfigSource::from_text(std::string_view text, std::string_view name,
                                     std::span<const std::string> overrides) {
  auto content = std::make_unique<Content>();
  content->name = printable(name);
  content->parse(text);
  for (const std::string& argument : overrides) content->add_override(argument);
  return ConfigSource(std::move(content));
}

void ConfigSource::read(std::span<const Key> keys) const {
  std::vector<Issue> issues;
  content_->check_names(keys, issues);
  for (const Key& key : keys) content_->assign(key, issues);
  if (issues.empty()) return;
  const Issue& first = *std::ranges::min_element(issues, [](const Issue& a, const Issue& b) { return a < b; });
  fail_with(first.where + ": " + first.text);
}

void ConfigSource::fail(std::string_view section, std::string_view key, std::string_view problem,
                        std::string_view allowed) const {
  const std::string path = fmt::format("{}.{}", section, key);
  std::string where = content_->at(toml::source_position{1, 1});
  if (const auto override = content_->overrides.find(path); override != content_->overrides.end()) {
    where = content_->at_override(override->second);
  } else if (const toml::node* table = content_->table.get(section)) {
    const toml::node* node = table->is_table() ? table->as_table()->get(key) : nullptr;
    where = content_->at(node != nullptr ? *node : *table);
  }
  fail_with(fmt::format("{}: {}: {} (allowed: {})", where, path, problem, allowed));
}

}  // namespace support
