// SPDX-License-Identifier: Apache-2.0
// The program as its users run it: results, arguments, contenders that fail, and its own end. That no process is left
// behind is judged by the launcher of these tests. Nothing here depends on how long anything takes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace {

struct Outcome {
  int status = -1;  // exit code, or 1000 + signal
  std::string out;  // standard output and standard error
};

// A running skein-bench whose output can be read.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), SKEIN_BENCH_PROGRAM);
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::dup2(ends[1], STDERR_FILENO);
      ::execv(pointers[0], pointers.data());
      ::_exit(126);
    }
    ::close(ends[1]);
    output_ = ends[0];
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() { ::close(output_); }

  void wait_for(const std::string& text) {
    while (outcome_.out.find(text) == std::string::npos && read_some()) {
    }
  }
  void signal(int number) const { ::kill(child_, number); }
  Outcome wait() {
    while (read_some()) {
    }
    int status = 0;
    ::waitpid(child_, &status, 0);
    outcome_.status = WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
    return outcome_;
  }

 private:
  bool read_some() {
    std::array<char, 4096> text{};
    const ssize_t got = ::read(output_, text.data(), text.size());
    if (got > 0) outcome_.out.append(text.data(), static_cast<std::size_t>(got));
    return got > 0;
  }
  pid_t child_ = -1;
  int output_ = -1;
  Outcome outcome_;
};

Outcome run(const std::vector<std::string>& arguments) { return Program(arguments).wait(); }

// A quick run with --json; the document, and a check that it can be used by a program.
nlohmann::json results_of(std::vector<std::string> arguments, int status) {
  static int runs = 0;
  const std::string file = (std::filesystem::temp_directory_path() /
                            ("skein_bench_" + std::to_string(::getpid()) + "_" + std::to_string(runs++) + ".json"))
                               .string();
  arguments.insert(arguments.end(), {"--quick", "--json", file});
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.status, status) << outcome.out;
  std::ifstream stream(file);
  nlohmann::json json = nlohmann::json::parse(stream, nullptr, false);
  EXPECT_FALSE(json.is_discarded());
  std::filesystem::remove(file);
  return json;
}

std::set<std::string> contenders_in(const nlohmann::json& json) {
  std::set<std::string> names;
  for (const auto& row : json.at("results")) names.insert(row.at("contender").get<std::string>());
  return names;
}

void expect_complete_rows(const nlohmann::json& json, const std::string& benchmark) {
  for (const auto& row : json.at("results")) {
    for (const char* key : {"benchmark", "contender", "ranks", "lanes", "processes", "median_ns", "p99_ns",
                            "per_line_transfer", "ratio_to_skein"})
      EXPECT_TRUE(row.contains(key)) << key << " in " << row;
    EXPECT_EQ(row.at("ranks"), 2);
    EXPECT_GT(row.at("median_ns").get<double>(), 0);
  }
  EXPECT_TRUE(std::any_of(json.at("results").begin(), json.at("results").end(),
                          [&](const auto& row) { return row.at("benchmark") == benchmark; }));
}

TEST(Program, BarrierGivesCompleteRowsOfEveryContenderThatWasBuilt) {
  // Defect: a contender that is silently missing, a key that is misspelt, a file that is no JSON.
  const nlohmann::json json = results_of({"barrier", "--ranks", "2"}, 0);
  EXPECT_TRUE(json.contains("machine"));
  expect_complete_rows(json, "barrier");
  const std::set<std::string> names = contenders_in(json);
  for (const char* name : {"skein", "std", "pthread"}) EXPECT_TRUE(names.count(name)) << name;
  for (const char* name : {"libgomp", "libomp", "mpi"}) {
    // Either measured, or named with the reason.
    const auto& left = json.at("left_out");
    EXPECT_TRUE(names.count(name) || std::any_of(left.begin(), left.end(),
                                                 [&](const auto& item) {
                                                   return item.at("contender") == name &&
                                                          !item.at("reason").template get<std::string>().empty();
                                                 }))
        << name;
  }
  if (SKEIN_HAS_MPI) {
    const auto& rows = json.at("results");
    EXPECT_TRUE(std::any_of(rows.begin(), rows.end(), [](const auto& row) {
      return row.at("contender") == "skein" && row.at("processes") == 2;
    }));
  }
}

TEST(Program, AllreduceOfEveryLengthComputesTheSumInEveryContender) {
  // Defect: a wrong sum, which ends the contender and gives exit code 5; a length that no contender handles.
  for (const char* count : {"1", "5", "15", "64KiB"}) {
    const nlohmann::json json = results_of({"allreduce", "--count", count, "--only", "skein,std,libgomp,mpi"}, 0);
    expect_complete_rows(json, "allreduce");
    EXPECT_TRUE(json.at("failed").empty()) << json.at("failed");
  }
}

TEST(Program, EveryCollectiveComputesItsResultInSkeinAndMpi) {
  // Defect: a contender that leaves parts out, mistakes counts for sizes, or another root: it fails, and the exit code is 5.
  for (const char* collective : {"bcast", "reduce", "scan", "allgather", "alltoall", "reduce_scatter", "iallreduce"}) {
    for (const char* count : {"1", "5", "1000"}) {
      SCOPED_TRACE(std::string(collective) + " of " + count);
      const nlohmann::json json = results_of({collective, "--ranks", "2", "--count", count}, 0);
      expect_complete_rows(json, collective);
      EXPECT_TRUE(contenders_in(json).count("skein"));
    }
  }
}

TEST(Program, SkewReportsEveryContender) {
  // Defect: times of ranks that are combined in the wrong order give negative latencies.
  const nlohmann::json json = results_of({"skew", "--skew-ns", "500", "--only", "skein,pthread,mpi"}, 0);
  expect_complete_rows(json, "skew");
}

TEST(Program, HostsComparesTeamsBetweenProcessesThatAreHosts) {
  // Defect: a team that stays on one host, a team of another size beside it, or a comparison without a verdict.
  const nlohmann::json json = results_of({"hosts"}, 0);
  EXPECT_TRUE(json.at("failed").empty()) << json.at("failed");
  if (!SKEIN_HAS_MPI) {
    EXPECT_FALSE(json.at("left_out").empty());
    return;
  }
  using Team = std::tuple<std::string, int, int, int>;
  std::set<Team> teams;  // contender, hosts, processes, ranks
  for (const auto& row : json.at("results")) {
    EXPECT_GT(row.at("median_ns").get<double>(), 0) << row;
    EXPECT_GT(row.at("ratio_to_skein").get<double>(), 0) << row;
    teams.emplace(row.at("contender"), row.at("hosts"), row.at("processes"), row.at("ranks"));
  }
  const std::set<Team> wanted{
      {"skein", 2, 2, 2}, {"skein/control", 2, 2, 2}, {"mpi", 1, 2, 2}, {"skein", 2, 2, 4}, {"mpi", 1, 4, 4}};
  EXPECT_EQ(teams, wanted);
  ASSERT_EQ(json.at("targets").size(), 2U);
  EXPECT_EQ(json.at("targets")[0].at("must"), 1.3);
  EXPECT_EQ(json.at("targets")[1].at("must"), 1.0);
}

TEST(Program, MillionCountsNoAllocation) {
  // Defect: a barrier that allocates.
  const Outcome outcome = run({"million", "--ranks", "2", "--barriers", "1000"});
  EXPECT_EQ(outcome.status, 0) << outcome.out;
  EXPECT_TRUE(outcome.out.find("allocations  0\n") != std::string::npos ||
              outcome.out.find("allocations  not counted") != std::string::npos)
      << outcome.out;
}

