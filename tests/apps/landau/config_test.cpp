// SPDX-License-Identifier: Apache-2.0
//
// Configs, right and wrong. config_cases.txt is the corpus: each case changes a good config and names the one line that
// must come out, letter by letter.
#include "landau/config.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <skein/base/error.hpp>

namespace {

struct Case {
  int line = 0;  // in the corpus
  std::string name;
  std::vector<std::string> changes;  // such as "put key = value"; see the corpus
  std::string wanted;
};

// \n, \r, \t, \\ and \xNN.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'x') {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
    }
  }
  return out;
}

struct Corpus {
  std::vector<std::string> base;
  std::vector<Case> cases;
};

Corpus read_corpus() {
  Corpus corpus;
  std::ifstream file(LANDAU_CONFIG_CASES);
  bool in_base = false;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.starts_with("== ")) {
      in_base = line == "== base";
      if (!in_base) corpus.cases.push_back({number, line.substr(3), {}, {}});
    } else if (in_base) {
      corpus.base.push_back(line);
    } else if (line.starts_with("-> ")) {
      corpus.cases.back().wanted = line.substr(3);
    } else if (!line.empty() && !line.starts_with("//")) {
      corpus.cases.back().changes.push_back(line);
    }
  }
  return corpus;
}

std::string outcome_of(const Corpus& corpus, const Case& c) {
  std::vector<std::string> lines = corpus.base;
  std::vector<std::string> overrides;
  std::string whole;
  bool is_whole = false;
  for (const std::string& change : c.changes) {
    const std::string verb = change.substr(0, change.find(' '));
    const std::string rest = change.size() > verb.size() ? change.substr(verb.size() + 1) : "";
    const auto arrow = rest.find(" => ");
    const std::string key = verb == "swap" ? rest.substr(0, arrow) : rest.substr(0, rest.find(' '));
    const auto line =
        std::ranges::find_if(lines, [&](const std::string& l) { return l.starts_with(key + " ") || l == key; });
    if ((verb == "put" || verb == "drop" || verb == "swap") && line == lines.end())
      return "corpus: no line with " + key;
    if (verb == "put")
      *line = unescaped(rest);
    else if (verb == "swap")
      *line = unescaped(rest.substr(arrow + 4));
    else if (verb == "drop")
      lines.erase(line);
    else if (verb == "add")
      lines.push_back(unescaped(rest));
    else if (verb == "first")
      lines.insert(lines.begin(), unescaped(rest));
    else if (verb == "set")
      overrides.push_back(unescaped(rest));
    else if (verb == "text")
      whole = unescaped(rest), is_whole = true;
    else
      return "corpus: no such verb: " + verb;
  }
  if (!is_whole) {
    for (const std::string& line : lines) whole += line + "\n";
  }
  try {
    landau::read_config(support::ConfigSource::from_text(whole, "case.toml", overrides));
  } catch (const skein::Error& error) {
    if (error.code() != skein::ExitCode::usage) return "not a usage error: " + std::string(error.what());
    return error.what();
  }
  return "ok";
}

// Fails if any wrong config is accepted, or is refused with another place, key, problem or allowed value.
TEST(Config, EveryCaseOfTheCorpusGivesItsLine) {
  const Corpus corpus = read_corpus();
  EXPECT_GE(corpus.cases.size(), 150U);
  for (const Case& c : corpus.cases) {
    EXPECT_EQ(outcome_of(corpus, c), c.wanted) << LANDAU_CONFIG_CASES << ":" << c.line << ": " << c.name;
  }
}

// Fails if a message holds a line break or another control character, which a log would show as two messages.
TEST(Config, EveryMessageIsOneLine) {
  const Corpus corpus = read_corpus();
  for (const Case& c : corpus.cases) {
    const std::string message = outcome_of(corpus, c);
    EXPECT_TRUE(std::ranges::none_of(message, [](unsigned char byte) { return byte < 0x20 || byte == 0x7f; }))
        << c.name;
  }
}

// Fails if printing loses a digit, a key or the quotes of a string.
TEST(Config, PrintedConfigReadsBackTheSame) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(LANDAU_CONFIGS)) {
    const std::vector<std::string> overrides{"time.step=0.1", "grid.v_max=8.25", "case.name=a \"b\" \\ c", "fit.to=33"};
    landau::Config config = landau::read_config(support::ConfigSource(entry.path(), overrides));
    const std::string printed = support::to_toml(landau::config_keys(config));
    landau::Config again = landau::read_config(support::ConfigSource::from_text(printed, "printed"));
    EXPECT_EQ(support::to_toml(landau::config_keys(again)), printed) << entry.path();
    EXPECT_EQ(again.name, "a \"b\" \\ c");
    EXPECT_EQ(again.v_max, 8.25);
    EXPECT_EQ(again.wave_number, config.wave_number);
    ++count;
  }
  EXPECT_EQ(count, 5);
}

// Fails if a file that cannot be read is reported without its name or the system's reason.
TEST(Config, UnreadableFilesAreNamed) {
  const auto message_for = [](const std::filesystem::path& path) -> std::string {
    try {
      landau::read_config(support::ConfigSource(path, {}));
    } catch (const skein::Error& error) {
      EXPECT_EQ(error.code(), skein::ExitCode::usage);
      return error.what();
    }
    return "ok";
  };
  const std::string allowed = " (allowed: a readable TOML file of at most 1 MiB)";
  EXPECT_EQ(message_for("/nowhere/x.toml"),
            "/nowhere/x.toml:1:1: file: cannot be read: No such file or directory" + allowed);
  EXPECT_EQ(message_for("/"), "/:1:1: file: cannot be read: Is a directory" + allowed);
  EXPECT_EQ(message_for("/dev/zero"), "/dev/zero:1:1: file: cannot be read: File too large" + allowed);
}

// Fails if suggestions come for names that nobody could have meant, or none for a slip.
TEST(Names, SuggestionsAreForSlips) {
  const std::vector<std::string> names{"points_x", "points_v", "v_max"};
  EXPECT_EQ(support::nearest_name("point_x", names), "points_x");
  EXPECT_EQ(support::nearest_name("ponits_v", names), "points_v");
  EXPECT_EQ(support::nearest_name("V-MAX", names), "v_max");
  EXPECT_EQ(support::nearest_name("vmax", names), "v_max");
  EXPECT_EQ(support::nearest_name("colour", names), "");
  EXPECT_EQ(support::nearest_name("", names), "");
  EXPECT_EQ(support::nearest_name(std::string(100000, 'x'), names), "");
}

}  // namespace
