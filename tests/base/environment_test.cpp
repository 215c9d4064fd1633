// SPDX-License-Identifier: Apache-2.0
#include "skein/base/environment.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "skein/base/error.hpp"

namespace {

using namespace std::string_literals;
using skein::Error;
using skein::ExitCode;

/// The message of the usage error that `read` must end with.
template <class Read>
std::string refusal(Read read) {
  try {
    read();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  ADD_FAILURE() << "accepted";
  return {};
}

// What nobody means by a number, but strtol and its kind read as one.
const std::vector<std::string> kNoNumbers = {"",
                                             " ",
                                             "1 ",
                                             " 1",
                                             "\t1",
                                             "1\n",
                                             "+1",
                                             "-1",
                                             "-0",
                                             "1e9",
                                             "1.0",
                                             ".5",
                                             "0x10",
                                             "1_000",
                                             "1,000",
                                             "true",
                                             "one",
                                             "9223372036854775808",
                                             "18446744073709551617",
                                             "99999999999999999999999999",
                                             "-9223372036854775809",
                                             "1\x1b[31m",
                                             "\xc3\xa4",
                                             "\xff",
                                             "1;2",
                                             "1-2",
                                             "0b1",
                                             "\xd9\xa1",
                                             "nan",
                                             "inf",
                                             "1\0"s,
                                             std::string(1'000'000, '9'),
                                             std::string(1'000'000, 'x')};

// Defect: garbage read as the number at its front, as zero, or cut to 32 bits.
TEST(ParseInteger, TakesNothingButDigits) {
  for (const std::string& text : kNoNumbers) {
    const std::string message = refusal([&] { skein::parse_integer("SKEIN_RANKS", text, 1, 512); });
    EXPECT_NE(message.find("SKEIN_RANKS="), std::string::npos) << message;
    EXPECT_NE(message.find("a whole number from 1 to 512"), std::string::npos) << message;
    EXPECT_LT(message.size(), 400U);
    for (const char c : message) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << "control character in " << message;
  }
}

// Defect: a border that is off by one.
TEST(ParseInteger, TakesTheWholeRangeAndNoMore) {
  EXPECT_EQ(skein::parse_integer("N", "1", 1, 512), 1);
  EXPECT_EQ(skein::parse_integer("N", "512", 1, 512), 512);
  EXPECT_EQ(skein::parse_integer("N", "2147483647", 0, 2147483647), 2147483647);
  refusal([] { skein::parse_integer("N", "0", 1, 512); });
  refusal([] { skein::parse_integer("N", "513", 1, 512); });
  refusal([] { skein::parse_integer("N", "2147483648", 0, 2147483647); });
  refusal([] { skein::parse_integer("N", "4294967297", 0, 2147483647); });  // 1, if cut to 32 bits
}

// Defect: prefixes, other cases or neighbours of a word are taken for it.
TEST(ParseWord, TakesTheWordsAndNothingLikeThem) {
  static constexpr std::array<std::string_view, 4> kWords = {"auto", "spin", "yield", "park"};
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    EXPECT_EQ(skein::parse_word("SKEIN_WAIT", kWords[i], kWords), static_cast<int>(i));
  }
  for (const std::string& text : {""s, "a"s, "Auto"s, "AUTO"s, "auto "s, " auto"s, "auto,spin"s, "0"s, "auto\0"s,
                                  "spin\n"s, "yields"s, "auto, spin, yield, park"s}) {
    const std::string message = refusal([&] { skein::parse_word("SKEIN_WAIT", text, kWords); });
    EXPECT_NE(message.find("SKEIN_WAIT="), std::string::npos) << message;
    EXPECT_NE(message.find("auto, spin, yield, park"), std::string::npos) << message;
  }
}

// Defect: ranges that lose an end, or an order that is not kept.
TEST(ParseCpuList, ReadsNumbersAndRangesInTheirOrder) {
  const auto parse = [](std::string_view text) { return skein::parse_cpu_list("SKEIN_BIND", text, 16); };
  EXPECT_EQ(parse("0"), (std::vector<int>{0}));
  EXPECT_EQ(parse("15"), (std::vector<int>{15}));
  EXPECT_EQ(parse("0,2,4-7"), (std::vector<int>{0, 2, 4, 5, 6, 7}));
  EXPECT_EQ(parse("7,3-4,0"), (std::vector<int>{7, 3, 4, 0}));
  EXPECT_EQ(parse("3-3"), (std::vector<int>{3}));
  EXPECT_EQ(parse("0-15").size(), 16U);
}

// Defect: a list that is read as far as it makes sense; a CPU given twice, on which two ranks would then run.
TEST(ParseCpuList, RefusesWhateverIsNotExactlyAList) {
  for (const std::string& text : {""s,
                                  ","s,
                                  "0,"s,
                                  ",0"s,
                                  "0,,1"s,
                                  "-"s,
                                  "-1"s,
                                  "1-"s,
                                  "0--1"s,
                                  "2-1"s,
                                  "0-1-2"s,
                                  "0-16"s,
                                  "16"s,
                                  "0,0"s,
                                  "0-3,2"s,
                                  " 0"s,
                                  "0, 1"s,
                                  "0 1"s,
                                  "0;1"s,
                                  "0x1"s,
                                  "1e1"s,
                                  "all"s,
                                  "0-"s,
                                  "0,1\n"s,
                                  "0\0"s,
                                  "4294967296"s,
                                  "0-99999999999999999999"s,
                                  "+1"s,
                                  std::string(1'000'000, ','),
                                  std::string(1'000'000, '-')}) {
    const std::string message = refusal([&] { skein::parse_cpu_list("SKEIN_BIND", text, 16); });
    EXPECT_NE(message.find("SKEIN_BIND="), std::string::npos) << message;
    EXPECT_NE(message.find("0 to 15"), std::string::npos) << message;
    EXPECT_LT(message.size(), 400U);
  }
}

// Fails when a single number becomes a range, the last range is lost, or the result cannot be read back.
TEST(NumberRanges, AreWhatParseCpuListReads) {
  EXPECT_EQ(skein::number_ranges({0, 1, 2, 3, 8}), "0-3,8");
  EXPECT_EQ(skein::number_ranges({5}), "5");
  EXPECT_EQ(skein::number_ranges({}), "");
  EXPECT_EQ(skein::number_ranges({1, 3, 4}), "1,3-4");
  EXPECT_EQ(skein::number_ranges({7, 8, 2, 1}), "7-8,2,1");
  EXPECT_EQ(skein::parse_cpu_list("X", skein::number_ranges({7, 8, 2, 1}), 16), (std::vector<int>{7, 8, 2, 1}));
}

// Defect: a message that moves the cursor of the terminal it is printed on, breaks its lines, or is a megabyte long.
TEST(Quoted, ShowsTextWithoutObeyingIt) {
  EXPECT_EQ(skein::quoted(""), "\"\"");
  EXPECT_EQ(skein::quoted("compact"), "\"compact\"");
  EXPECT_EQ(skein::quoted("a\nb\tc\rd"), R"("a\nb\tc\x0dd")");
  EXPECT_EQ(skein::quoted("\x1b[31m\x7f"), R"("\x1b[31m\x7f")");
  EXPECT_EQ(skein::quoted("say \"hi\" \\"), R"("say \"hi\" \\")");
  EXPECT_EQ(skein::quoted("a\0b"s), R"("a\x00b")");
  EXPECT_EQ(skein::quoted("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
  const std::string message = skein::quoted(std::string(1'000'000, 'x'));
  EXPECT_LT(message.size(), 120U);
  EXPECT_NE(message.find("(1000000 bytes)"), std::string::npos);
}

// Defect: bytes that are not UTF-8, or that are the control characters behind 0x7f, reach the terminal.
TEST(Quoted, EscapesWhatIsNotWellFormed) {
  EXPECT_EQ(skein::quoted("\xff"), R"("\xff")");
  EXPECT_EQ(skein::quoted("\x80"), R"("\x80")");
  EXPECT_EQ(skein::quoted("\xc3"), R"("\xc3")");
  EXPECT_EQ(skein::quoted("\xc3(("), R"("\xc3((")");
  EXPECT_EQ(skein::quoted("\xc0\xaf"), R"("\xc0\xaf")");                  // overlong
  EXPECT_EQ(skein::quoted("\xe0\x80\xaf"), R"("\xe0\x80\xaf")");          // overlong
  EXPECT_EQ(skein::quoted("\xf0\x80\x80\xaf"), R"("\xf0\x80\x80\xaf")");  // overlong
  EXPECT_EQ(skein::quoted("\xed\xa0\x80"), R"("\xed\xa0\x80")");          // a surrogate
  EXPECT_EQ(skein::quoted("\xf4\x90\x80\x80"), R"("\xf4\x90\x80\x80")");  // beyond the last character
  EXPECT_EQ(skein::quoted("\xc2\x9b"
                          "31m"),
            R"("\xc2\x9b31m")");  // the other way to write ESC [
}

// Defect: a suggestion that has nothing to do with what was typed, or none for a slip of the finger.
TEST(NearestName, FindsSlipsAndNothingElse) {
  static constexpr std::array<std::string_view, 4> kNames = {"SKEIN_RANKS", "SKEIN_BIND", "SKEIN_WAIT",
                                                             "SKEIN_PATTERN"};
  EXPECT_EQ(skein::nearest_name("SKEIN_RANK", kNames), "SKEIN_RANKS");
  EXPECT_EQ(skein::nearest_name("SKEIN_RANSK", kNames), "SKEIN_RANKS");
  EXPECT_EQ(skein::nearest_name("SKEIN_PATERN", kNames), "SKEIN_PATTERN");
  EXPECT_EQ(skein::nearest_name("SKIEN_WAIT", kNames), "SKEIN_WAIT");
  EXPECT_EQ(skein::nearest_name("SKEIN_BIND", kNames), "SKEIN_BIND");
  EXPECT_EQ(skein::nearest_name("PATH", kNames), "");
  EXPECT_EQ(skein::nearest_name("", kNames), "");
  EXPECT_EQ(skein::nearest_name(std::string(1'000'000, 'x'), kNames), "");
  EXPECT_EQ(skein::nearest_name("SKEIN_RANKS", {}), "");
}

// Defect: a misspelt variable is ignored in silence; a known one is complained about.
TEST(UnknownVariables, AreNamedWithWhatWasProbablyMeant) {
  static constexpr std::array<std::string_view, 2> kNames = {"SKEIN_RANKS", "SKEIN_BIND"};
  const auto count_of = [](std::string_view word) {
    int count = 0;
    for (const std::string& warning : skein::unknown_variable_warnings(kNames)) {
      if (warning.find(word) != std::string::npos) ++count;
    }
    return count;
  };
  setenv("SKEIN_RNAKS", "4", 1);      // NOLINT(concurrency-mt-unsafe): one thread
  setenv("SKEIN_BIND", "none", 1);    // NOLINT(concurrency-mt-unsafe)
  setenv("SKEIN_\x1b[2J", "1", 1);    // NOLINT(concurrency-mt-unsafe)
  setenv("NOT_SKEIN_RANKS", "1", 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(count_of("did you mean SKEIN_RANKS?"), 1);
  EXPECT_EQ(count_of("\"SKEIN_BIND\""), 0);
  EXPECT_EQ(count_of("NOT_SKEIN"), 0);
  EXPECT_EQ(count_of("\x1b"), 0);
  EXPECT_EQ(count_of("\\x1b"), 1);
}

// Defect: an unset variable is read as an empty one, or the other way round.
TEST(EnvironmentValue, TellsUnsetFromEmpty) {
  unsetenv("SKEIN_NOT_THERE");  // NOLINT(concurrency-mt-unsafe): one thread
  EXPECT_FALSE(skein::environment_value("SKEIN_NOT_THERE").has_value());
  setenv("SKEIN_NOT_THERE", "", 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(skein::environment_value("SKEIN_NOT_THERE"), "");
  unsetenv("SKEIN_NOT_THERE");  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace
