// SPDX-License-Identifier: Apache-2.0
// A program that gets stuck, or nearly, in the way its first argument says; its tests judge it from outside.
//
//   watchdog_program WAY [RANK]      RANK is the one that is odd, by default the last
//
//   fine           ranks meet for half a second, in uneven steps
//   slow           the odd rank computes for a while, and all end well
//   overlaps       every rank starts a barrier, computes for a while, and only then waits
//   killed-WHERE   the process of the odd rank is killed while that rank is in: compute, barrier, allreduce, large, request,
//                  per-process; while the others have finished: leave; or between two runs: between
//   forks          every rank forks, and the children try what they may not
//   exits          the process of the odd rank ends itself, with success
//   exits-in-order  the same by exit(), with all that runs at an exit
//   busy           the odd rank works for a second of CPU time, which does not pass while the program is stopped
//   stops          the process of the odd rank is stopped until the report file says so
//   crossed        the odd rank comes to two teams in another order than the rest, and nobody will ever go on
//   apart          the same teams in the same order, to which the odd rank comes late
//   forever        ranks meet until they are ended, one of them every tenth of a second
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "skein/skein.hpp"

namespace {

using skein::Team;
using Clock = std::chrono::steady_clock;

void compute(std::chrono::nanoseconds length) {
  const Clock::time_point end = Clock::now() + length;
  volatile double work = 1;
  while (Clock::now() < end) work = work * 1.0000001;
}

[[noreturn]] void die() {
  kill(getpid(), SIGKILL);
  while (true) pause();
}

/// Ends the process while its rank, which calls this, is about to be inside a Skein call.
void die_soon() {
  std::thread([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    die();
  }).detach();
}

/// Computes until the process has ended; a rank of that process until it is killed.
void outlive(pid_t process) {
  while (kill(process, 0) == 0) compute(std::chrono::milliseconds(1));
}

/// Not by the clock: a second of work is a second, however often it is interrupted.
void work_for_a_second() {
  const std::clock_t end = std::clock() + CLOCKS_PER_SEC;
  while (std::clock() < end) {
  }
}

/// Stops this process; a child lets it go on when the report file says that it was noticed.
void stop_until_noticed() {
  const pid_t own = getpid();
  const char* const file = std::getenv("SKEIN_REPORT_FILE");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  std::remove(file);                                          // of an earlier run
  if (fork() == 0) {
    std::string text;
    while (text.find("stopped for") == std::string::npos) {
      if (getppid() != own) _exit(1);  // it was ended
      usleep(10'000);
      std::ifstream stream(file);
      text.assign(std::istreambuf_iterator<char>(stream), {});
    }
    kill(own, SIGCONT);
    _exit(0);
  }
  raise(SIGSTOP);
}

bool is_refused(const std::function<void()>& call) {
  try {
    call();
  } catch (const skein::Error& error) {
    return std::string(error.what()).find("in the child of a fork") != std::string::npos;
  }
  return false;
}

/// The child tries what would write into the segment that it shares with the parent, if there are several processes.
void fork_and_meet(Team& team) {
  auto part = team.split(team.rank() / 2);  // some of which are led by lanes that do not speak to other hosts
  skein::Request request = team.ibarrier();
  const pid_t child = fork();
  if (child == 0) {
    std::vector<double> data(100'000, 1.0);
    bool is_well = is_refused([&] { request.test(); });
    is_well = is_refused([&] { request.wait(); }) && is_well;
    is_well = is_refused([&] { team.allreduce(std::span(data), skein::sum); }) && is_well;
    is_well = is_refused([&] { team.shared<int>(1000); }) && is_well;
    is_well = is_refused([&] { part->barrier(); }) && is_well;
    part.reset();
    _exit(is_well ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  if (status != 0) throw std::runtime_error("a child of a fork was not refused a call");
  request.wait();
  if (part->allreduce(1, skein::sum) != part->size()) throw std::runtime_error("a child of a fork took part");
}

void meet(Team& team, const std::string& way, int odd) {
  const bool is_odd = team.rank() == odd;
  team.barrier();
  if (way == "fine") {
    const Clock::time_point end = Clock::now() + std::chrono::milliseconds(500);
    for (bool goes_on = true; goes_on;) {
      if (is_odd) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      goes_on = team.bcast(Clock::now() < end ? 1 : 0, 0) != 0;
    }
  } else if (way == "slow") {
    if (is_odd) team.yield();  // those that share its lane come to the next barrier first
    if (is_odd) compute(std::chrono::milliseconds(900));
  } else if (way == "overlaps") {
    skein::Request request = team.ibarrier();
    compute(std::chrono::milliseconds(900));
    request.wait();
  } else if (way == "busy") {
    team.log("ready");
    if (is_odd) work_for_a_second();
  } else if (way == "stops") {
    if (is_odd) stop_until_noticed();
  } else if (way == "forks") {
    fork_and_meet(team);
  } else if (way == "exits") {
    if (is_odd) std::_Exit(0);
  } else if (way == "exits-in-order") {
    if (is_odd) std::exit(0);  // NOLINT(concurrency-mt-unsafe): that is what is tested
  } else if (way == "crossed" || way == "apart") {
    team.log("ready");
    const auto one = team.dup();
    const auto other = team.dup();
    if (is_odd && way == "apart") compute(std::chrono::milliseconds(900));
    (is_odd && way == "crossed" ? *other : *one).barrier();
    (is_odd && way == "crossed" ? *one : *other).barrier();
  } else if (way == "forever") {
    team.log("ready");
    while (true) {
      if (is_odd) std::this_thread::sleep_for(std::chrono::milliseconds(100));
      team.barrier();
    }
  } else if (way == "killed-compute") {
    if (is_odd) die();
  } else if (way == "killed-leave") {
    if (!is_odd) return;
    compute(std::chrono::milliseconds(100));
    die();
  } else if (way.starts_with("killed-")) {
    // The others come only after the odd rank's process has died in its call.
    const pid_t odd_one = team.bcast(getpid(), odd);
    if (is_odd) die_soon();
    if (getpid() != odd_one) outlive(odd_one);
    std::vector<double> data(100'000, 1.0);
    if (way == "killed-barrier") team.barrier();
    if (way == "killed-allreduce") team.allreduce(1.0, skein::sum);
    if (way == "killed-large") team.allreduce(std::span(data), skein::sum);
    if (way == "killed-request") team.ibarrier().wait();
    if (way == "killed-per-process") team.per_process([=] { outlive(odd_one); });
  }
  team.barrier();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string way = argc > 1 ? argv[1] : "fine";
  skein::Runtime runtime(argc, argv);
  const int odd = argc > 2 ? std::atoi(argv[2]) : runtime.size() - 1;
  int code = runtime.run([&](Team& team) { meet(team, way == "killed-between" ? "none" : way, odd); });
  if (way == "killed-between") {
    if (runtime.process() == runtime.processes() - 1) die();
    code = runtime.run([&](Team& team) { meet(team, "none", odd); });
  }
  if (code != 0) std::fputs(fmt::format("process {} ends with {}\n", runtime.process(), code).c_str(), stderr);
  return code;
}
