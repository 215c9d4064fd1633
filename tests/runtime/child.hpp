// SPDX-License-Identifier: Apache-2.0
//
// Runs a program as its users do, and keeps how it ended and what it wrote.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace child {

struct Outcome {
  int status = -1;  ///< exit code, or 1000 + signal
  std::string out;
  std::string err;
};

using Environment = std::map<std::string, std::string>;

inline std::string contents_of(std::FILE* file) {
  std::string text;
  std::array<char, 4096> part{};
  std::rewind(file);
  while (const std::size_t got = std::fread(part.data(), 1, part.size(), file)) text.append(part.data(), got);
  std::fclose(file);
  return text;
}

/// The environment of the caller without its SKEIN_ variables, plus `variables`. No time-out: that is the launcher's.
inline Outcome run(std::vector<std::string> arguments, const Environment& variables) {
  std::FILE* out = std::tmpfile();
  std::FILE* err = std::tmpfile();
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    for (const char* name : {"SKEIN_RANKS", "SKEIN_LANES", "SKEIN_WAIT"})
      unsetenv(name);  // NOLINT(concurrency-mt-unsafe)
    for (const auto& [name, value] : variables)
      setenv(name.c_str(), value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(err), STDERR_FILENO);
    execvp(pointers[0], pointers.data());
    _exit(126);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  Outcome outcome;
  outcome.status = WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
  outcome.out = contents_of(out);
  outcome.err = contents_of(err);
  return outcome;
}

/// How often `what` occurs in `text`.
inline int count_of(const std::string& text, const std::string& what) {
  int count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

}  // namespace child
