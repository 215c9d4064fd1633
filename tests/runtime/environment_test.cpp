// SPDX-License-Identifier: Apache-2.0
// Whatever somebody writes into a SKEIN_ variable is either valid, or an error that names the variable, shows the value
// harmlessly, and says what is allowed. In one process; environment_process_test.cpp has the exit codes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "skein/machine/machine.hpp"
#include "skein/skein.hpp"

namespace {

using skein::Options;
using skein::Runtime;

/// An environment variable with this value for a while.
class Variable {
 public:
  Variable(std::string name, const std::string& value) : name_(std::move(name)) {
    if (const char* old = std::getenv(name_.c_str())) old_ = old;  // NOLINT(concurrency-mt-unsafe): no other thread
    setenv(name_.c_str(), value.c_str(), 1);                       // NOLINT(concurrency-mt-unsafe)
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() {
    if (old_) {
      setenv(name_.c_str(), old_->c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    } else {
      unsetenv(name_.c_str());  // NOLINT(concurrency-mt-unsafe)
    }
  }

 private:
  std::string name_;
  std::optional<std::string> old_;
};

struct Known {
  const char* name;
  std::vector<std::string> valid;
  std::vector<std::string> invalid;  ///< besides kGarbage
  const char* allowed;
};

const std::vector<Known> kKnown = {
    {"SKEIN_RANKS",
     {"1", "2", "3", "16", "512", "1000"},
     {"0", "16385", "00", "1,2", "1+3", "auto", "each", "4294967297", "18446744073709551617", "2147483648"},
     "a whole number from 1 to 16384"},
    {"SKEIN_LANES",
     {"1", "each"},
     {"0", "513", "2,2", "Each", "each ", "all", "4294967297", "18446744073709551617"},
     "1 to 512, or each for one lane per rank"},
    {"SKEIN_SCHEDULE",
     {"turns", "random:0", "random:1", "random:18446744073709551615"},
     {"random", "random:", "random:-1", "random:+1", "random:0x1", "random: 1", "random:18446744073709551616", "Turns",
      "1"},
     "turns, or random:SEED with a whole number from 0 to 2^64 - 1"},
    {"SKEIN_BIND",
     {"compact", "scatter", "none"},
     {"0,", ",0", "0-", "-0", "-", "0--1", "1-0", "0,0", "0-1,1", "0 1", "0;1", "all", "Compact", "none ", "65536",
      "0-65536", "4294967296", "18446744073709551616"},
     "compact, scatter, none, or a list of CPUs from 0 to "},
    {"SKEIN_STACK",
     {"64K", "65536", "8M", "1G", "1024G", "1099511627776", "0064K"},
     {"0",
      "1",
      "65535",
      "63K",
      "0M",
      "1025G",
      "1099511627777",
      "1T",
      "8m",
      "8k",
      "8MB",
      "8MiB",
      "8 M",
      "M",
      "MM",
      "8MM",
      "8KM",
      "M8",
      "8.5M",
      "-8M",
      "+8M",
      "8M ",
      "1e6K",
      "0x10000",
      "unlimited",
      "18446744073709551616",
      "18014398509481984K",
      "17592186044416M",
      "17179869184G",
      "17179869185G"},
     "64K to 1024G, a whole number of bytes or with K, M or G at its end"},
    {"SKEIN_CPU_LOCKS", {"0", "1"}, {"2", "01", "yes", "on"}, "0, 1"},
    {"SKEIN_WAIT",
     {"auto", "spin", "yield", "park"},
     {"0", "automatic", "Spin", "park ", "spin,park"},
     "auto, spin, yield, park"},
    {"SKEIN_MPI", {"auto", "off"}, {"0", "ON", "no", "off ", "mpirun"}, "auto, on, off"},
    {"SKEIN_HOST",
     {"shared", "process", "0", "7"},
     {"Shared", "shared\n", "processes", "0,", ",0", "0,1", "-0", "1000001", "0;0"},
     "shared, process, or the host of each process such as 0,0,1,1"},
    {"SKEIN_PATTERN",
     {"auto", "all-to-all", "gather-release", "levels", "levels:2", "levels:16"},
     {"0", "all_to_all", "ALL-TO-ALL", "gather-release ", "levels:", "levels:1", "levels:17", "levels: 2", "auto:2"},
     "auto, all-to-all, gather-release, levels, or levels:2 to levels:16"},
    {"SKEIN_PIECE",
     {"1K", "1024", "1025", "512K", "16M", "16777216", "0064K"},
     {"0", "1", "1023", "0K", "17M", "16777217", "1G", "4 K", "4k", "4KB", "-4K", "0x1000", "K",
      "18446744073709551616"},
     "1K to 16M, a whole number of bytes or with K or M at its end"},
    {"SKEIN_VERBOSE", {"0", "1"}, {"2", "01", "yes", "on"}, "0, 1"},
    {"SKEIN_REPORT", {"0", "1"}, {"2", "10", "yes", "waiting"}, "0, 1"},
    {"SKEIN_STALL",
     {"off", "60", "1", "1.0", "0.1", "0.5", "1.25", "2.125", "1000000", "1000000.0", "007"},
     {"0",   "0.0", "0.09", "0.099", "1000000.001", "1000001", "Off",
      "on",  "60s", "60 ",  "1.",    ".5",          "0.1234",  "1,5",
      "1e3", "inf", "nan",  "0x10",  "1.5.5",       "1.-5",    "18446744073709551616"},
     "off, or seconds from 0.1 to 1000000 with up to three decimals"},
};

// What is wrong in every variable. The last ones would speak to a terminal.
const std::vector<std::string> kGarbage = {"",
                                           " ",
                                           "\t",
                                           "   ",
                                           "+1",
                                           "-1",
                                           " 1",
                                           "1 ",
                                           "1e9",
                                           "1.0",
                                           "1.",
                                           ".5",
                                           "9223372036854775808",
                                           "0x10",
                                           "0b1",
                                           "1'0",
                                           "true",
                                           "TRUE",
                                           "nan",
                                           "inf",
                                           "null",
                                           "\"1\"",
                                           "'1'",
                                           "$RANKS",
                                           "%s%n%d",
                                           "{}",
                                           "{0}",
                                           "\\",
                                           "\\n",
                                           "..",
                                           "/",
                                           "\xC3\xA9",
                                           "\xEF\xBC\x91" /* a full-width 1 */,
                                           "\xD9\xA1" /* an Arabic 1 */,
                                           "1\xCC\x81",
                                           std::string("\xE2\x80\x8B") + "1",
                                           std::string(1'000'000, 'x'),
                                           std::string(1'000'000, '9'),
                                           std::string(1'000'000, ','),
                                           std::string(1'000'000, '\x1B'),
                                           "\xFF",
                                           "\xFE\xFF",
                                           "\xC3",
                                           "\xC0\x80",
                                           "\xE0\x80\x9B",
                                           "\xED\xA0\x80",
                                           "\xF4\x90\x80\x80",
                                           "\xF8\x88\x80\x80\x80",
                                           "1\n",
                                           "\n1",
                                           "1\nskein: all is well",
                                           "1\r",
                                           "\r2",
                                           "\b\b1",
                                           "\a",
                                           "\x7F",
                                           "\x1B[2J",
                                           "\x1B[31mred\x1B[0m",
                                           "\x1B]0;title\x07",
                                           std::string("\xC2\x9B") + "31m",
                                           "\xC2\x85",
                                           "\xC2\x90q\xC2\x9C",
                                           std::string("\xE2\x80\xAE") + "1",
                                           std::string("\xE2\x81\xA6") + "1",
                                           std::string("\x9B") + "2J"};

/// Nothing that moves the cursor, ends the line, changes the colour or turns the direction, and no broken UTF-8.
bool is_harmless(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U; };
    const unsigned lead = byte(0);
    if (lead < 0x80) {
      if (lead < 0x20 || lead == 0x7F) return false;
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4) return false;
    unsigned code = lead & (0x7FU >> length);
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(k) & 0xC0U) != 0x80U) return false;
      code = code << 6U | (byte(k) & 0x3FU);
    }
    const unsigned least = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    if (code < 0xA0 || code == 0x61C || (code >= 0x200E && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
        (code >= 0x2066 && code <= 0x2069)) {
      return false;
    }
    i += length;
  }
  return true;
}

