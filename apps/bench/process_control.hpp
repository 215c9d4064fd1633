// SPDX-License-Identifier: Apache-2.0
// The operating system's side of contenders: starting programs, looking at processes, reaping them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "contender.hpp"

namespace bench {

// A file in memory that a child can write its output to.
int memory_file();

// This process's environment without the variables that change a peer's behaviour (OMP_*, GOMP_*, KMP_*, and Open
// MPI's yield_when_idle), so that "default" means default; then `values` are set.
std::vector<std::string> environment_with(std::span<const EnvironmentValue> values);

// Forks and executes `arguments` in a new process group, standard input empty, standard output and error to `output`.
// The kernel sends the child the given signal when this process dies.
pid_t start_program(const std::vector<std::string>& arguments, const std::vector<std::string>& environment, int output,
                    int signal_at_parents_death);

// Collects an ended child without waiting. False while it lives.
bool reap(pid_t child, int& status);

// Waits until the child has ended (it is not reaped) or the time is over.
void wait_for_end(pid_t child, std::chrono::milliseconds timeout);

bool all_threads_stopped(pid_t pid);

// Whether `pid` is still a process that serves this coordinator: ids are used again.
bool is_contender_process(pid_t pid);

// "exit status 1", "killed by signal 9 (Killed)".
std::string describe_exit(int status);

// The file that `program` names as execvp would find it; empty if there is none that can be executed.
std::string find_program(const std::string& program);

}  // namespace bench
