// SPDX-License-Identifier: Apache-2.0
#include "skein/base/report.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <functional>
#include <string>

namespace {

/// Everything that a child writes to a terminal while a signal without SA_RESTART comes every few microseconds.
std::string said_under_signals(const std::function<void()>& speak) {
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child < 0) {
    ADD_FAILURE() << "no terminal";
    return {};
  }
  if (child == 0) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(SIGALRM, &action, nullptr);
    const itimerval every{{0, 40}, {0, 40}};
    setitimer(ITIMER_REAL, &every, nullptr);
    speak();
    _exit(0);
  }
  std::string said;
  char piece[4096];
  for (ssize_t count = 0;
       (count = read(terminal, piece, sizeof(piece))) > 0;)  // fails with EIO when the child has ended
    said.append(piece, static_cast<std::size_t>(count));
  close(terminal);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  return said;
}

constexpr int kLines = 20000;

/// What a terminal makes of `kLines` lines.
std::string numbered_lines() {
  std::string lines;
  for (int i = 0; i < kLines; ++i) lines += fmt::format("line {}\r\n", i);
  return lines;
}

// Defect: a line that is lost when a signal interrupts its write (stdio loses some hundred of these).
TEST(Report, SignalsCutNothingOffTheOutput) {
  const std::string said = said_under_signals([] {
    for (int i = 0; i < kLines; ++i) skein::write_output(fmt::format("line {}\n", i));
  });
  EXPECT_TRUE(said == numbered_lines()) << said.size() << " bytes of " << numbered_lines().size();
}

// Defect: as above, for warnings and errors.
TEST(Report, SignalsCutNothingOffAReport) {
  const std::string said = said_under_signals([] {
    for (int i = 0; i < kLines; ++i) skein::write_report(fmt::format("line {}\n", i));
  });
  EXPECT_TRUE(said == numbered_lines()) << said.size() << " bytes of " << numbered_lines().size();
}

// Defect: a line that overtakes what the program has printed before it.
TEST(Report, OutputComesBehindWhatStdioHoldsBack) {
  testing::internal::CaptureStdout();
  std::fputs("first\n", stdout);
  skein::write_output("second\n");
  std::fputs("third\n", stdout);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "first\nsecond\nthird\n");
}

}  // namespace