Options alone() {
  Options options;
  options.mpi = skein::MpiUse::off;
  return options;
}

std::string shortened(const std::string& value) { return value.size() > 40 ? value.substr(0, 40) + "..." : value; }

/// The message of the usage error that starting fails with; empty when it does not fail.
std::string refusal_of(const Options& options) {
  try {
    const Runtime runtime(options);
  } catch (const skein::Error& error) {
    EXPECT_EQ(error.code(), skein::ExitCode::usage);
    return error.what();
  }
  return "";
}

// Fails when a value is taken for something else than it says, or refused without saying where, what and why; when the
// value speaks to the terminal; and when a long value fills the screen.
TEST(Environment, EveryValueIsValidOrRefusedWithNameValueAndWhatIsAllowed) {
  for (const Known& known : kKnown) {
    std::vector<std::string> invalid = kGarbage;
    std::erase_if(invalid, [&](const std::string& value) {
      return std::find(known.valid.begin(), known.valid.end(), value) != known.valid.end();
    });
    invalid.insert(invalid.end(), known.invalid.begin(), known.invalid.end());
    for (const std::string& value : invalid) {
      SCOPED_TRACE(std::string(known.name) + "=" + shortened(value));
      const Variable variable(known.name, value);
      const std::string message = refusal_of(alone());
      EXPECT_EQ(message.find(std::string(known.name) + "=\""), 0U) << message;
      EXPECT_NE(message.find(known.allowed), std::string::npos) << message;
      EXPECT_TRUE(is_harmless(message)) << message;
      EXPECT_LT(message.size(), 400U);
    }
  }
}

