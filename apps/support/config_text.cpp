// SPDX-License-Identifier: Apache-2.0
//
// What a table of keys says of itself: for error messages, for --help, and as a config file.
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "support/config.hpp"

namespace support {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

template <class Number>
std::string describe_range(std::string_view what, Number min, Number max, std::string_view at_min) {
  using Limits = std::numeric_limits<Number>;
  const bool has_min = min > Limits::lowest();
  const bool has_max = max < Limits::max();
  if (has_min && has_max && at_min == "from") return fmt::format("{} from {} to {}", what, min, max);
  if (has_min && has_max) return fmt::format("{} {} {}, at most {}", what, at_min, min, max);
  if (has_min) return fmt::format("{} {} {}", what, at_min == "from" ? "of at least" : at_min, min);
  if (has_max) return fmt::format("{} of at most {}", what, max);
  return std::string(what);
}

// TOML wants to see that a number is a floating-point number.
std::string toml_number(double value) {
  const std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string toml_string(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

// Empty for a value that is not set.
std::string toml_value(const Rule& rule) {
  return std::visit(Overloaded{
                        [](const Real& real) {
                          if (const auto* number = std::get_if<double*>(&real.to)) return toml_number(**number);
                          const auto& optional = *std::get<std::optional<double>*>(real.to);
                          return optional ? toml_number(*optional) : std::string{};
                        },
                        [](const Integer& integer) { return fmt::format("{}", *integer.to); },
                        [](const OneOf& one) { return fmt::format("{}", *one.to); },
                        [](const Choice& choice) { return toml_string(*choice.to); },
                        [](const Flag& flag) { return std::string(*flag.to ? "true" : "false"); },
                        [](const Text& text) { return toml_string(*text.to); },
                    },
                    rule);
}

std::string with_unit(const Key& key) {
  return key.unit.empty() ? key.about : fmt::format("{} [{}]", key.about, key.unit);
}

}  // namespace

std::string describe(const Rule& rule) {
  return std::visit(
      Overloaded{
          [](const Real& r) {
            return describe_range("a number", r.min, r.max, r.at_min == Bound::included ? "from" : "above");
          },
          [](const Integer& i) { return describe_range("an integer", i.min, i.max, "from"); },
          [](const OneOf& o) { return fmt::format("{}", fmt::join(o.allowed, ", ")); },
          [](const Choice& c) { return fmt::format("\"{}\"", fmt::join(c.allowed, "\", \"")); },
          [](const Flag&) { return std::string("true, false"); },
          [](const Text& t) { return fmt::format("a string of 1 to {} printable characters", t.max_length); },
      },
      rule);
}

std::string help_text(std::span<const Key> keys) {
  std::string text;
  std::string_view section;
  for (const Key& key : keys) {
    if (key.section != section) text += fmt::format("  [{}]\n", section = key.section);
    text += fmt::format("    {:<18} {}\n", key.name, with_unit(key));
    const std::string value = key.need == Need::required ? std::string{} : toml_value(key.rule);
    const std::string otherwise = key.need == Need::required ? "required"
                                  : value.empty()            ? "chosen by the program"
                                                             : "default " + value;
    text += fmt::format("    {:<18} {}; {}\n", "", describe(key.rule), otherwise);
  }
  return text;
}

std::string to_toml(std::span<const Key> keys) {
  std::string text;
  std::string_view section;
  for (const Key& key : keys) {
    if (key.section != section) {
      text += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", key.section);
      section = key.section;
    }
    const std::string value = toml_value(key.rule);
    const std::string setting =
        value.empty() ? fmt::format("# {} =", key.name) : fmt::format("{} = {}", key.name, value);
    text += fmt::format("{:<28}# {}\n", setting, with_unit(key));
  }
  return text;
}

}  // namespace support
