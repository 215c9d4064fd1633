// SPDX-License-Identifier: Apache-2.0
// A program that fails in the way its first argument says; its tests judge exit code and output from outside.
//
//   failure_program WAY [RANK]      RANK fails, by default the last
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "skein/skein.hpp"

namespace {

using skein::Team;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLong{100};  // beyond every time-out of these tests

// Without a Skein call, and on the CPU, as a rank that computes.
void compute(std::chrono::nanoseconds length) {
  const Clock::time_point end = Clock::now() + length;
  volatile double work = 1;
  while (Clock::now() < end) work = work * 1.0000001;
}

/// To the rank that fails, if it is on this lane.
void let_it_fail(Team& team) {
  try {
    team.yield();
  } catch (const skein::TeamAborted&) {  // which this rank does not heed
  }
}

void fail(Team& team, const std::string& way, int failing) {
  const bool fails = team.rank() == failing;
  const int next = (failing + 1) % team.size();
  team.barrier();
  if (way == "throw" && fails) throw std::runtime_error("it broke");
  if (way == "io" && fails) throw skein::Error(skein::ExitCode::io, "disk full");
  if (way == "int" && fails) throw 7;
  if (way == "all") throw std::runtime_error("it broke");
  if (way == "late-mismatch" && fails) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  if ((way == "mismatch" || way == "late-mismatch") && fails) team.allreduce(1.0, skein::sum);
  // All are told by then, and still the report has to come first.
  if (way == "slow-leave") {
    if (fails) throw std::runtime_error("it broke");
    if (team.host_of(next) == team.host() && team.rank() == next) compute(std::chrono::seconds(1));
    if (team.host() == team.hosts() - 1) compute(kLong);
  }
  // After the failure, one rank or all others do not come back for long.
  if (way == "one-computes" || way == "others-compute") {
    if (fails) throw std::runtime_error("it broke");
    let_it_fail(team);
    if (way == "others-compute" || team.rank() == next) compute(kLong);
  }
  if (way == "one-sleeps") {
    if (fails) throw std::runtime_error("it broke");
    let_it_fail(team);
    if (team.rank() == next) std::this_thread::sleep_for(kLong);
  }
  // The reader of the failing rank's memory is in an operator that does not return.
  if (way == "operator-computes") {
    std::vector<double> data(100'000, 1.0);
    team.allreduce(std::span(data), [&](double left, double right) {
      if (fails) throw std::runtime_error("it broke");
      if (team.rank() == next) compute(kLong);
      return left + right;
    });
  }
  // Where hosts are several, their leaders fold, in helpers.
  if (way == "nonblocking") {
    const auto op = [](double, double) -> double { throw std::runtime_error("it broke"); };
    (void)team.iallreduce(1.0, op).wait();
  }
  if (way == "bad-root") team.bcast(1, fails ? 1000 : 0);
  team.barrier();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string way = argc > 1 ? argv[1] : "throw";
  skein::Runtime runtime(argc, argv);
  const int failing = argc > 2 ? std::atoi(argv[2]) : runtime.size() - 1;
  return runtime.run([&](Team& team) { fail(team, way, failing); });
}