// Fails when a documented value is refused.
TEST(Environment, EveryDocumentedValueIsTaken) {
  for (const Known& known : kKnown) {
    for (const std::string& value : known.valid) {
      SCOPED_TRACE(std::string(known.name) + "=" + value);
      const Variable variable(known.name, value);
      testing::internal::CaptureStderr();
      EXPECT_EQ(refusal_of(alone()), "");
      testing::internal::GetCapturedStderr();
    }
  }
}

// Fails when the program's wish beats that of the person who starts it.
TEST(Environment, TheEnvironmentWinsOverTheStruct) {
  Options options = alone();
  options.ranks = 2;
  options.wait = skein::WaitPolicy::spin;
  const Variable ranks("SKEIN_RANKS", "3");
  const Variable wait("SKEIN_WAIT", "park");
  const Options result = skein::with_environment(options);
  EXPECT_EQ(result.ranks, 3);
  EXPECT_EQ(result.wait, skein::WaitPolicy::park);
  EXPECT_EQ(Runtime(options).size(), 3);
}

// Fails when lanes are made that carry nobody, each does not mean each, or a drawn order is asked of several threads.
TEST(Environment, LanesFitTheRanksAndTheSchedule) {
  Options options = alone();
  options.ranks = 3;
  {
    const Variable lanes("SKEIN_LANES", "each");
    EXPECT_EQ(skein::with_environment(options).lanes, 3);
    EXPECT_EQ(skein::with_environment(alone()).lanes, skein::kEachItsLane);
    EXPECT_GE(Runtime(alone()).size(), 1);
  }
  {
    const Variable lanes("SKEIN_LANES", "2");
    EXPECT_EQ(skein::with_environment(options).lanes, 2);
    const Variable ranks("SKEIN_RANKS", "1");
    EXPECT_EQ(skein::with_environment(alone()).lanes, 1) << "a lane carries at least one rank";
  }
  const Variable schedule("SKEIN_SCHEDULE", "random:7");
  EXPECT_EQ(skein::with_environment(options).lanes, 1);
  EXPECT_EQ(skein::with_environment(options).schedule_seed, 7U);
  EXPECT_GE(Runtime(alone()).size(), 2) << "a drawn order of one rank would find nothing";
  options.lanes = 3;
  EXPECT_EQ(skein::with_environment(options).lanes, 1);
  const Variable lanes("SKEIN_LANES", "2");
  EXPECT_NE(refusal_of(options).find("1 with SKEIN_SCHEDULE=random"), std::string::npos);
}

