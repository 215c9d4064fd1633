// SPDX-License-Identifier: Apache-2.0
// What the peers' programs share: their arguments, dying with their parent, pinning, and threads.
//
// A contender is started as `PROGRAM serve --connect NAME --id N --ranks R [--hosts H] [--pin] [--form NAME]` by
// skein-bench; it is of no use by hand.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "protocol.hpp"

namespace bench {

enum class Pinning { none, one_cpu_each };

struct ContenderArguments {
  std::string connect;
  std::string form;  // which of a contender's ways to do an operation; empty: its first
  int id = 0;
  int ranks = 0;
  int hosts = 1;  // that a team of Skein must span
  Pinning pinning = Pinning::none;
};

inline ContenderArguments parse_contender(int argc, char** argv) {
  ContenderArguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "serve") continue;
    if (name == "--pin") {
      arguments.pinning = Pinning::one_cpu_each;
      continue;
    }
    if (i + 1 == argc) throw std::runtime_error(name + ": no such option, or its value is missing");
    const char* value = argv[++i];
    if (name == "--connect")
      arguments.connect = value;
    else if (name == "--form")
      arguments.form = value;
    else if (name == "--id")
      arguments.id = std::atoi(value);
    else if (name == "--ranks")
      arguments.ranks = std::atoi(value);
    else if (name == "--hosts")
      arguments.hosts = std::atoi(value);
    else
      throw std::runtime_error(name + ": no such option");
  }
  if (arguments.connect.empty() || arguments.ranks < 1)
    throw std::runtime_error("started by skein-bench only: --connect NAME --id N --ranks R [--pin] [--form NAME]");
  return arguments;
}

// The kernel kills this process when its parent dies, even while it is stopped.
inline void die_with_parent() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() == 1) std::_Exit(1);
}

// Connects and introduces this process.
inline Channel introduce(const ContenderArguments& arguments, int process, int processes) {
  Channel channel = Channel::connect(arguments.connect);
  channel.send(Hello{.contender = arguments.id, .process = process, .processes = processes, .ranks = arguments.ranks});
  return channel;
}

inline std::vector<int> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof set, &set);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

// Binds the calling thread to the allowed CPU of its rank, counted round the list.
inline void pin(const std::vector<int>& cpus, int rank) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpus[static_cast<std::size_t>(rank) % cpus.size()]), &set);
  ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

// Calls body(rank) on `ranks` threads; the calling thread is rank 0. A contender has nothing to clean up: an
// exception anywhere ends the process, and the coordinator reports it.
template <class Body>
void on_threads(const ContenderArguments& arguments, Body&& body) {
  const std::vector<int> cpus = allowed_cpus();
  const auto rank_main = [&](int rank) {
    if (arguments.pinning == Pinning::one_cpu_each) pin(cpus, rank);
    body(rank);
  };
  std::vector<std::jthread> threads;
  for (int rank = 1; rank < arguments.ranks; ++rank) threads.emplace_back(rank_main, rank);
  rank_main(0);
}

template <class Main>
int contender_main(int argc, char** argv, Main&& body) {
  try {
    die_with_parent();
    body(parse_contender(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argc > 0 ? argv[0] : "contender", error.what());
    return 2;
  }
}

}  // namespace bench
