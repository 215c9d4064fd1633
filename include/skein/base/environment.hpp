// SPDX-License-Identifier: Apache-2.0
//
// Strict reading of text that people type: environment variables and the values in them. Whatever is not exactly right
// is an Error with ExitCode::usage that names the variable, shows the value (escaped, shortened) and says what is
// allowed.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skein {

/// The value of an environment variable; nothing when it is not set.
std::optional<std::string> environment_value(const char* name);

/// `text` in quotes for a message: control characters and broken UTF-8 escaped, long text shortened.
std::string quoted(std::string_view text);

/// The candidate that `text` was probably meant to be; empty when none is near.
std::string_view nearest_name(std::string_view text, std::span<const std::string_view> candidates);

/// Throws "NAME=value: problem; allowed: ..." with ExitCode::usage.
[[noreturn]] void reject_value(std::string_view name, std::string_view value, std::string_view allowed);

/// As parse_integer; nothing where that would throw.
std::optional<int> whole_number(std::string_view text, int low, int high);

/// A decimal integer without sign, blanks or leading '+', between `low` and `high`.
int parse_integer(std::string_view name, std::string_view value, int low, int high);

/// The index of `value` in `words`.
int parse_word(std::string_view name, std::string_view value, std::span<const std::string_view> words);

/// A Linux CPU list such as 0,2,4-7: no blanks, ascending ranges, every CPU below `limit`, no CPU twice.
/// The order is kept.
std::vector<int> parse_cpu_list(std::string_view name, std::string_view value, int limit);

/// "0-3,8" for 0, 1, 2, 3, 8: what parse_cpu_list reads. Keeps the order.
std::string number_ranges(const std::vector<int>& numbers);

/// "NAME: unknown variable; did you mean SKEIN_RANKS?" for each SKEIN_ variable of the environment that is not known.
std::vector<std::string> unknown_variable_warnings(std::span<const std::string_view> known);

}  // namespace skein