// Fails when a suffix is dropped, or counts in thousands.
TEST(Environment, AStackIsReadInBytesOrWithASuffixOf1024) {
  EXPECT_EQ(skein::with_environment(alone()).stack_bytes, skein::kDefaultStackBytes);
  for (const auto& [value, bytes] : std::vector<std::pair<std::string, std::size_t>>{
           {"100000", 100'000}, {"65K", 66'560}, {"3M", 3'145'728}, {"2G", 2'147'483'648}}) {
    const Variable stack("SKEIN_STACK", value);
    EXPECT_EQ(skein::with_environment(alone()).stack_bytes, bytes) << value;
  }
}

// Fails when decimals are dropped or counted from the wrong end, and when off is a time.
TEST(Environment, AStallIsReadInSecondsWithDecimals) {
  EXPECT_EQ(skein::with_environment(alone()).stall, std::chrono::seconds(60));
  for (const auto& [value, milliseconds] :
       std::vector<std::pair<std::string, int>>{{"0.5", 500}, {"2", 2000}, {"1.25", 1250}, {"0.125", 125}}) {
    const Variable stall("SKEIN_STALL", value);
    EXPECT_EQ(skein::with_environment(alone()).stall, std::chrono::milliseconds(milliseconds)) << value;
  }
  const Variable off("SKEIN_STALL", "off");
  EXPECT_EQ(skein::with_environment(alone()).stall, skein::kForever);
}

// Fails when a report would be lost because nobody looked whether its file can be written, or leaves an empty file.
TEST(Environment, AReportFileIsOneThatCanBeWritten) {
  const std::string good = testing::TempDir() + "skein_environment_report";
  {
    const Variable file("SKEIN_REPORT_FILE", good);
    EXPECT_EQ(skein::with_environment(alone()).report_file, good);
    EXPECT_NE(access(good.c_str(), F_OK), 0);
  }
  for (const std::string& bad : std::vector<std::string>{"", "/nowhere/report", good + "/report", testing::TempDir()}) {
    const Variable file("SKEIN_REPORT_FILE", bad);
    EXPECT_NE(refusal_of(alone()).find("a file that this user may write"), std::string::npos) << bad;
  }
}

// Fails when the struct is trusted more than the environment.
TEST(Environment, TheStructsOwnNonsenseIsRefusedToo) {
  for (const int ranks : {0, -1, 16385, INT32_MAX, INT32_MIN}) {
    Options options = alone();
    options.ranks = ranks;
    const std::string message = refusal_of(options);
    EXPECT_NE(message.find("Options::ranks=\"" + std::to_string(ranks) + "\""), std::string::npos) << message;
    EXPECT_NE(message.find("1 to 16384"), std::string::npos) << message;
  }
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{65'535}, SIZE_MAX}) {
    Options small = alone();
    small.stack_bytes = bytes;
    const std::string refused = refusal_of(small);
    EXPECT_NE(refused.find("Options::stack_bytes=\"" + std::to_string(bytes) + "\""), std::string::npos) << refused;
    EXPECT_NE(refused.find("64K to 1024G"), std::string::npos) << refused;
  }
  Options options = alone();
  options.bind = "\x1B[31mnowhere";
  const std::string message = refusal_of(options);
  EXPECT_NE(message.find("compact, scatter, none"), std::string::npos) << message;
  EXPECT_TRUE(is_harmless(message)) << message;
}

// Fails when a CPU list is taken whose CPUs the process may not use: pinning there would fail later, or not at all.
TEST(Environment, ACpuOutsideTheMaskIsRefused) {
  const std::vector<int> allowed = skein::allowed_cpus();
  const std::vector<int> one = {allowed.front()};
  cpu_set_t original;
  ASSERT_EQ(sched_getaffinity(0, sizeof(original), &original), 0);
  if (allowed.size() < 2) GTEST_SKIP() << "needs two CPUs";
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(one[0]), &set);
  ASSERT_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
  std::vector<std::string> messages;
  for (const std::string& value :
       {std::to_string(allowed[1]), std::string(100'000, '0') + std::to_string(allowed[1])}) {
    const Variable variable("SKEIN_BIND", value);
    messages.push_back(refusal_of(alone()));
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(original), &original), 0);
  for (const std::string& message : messages) {
    EXPECT_EQ(message.find("SKEIN_BIND="), 0U) << message;
    EXPECT_LT(message.size(), 400U);
  }
}

std::vector<std::string> warnings_with(const std::string& name, const std::string& value) {
  const Variable variable(name, value);
  return skein::environment_warnings();
}

// Fails when a mistyped variable is silently without effect, or when the warning's guess is not the one that a reader
// would make.
TEST(Environment, AnUnknownVariableIsAnsweredWithTheNearestName) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"SKEIN_RANK", "SKEIN_RANKS"},    {"SKEIN_RNAKS", "SKEIN_RANKS"},    {"SKEIN_WAITS", "SKEIN_WAIT"},
      {"SKEIN_BINDING", "SKEIN_BIND"},  {"SKEIN_PATERN", "SKEIN_PATTERN"}, {"SKEIN_VERBOSITY", "SKEIN_VERBOSE"},
      {"SKEIN_REPROT", "SKEIN_REPORT"}, {"SKEIN_ranks", "SKEIN_RANKS"},    {"SKEIN_HOSTS", "SKEIN_HOST"}};
  for (const auto& [name, nearest] : table) {
    const std::vector<std::string> warnings = warnings_with(name, "1");
    ASSERT_EQ(warnings.size(), 1U) << name;
    EXPECT_NE(warnings[0].find("\"" + name + "\""), std::string::npos) << warnings[0];
    EXPECT_NE(warnings[0].find("did you mean " + nearest + "?"), std::string::npos) << warnings[0];
  }
}

// Fails when a name that is near to none gets a guess instead of the list, or when a hostile name reaches the terminal.
TEST(Environment, AnUnknownVariableNearToNoneIsAnsweredWithTheList) {
  for (const std::string& name :
       {std::string("SKEIN_SOMETHING_ENTIRELY_DIFFERENT"), "SKEIN_" + std::string(100'000, 'A'),
        std::string("SKEIN_\x1B[2J_ESCAPES_OF_SOME_LENGTH"),
        std::string("SKEIN_\xFF\xC2\x9B"
                    "2J")}) {
    const std::vector<std::string> warnings = warnings_with(name, "\x1B[2J");
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_NE(warnings[0].find("unknown variable"), std::string::npos) << warnings[0];
    EXPECT_TRUE(is_harmless(warnings[0])) << warnings[0];
    EXPECT_LT(warnings[0].size(), 400U);
  }
  EXPECT_NE(warnings_with("SKEIN_SOMETHING_ENTIRELY_DIFFERENT", "")[0].find("SKEIN_RANKS SKEIN_LANES SKEIN_BIND"),
            std::string::npos);
}

// Fails when other programs' variables are complained about.
TEST(Environment, VariablesOfOthersAreNoneOfOurBusiness) {
  for (const char* name : {"SKEIN", "SKEI_RANKS", "MY_SKEIN_RANKS", "skein_ranks", "SKEINS"}) {
    EXPECT_TRUE(warnings_with(name, "1").empty()) << name;
  }
}

}  // namespace