TEST(Program, WrongArgumentsAreNamedAndGiveExitCode2) {
  // Defect: an argument that is ignored, or an error that does not say what is allowed.
  struct Case {
    std::vector<std::string> arguments;
    std::string wanted;
  };
  const std::vector<Case> cases{{{}, "wanted barrier, allreduce"},
                                {{"sort"}, "sort"},
                                {{"barrier", "--ranks", "1"}, "--ranks"},
                                {{"barrier", "--ranks", "many"}, "--ranks"},
                                {{"barrier", "--ranks", "3", "--processes", "2"}, "divides the 3 ranks"},
                                {{"barrier", "--only", "fast"}, "fast"},
                                {{"barrier", "--rounds", "0"}, "--rounds"},
                                {{"barrier", "--count", "5"}, "--count"},
                                {{"hosts", "--ranks", "4"}, "--ranks"},
                                {{"barrier", "--contender", "/nonexistent/bench"}, "/nonexistent/bench"},
                                {{"allreduce", "--count", "1MB"}, "1MiB"},
                                {{"allreduce", "--count", "0"}, "--count 0"},
                                {{"skew", "--skew-ns", "-1"}, "--skew-ns"}};
  for (const Case& each : cases) {
    const Outcome outcome = run(each.arguments);
    EXPECT_EQ(outcome.status, 2) << outcome.out;
    EXPECT_NE(outcome.out.find(each.wanted), std::string::npos) << outcome.out;
  }
}

TEST(Program, AFileThatCannotBeWrittenGivesExitCode4BeforeAnythingIsStarted) {
  // Defect: a long run that is lost at its end.
  const Outcome outcome = run({"barrier", "--quick", "--json", "/nonexistent/folder/results.json"});
  EXPECT_EQ(outcome.status, 4) << outcome.out;
  EXPECT_NE(outcome.out.find("/nonexistent/folder/results.json"), std::string::npos);
}

TEST(Program, AFailingContenderIsReportedAndTheOthersAreMeasured) {
  // Defect: one dead or hanging contender takes the run with it, or vanishes without a word.
  struct Case {
    const char* fault;
    const char* wanted;
  };
  for (const Case& each : {Case{"die", "exit status 3"}, Case{"hang", "no answer"}, Case{"nonsense", "nonsense"},
                           Case{"version", "version"}, Case{"absent", "before it had connected"},
                           Case{"silent", "introduce"}, Case{"ranks", "3 ranks"}}) {
    ::setenv("FAULTY", each.fault, 1);  // NOLINT(concurrency-mt-unsafe)
    // Peers that synchronise would need the machine for themselves to answer in time; this good one does not.
    const nlohmann::json json = results_of({"barrier", "--skip", "skein,libgomp,libomp,std,pthread,mpi", "--timeout",
                                            "5", "--contender", SKEIN_BENCH_FAULTY, "--contender", SKEIN_BENCH_GOOD},
                                           5);
    std::string reason;
    for (const auto& failure : json.at("failed"))
      if (failure.at("contender") == SKEIN_BENCH_FAULTY) reason = failure.at("reason");
    EXPECT_NE(reason.find(each.wanted), std::string::npos) << each.fault << ": " << json.at("failed");
    const auto& rows = json.at("results");
    EXPECT_TRUE(std::any_of(rows.begin(), rows.end(), [](const auto& row) {
      return row.at("contender") == SKEIN_BENCH_GOOD && row.at("median_ns") == 10;
    })) << each.fault;
  }
  ::unsetenv("FAULTY");  // NOLINT(concurrency-mt-unsafe)
}

TEST(Program, AnotherBuildIsMeasuredBesideThisOne) {
  // Defect: --contender starts the program but loses its figures.
  const nlohmann::json json =
      results_of({"barrier", "--only", "skein", "--processes", "1", "--contender", SKEIN_BENCH_PROGRAM}, 0);
  EXPECT_TRUE(contenders_in(json).count(SKEIN_BENCH_PROGRAM));
}

TEST(Program, AnInterruptedRunEndsItsContenders) {
  // Defect: stopped contenders that stay for ever after Ctrl-C, a kill, or a crash of the coordinator.
  for (const int number : {SIGINT, SIGTERM, SIGKILL}) {
    Program program({"barrier", "--rounds", "1000000", "--skip", "citor"});
    program.wait_for("setting   skein");
    ::usleep(300'000);  // somewhere within starting and measuring
    program.signal(number);
    EXPECT_EQ(program.wait().status, number == SIGKILL ? 1000 + SIGKILL : 130);
  }
}

}  // namespace
