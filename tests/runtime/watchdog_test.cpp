// SPDX-License-Identifier: Apache-2.0
// The watchdog as users meet it: what it says, whom it ends, and whom it leaves alone. The program it looks after is
// watchdog_program.cpp; no verdict depends on how long something takes, only on what is said in the end.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "child.hpp"
#include "runtime/watchdog.hpp"
#include "skein/base/report.hpp"

namespace {

using child::count_of;
using namespace std::chrono_literals;

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// A file of its own for one test.
class ReportFile {
 public:
  ReportFile() : path_(std::filesystem::temp_directory_path() / fmt::format("skein_report_{}", getpid())) {}
  ~ReportFile() { std::filesystem::remove(path_); }
  ReportFile(const ReportFile&) = delete;
  ReportFile& operator=(const ReportFile&) = delete;
  std::string path() const { return path_.string(); }
  std::string text() const { return text_of(path_); }

  /// Waits until it says something so often. False after a time that no machine needs.
  bool comes_to_say(const std::string& what, int times) const {
    for (int i = 0; i < 3000; ++i) {
      if (count_of(text(), what) >= times) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

 private:
  std::filesystem::path path_;
};

/// watchdog_program in a process of its own, which this one may trace from its beginning.
class Program {
 public:
  enum class Traced { no, yes };

  Program(const std::string& way, const child::Environment& variables, int errors = -1, Traced traced = Traced::no) {
    std::array<int, 2> gate{};
    if (pipe(output_.data()) != 0 || pipe(gate.data()) != 0) return;
    pid_ = fork();
    if (pid_ != 0) {
      close(output_[1]);
      close(gate[0]);
      if (traced == Traced::yes) {
        EXPECT_EQ(ptrace(PTRACE_SEIZE, pid_, nullptr, nullptr), 0);
      }
      close(gate[1]);
      return;
    }
    close(gate[1]);
    char nothing = 0;
    while (read(gate[0], &nothing, 1) > 0) {
    }
    close(gate[0]);
    dup2(output_[1], STDOUT_FILENO);
    for (const auto& [name, value] : variables)
      setenv(name.c_str(), value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    if (errors >= 0) dup2(errors, STDERR_FILENO);
    execl(SKEIN_WATCHDOG_PROGRAM, SKEIN_WATCHDOG_PROGRAM, way.c_str(), nullptr);
    _exit(126);
  }
  ~Program() {
    close(output_[0]);
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Waits until its ranks run: it has written something.
  bool is_ready() const {
    char first = 0;
    return read(output_[0], &first, 1) == 1;
  }

  void send(int signal) const { ::kill(pid_, signal); }

  bool has_ended() const {
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid == pid_;
  }

  /// Lets go of what this process has traced.
  void leave_alone() const {
    EXPECT_EQ(ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr), 0);
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    EXPECT_TRUE(WIFSTOPPED(status));
    EXPECT_EQ(ptrace(PTRACE_DETACH, pid_, nullptr, nullptr), 0);
  }

  /// Waits for its end: exit code, or 1000 + signal.
  int status() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  std::array<int, 2> output_{};
  pid_t pid_ = -1;
};

// Fails when SIGUSR2 ends the program, is not answered, or is answered without a rank, its call or its place.
TEST(Watchdog, AnswersSigusr2WithTheRollCallAndTheRunGoesOn) {
  const ReportFile file;
  const Program program("forever", {{"SKEIN_RANKS", "3"}, {"SKEIN_REPORT_FILE", file.path()}});
  ASSERT_TRUE(program.is_ready());  // before, the signal would end it
  for (int i = 0; i < 3; ++i) {
    if (i > 0) std::this_thread::sleep_for(1100ms);  // those that come within a second are answered once
    program.send(SIGUSR2);
    ASSERT_TRUE(file.comes_to_say("roll-call of this run", i + 1));
  }
  EXPECT_GE(count_of(file.text(), "barrier #"), 3) << file.text();
  EXPECT_GE(count_of(file.text(), "watchdog_program.cpp:"), 3) << file.text();
}

// Fails when a rank that computes for long ends the run, or goes unnoticed.
TEST(Watchdog, WarnsOfARankThatComputesForLong) {
  const ReportFile file;
  Program program("slow", {{"SKEIN_RANKS", "3"}, {"SKEIN_STALL", "0.2"}, {"SKEIN_REPORT_FILE", file.path()}});
  EXPECT_EQ(program.status(), 0);
  EXPECT_GE(count_of(file.text(), "have waited for more than 0.2 s; the run goes on"), 1) << file.text();
  EXPECT_GE(count_of(file.text(), "ranks 0-1 (2 of 3) wait in barrier #2 at "), 1) << file.text();
  EXPECT_GE(count_of(file.text(), "rank 2 left barrier #1 at "), 1) << file.text();
}

// Fails when ranks that wait for their turn behind one that computes are not seen to wait: they give no notice.
TEST(Watchdog, WarnsOfARankThatKeepsItsLane) {
  const ReportFile file;
  Program program(
      "slow", {{"SKEIN_RANKS", "3"}, {"SKEIN_LANES", "1"}, {"SKEIN_STALL", "0.2"}, {"SKEIN_REPORT_FILE", file.path()}});
  EXPECT_EQ(program.status(), 0);
  EXPECT_GE(count_of(file.text(), "have waited for more than 0.2 s; the run goes on"), 1) << file.text();
  EXPECT_GE(count_of(file.text(), "ranks 0-1 (2 of 3) are in barrier #2 at "), 1) << file.text();
  EXPECT_GE(count_of(file.text(), "rank 2 left barrier #1 at "), 1) << file.text();
}

// Fails when ranks that have started a barrier and compute are taken for ranks that wait.
TEST(Watchdog, IsSilentWhileRanksComputeBehindABarrierThatTheyStarted) {
  const ReportFile file;
  const child::Environment settings{
      {"SKEIN_RANKS", "3"}, {"SKEIN_LANES", "1"}, {"SKEIN_STALL", "0.2"}, {"SKEIN_REPORT_FILE", file.path()}};
  Program program("overlaps", settings);
  EXPECT_EQ(program.status(), 0);
  EXPECT_EQ(file.text(), "");
}

// Fails when a good run makes the watchdog speak.
TEST(Watchdog, IsSilentInAGoodRun) {
  for (const char* ranks : {"1", "2", "5", "16"}) {
    const ReportFile file;
    Program program("fine", {{"SKEIN_RANKS", ranks}, {"SKEIN_STALL", "30"}, {"SKEIN_REPORT_FILE", file.path()}});
    EXPECT_EQ(program.status(), 0);
    EXPECT_EQ(file.text(), "");
  }
}

// Fails when time in which the program was stopped counts as waiting, or as computing.
TEST(Watchdog, DoesNotCountTheTimeInWhichTheProgramWasStopped) {
  const ReportFile file;
  Program program("busy", {{"SKEIN_RANKS", "2"}, {"SKEIN_STALL", "6"}, {"SKEIN_REPORT_FILE", file.path()}});
  ASSERT_TRUE(program.is_ready());
  std::this_thread::sleep_for(500ms);  // so that a wait has been seen, which goes on
  program.send(SIGSTOP);
  std::this_thread::sleep_for(7s);
  program.send(SIGCONT);
  EXPECT_EQ(program.status(), 0);
  EXPECT_EQ(file.text(), "");
}

// Fails when a program in a debugger is judged, though a breakpoint may hold any of its ranks, or is not once the debugger is gone.
TEST(Watchdog, EndsNothingWhileTheProgramIsTraced) {
  const ReportFile file;
  const child::Environment settings{{"SKEIN_RANKS", "3"}, {"SKEIN_STALL", "0.2"}, {"SKEIN_REPORT_FILE", file.path()}};
  Program program("crossed", settings, -1, Program::Traced::yes);
  ASSERT_TRUE(program.is_ready());
  std::this_thread::sleep_for(2s);
  EXPECT_EQ(file.text(), "");
  ASSERT_FALSE(program.has_ended());
  program.leave_alone();
  EXPECT_EQ(program.status(), 5);
  EXPECT_EQ(count_of(file.text(), "deadlock: every rank waits"), 1) << file.text();
}

// Fails when a reader that went away takes the run with it, or the report.
TEST(Watchdog, SurvivesAClosedStandardError) {
  const ReportFile file;
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  Program program("slow", {{"SKEIN_RANKS", "3"}, {"SKEIN_STALL", "0.2"}, {"SKEIN_REPORT_FILE", file.path()}}, ends[1]);
  close(ends[0]);
  close(ends[1]);
  EXPECT_EQ(program.status(), 0);
  EXPECT_GE(count_of(file.text(), "the run goes on"), 1) << file.text();
}

// Fails when a report to nobody leaves a SIGPIPE that ends the program later, or at once.
TEST(WriteReport, LeavesSigpipeAsItWas) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  close(ends[0]);
  const int saved = dup(STDERR_FILENO);
  dup2(ends[1], STDERR_FILENO);
  skein::write_report("nobody reads this\n");
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(ends[1]);
  sigset_t pending;
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

/// A host whose ranks are played by hand: their lines say what the test writes.
class Played {
 public:
  explicit Played(int ranks) : host(make(ranks)) {
    for (int rank = 0; rank < ranks; ++rank) calls.emplace_back(line(rank)).begin_run();
  }

  skein::RollCallLine<skein::StdAtomics>& line(int rank) const {
    return host->roll_call()[static_cast<std::size_t>(rank)];
  }
  /// The rank arrives at a barrier and waits there for a neighbour.
  void wait_for(int rank, int other, skein::Episode episode) {
    auto& own =
        host->board().channels(skein::Strand::calls).arrivals[static_cast<std::size_t>(rank)].line(episode).episode;
    own.store(episode, std::memory_order_seq_cst);
    calls[static_cast<std::size_t>(rank)].enter(
        {.operation = skein::Operation::barrier, .where = std::source_location::current()}, {0, episode});
    auto& theirs =
        host->board().channels(skein::Strand::calls).arrivals[static_cast<std::size_t>(other)].line(episode).episode;
    line(rank).wait.begin(skein::StdAtomics::now_ns(), {&theirs, episode});
  }

  skein::Watchdog watchdog(std::chrono::nanoseconds stall) const {
    return {*host, {.cpus = {}, .stall = stall, .report_file = "", .process_ids = {skein::own_process_id()}}};
  }
  bool ends() const {
    for (int i = 0; i < 3000 && !host->abort().is_set(); ++i) std::this_thread::sleep_for(10ms);
    return host->abort().is_set();
  }

  std::unique_ptr<skein::Host> host;
  std::vector<skein::RollCall<skein::StdAtomics>> calls;

 private:
  static std::unique_ptr<skein::Host> make(int ranks) {
    const skein::RankMap map({ranks});
    const std::vector<skein::Seat> seats(static_cast<std::size_t>(ranks));
    const skein::Host::Shape shape{map, {.pattern = {}, .seats = seats}};
    constexpr std::uint64_t kNonce = 7;
    return skein::Host::create(skein::Segment::create_private(skein::Host::fixed_bytes(shape)), shape, 0, kNonce);
  }
};

// Fails when a circle of ranks that wait for each other is found only after the time for stalls, or not.
TEST(Watchdog, EndsADeadlockAtOnce) {
  Played played(3);
  for (int rank = 0; rank < 3; ++rank) played.wait_for(rank, (rank + 1) % 3, rank == 0 ? 2 : 1);
  // Rank 0 waits for episode 2 of rank 1, rank 1 for episode 1 of rank 2, and rank 2 for episode 1 of rank 0, all short.
  played.host->board().channels(skein::Strand::calls).arrivals[0].line(1).episode.store(0, std::memory_order_seq_cst);
  played.host->board().channels(skein::Strand::calls).arrivals[2].line(1).episode.store(0, std::memory_order_seq_cst);
  const skein::Watchdog watchdog = played.watchdog(1h);
  ASSERT_TRUE(played.ends());
  const std::string message = played.host->failure().first().message;
  EXPECT_EQ(count_of(message, "deadlock: every rank waits for another\n"), 1) << message;
  EXPECT_EQ(count_of(message, "wait in barrier #1 at "), 1) << message;
  EXPECT_EQ(count_of(message, "rank 0 waits in barrier #2 at "), 1) << message;
}

// Fails when ranks that all wait, for words that have come, are called a deadlock, or are let wait for ever.
TEST(Watchdog, EndsAStallOfAllRanksAfterTheTimeForIt) {
  Played played(3);
  for (int rank = 0; rank < 3; ++rank) played.wait_for(rank, (rank + 1) % 3, 1);
  const skein::Watchdog watchdog = played.watchdog(300ms);
  ASSERT_TRUE(played.ends());
  const std::string message = played.host->failure().first().message;
  EXPECT_EQ(count_of(message, "stall: all ranks have waited for 0.3 s"), 1) << message;
  EXPECT_EQ(count_of(message, "ranks 0-2 (3 of 3) wait in barrier #1 at "), 1) << message;
}

// Fails when a rank that computes, has finished or moves on between two looks does not keep a run alive.
TEST(Watchdog, LeavesARunAloneInWhichOneRankDoesNotWait) {
  Played played(3);
  for (int rank = 0; rank < 2; ++rank) played.wait_for(rank, 2, 1);
  const skein::Watchdog watchdog = played.watchdog(100ms);
  std::this_thread::sleep_for(1s);
  EXPECT_FALSE(played.host->abort().is_set());
}

}  // namespace
