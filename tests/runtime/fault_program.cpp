// SPDX-License-Identifier: Apache-2.0
// Ranks that make many different collectives, check every result, and have one thing go wrong.
//
//   fault_program SEED FAULT RANK STEP
//
//   FAULT   none; throw; mismatch; missing: RANK leaves one call out; killed, stopped (for a while), exits: the process of
//           RANK; signals: a thousand a second in the process of RANK, from STEP to the end; thread: a lane of process 0 does
//           not start
//
// exit status: that of the run; 9 when a result was wrong.
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "lane/failing_threads.hpp"
#include "skein/skein.hpp"

namespace {

using skein::Team;

constexpr int kSteps = 300;
constexpr int kWrong = 9;

struct Plan {
  unsigned seed = 0;
  std::string fault;
  int rank = 0;
  int step = 0;
};

void require(bool holds, const char* what) {
  if (holds) return;
  std::fputs(fmt::format("WRONG: {}\n", what).c_str(), stderr);
  std::_Exit(kWrong);
}

/// Stops this process; a child lets it go on.
void stop_for_a_while() {
  const pid_t own = getpid();
  if (fork() == 0) {
    usleep(300'000);
    kill(own, SIGCONT);
    _exit(0);
  }
  raise(SIGSTOP);
}

void start_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(SIGALRM, &action, nullptr);
  const itimerval every{{0, 1000}, {0, 1000}};
  setitimer(ITIMER_REAL, &every, nullptr);
}

void go_wrong(Team& team, const Plan& plan) {
  if (plan.fault == "throw") throw std::runtime_error("it broke");
  if (plan.fault == "mismatch") team.scan(1, skein::max);
  if (plan.fault == "killed") kill(getpid(), SIGKILL);
  if (plan.fault == "stopped") stop_for_a_while();
  if (plan.fault == "exits") std::_Exit(0);
  if (plan.fault == "signals") start_signals();
}

void collective(Team& team, unsigned kind, int step) {
  const int size = team.size();
  const int sum_of_ranks = size * (size - 1) / 2;
  const int root = step % size;
  switch (kind) {
    case 0:
      return team.barrier();
    case 1:
      return require(team.allreduce(team.rank() + step, skein::sum) == sum_of_ranks + size * step, "allreduce");
    case 2:
      return require(team.bcast(team.rank() == root ? step : -1, root) == step, "bcast");
    case 3: {
      std::vector<int> all(static_cast<std::size_t>(size));
      team.allgather(team.rank() * step, std::span(all));
      return require(all.back() == (size - 1) * step, "allgather");
    }
    case 4: {
      std::vector<int> data(20'000, team.rank());
      team.allreduce(std::span(data), skein::sum);
      return require(data.front() == sum_of_ranks && data.back() == sum_of_ranks, "large allreduce");
    }
    case 5: {
      skein::Request request = team.ibarrier();
      for (int i = 0; i < 100 && !request.test(); ++i) {
      }
      return request.wait();
    }
    default: {
      std::vector<int> in(static_cast<std::size_t>(size), team.rank());
      std::vector<int> out(in.size());
      team.alltoall(in, std::span(out));
      return require(out[static_cast<std::size_t>(root)] == root, "alltoall");
    }
  }
}

void work(Team& team, const Plan& plan) {
  std::minstd_rand random(plan.seed);
  unsigned kind = 0;
  for (int step = 0; step < kSteps; ++step) {
    constexpr unsigned kKinds = 7;
    // Another than before: of two equal calls one may be missing, and the next takes its place unnoticed.
    kind = (kind + 1 + static_cast<unsigned>(random() % (kKinds - 1))) % kKinds;
    const bool is_here = team.rank() == plan.rank && step == plan.step;
    if (is_here) go_wrong(team, plan);
    if (is_here && plan.fault == "missing") continue;
    collective(team, kind, step);
  }
  team.log("all results were right");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: fault_program SEED FAULT RANK STEP\n", stderr);
    return 2;
  }
  const Plan plan{.seed = static_cast<unsigned>(std::atoi(argv[1])),
                  .fault = argv[2],
                  .rank = std::atoi(argv[3]),
                  .step = std::atoi(argv[4])};
  skein::Runtime runtime(argc, argv);
  if (plan.fault == "thread" && runtime.process() == 0) failing_threads::allowed = plan.step % runtime.ranks();
  const int code = runtime.run([&](Team& team) { work(team, plan); });
  if (code != 0) std::fputs(fmt::format("process {} ends with {}\n", runtime.process(), code).c_str(), stderr);
  return code;
}
