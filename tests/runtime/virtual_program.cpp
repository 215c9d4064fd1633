// SPDX-License-Identifier: Apache-2.0
//
// virtual_program WAY: what ranks that share a lane do, for virtual_test.cpp and as tests of its own.
//
//   thousands         all ranks reduce, scan and leave
//   per-process       a function for the thread that may call MPI sees the stack of that thread, also when it throws
//   missing-barrier   each rank reads its neighbour's value; one barrier is missing, which exit code 1 tells
//   all-barriers      the same with that barrier
//   starts            prints the order in which ranks start non-blocking barriers, which make nobody wait
//   order             prints the order in which ranks write between two barriers
//   yields            a rank that polls a flag of the program, and yields in between, sees another of its lane set it
//   polls             two ranks poll what never comes, and yield; the last one fails
//   hogs              one rank computes for long after another has failed
#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "skein/skein.hpp"

namespace {

void thousands(skein::Team& team) {
  const std::int64_t ranks = team.size();
  for (int round = 0; round < 3; ++round) {
    const std::int64_t sum = team.allreduce(std::int64_t{team.rank()}, skein::sum);
    if (sum != ranks * (ranks - 1) / 2) throw std::runtime_error(fmt::format("a sum of {}", sum));
    const std::int64_t below = team.scan(std::int64_t{1}, skein::sum);
    if (below != team.rank() + 1) throw std::runtime_error(fmt::format("a scan of {}", below));
    team.barrier();
  }
  team.log("{} ranks agree", team.size());
}

// Far from every fiber, whose stacks are mapped apart.
bool is_on_own_stack(const void* of_main) {
  const auto distance =
      reinterpret_cast<std::intptr_t>(__builtin_frame_address(0)) - reinterpret_cast<std::intptr_t>(of_main);
  return std::abs(distance) < (std::intptr_t{64} << 10U);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view way = argc > 1 ? argv[1] : "";
  const void* const of_main = __builtin_frame_address(0);
  skein::Runtime runtime(argc, argv);
  if (way == "thousands") return runtime.run(thousands);
  if (way == "per-process") {
    const int code = runtime.run([&](skein::Team& team) {
      bool is_there = false;
      team.per_process([&] { is_there = is_on_own_stack(of_main); });
      const int first_ranks = team.allreduce(is_there ? 1 : 0, skein::sum);
      if (first_ranks != team.processes()) throw std::runtime_error("f ran on another stack");
      team.log("on the stack of its thread");
    });
    const int thrown =
        runtime.run([](skein::Team& team) { team.per_process([] { throw std::runtime_error("from per_process"); }); });
    return code != 0 ? code : thrown == 5 ? 0 : 1;
  }
  std::vector<int> values(static_cast<std::size_t>(runtime.size()));
  if (way == "missing-barrier" || way == "all-barriers") {
    std::atomic<bool> is_wrong{false};
    const int code = runtime.run([&](skein::Team& team) {
      const auto own = static_cast<std::size_t>(team.rank());
      const std::size_t next = (own + 1) % values.size();
      for (int step = 1; step <= 3; ++step) {
        values[own] = step;
        team.barrier();
        if (values[next] != step) is_wrong = true;
        if (way == "all-barriers") team.barrier();  // else the neighbour may be in the next step already
      }
    });
    std::printf("%s\n", is_wrong ? "a wrong value" : "all values are right");
    return code != 0 ? code : is_wrong ? 1 : 0;
  }
  if (way == "order") {
    std::string order;
    return runtime.run([&](skein::Team& team) {
      for (int step = 0; step < 4; ++step) {
        team.barrier();
        order += fmt::format("{} ", team.rank());
      }
      team.barrier();
      team.log("{}", order);
    });
  }
  if (way == "starts") {
    std::string order;
    return runtime.run([&](skein::Team& team) {
      skein::Request requests[4];
      for (skein::Request& request : requests) {
        order += fmt::format("{} ", team.rank());
        request = team.ibarrier();
      }
      for (skein::Request& request : requests) request.wait();
      team.log("{}", order);
    });
  }
  if (way == "yields") {
    std::atomic<bool> is_set{false};
    return runtime.run([&](skein::Team& team) {
      if (team.rank() == 0) {
        while (!is_set) team.yield();
      } else {
        is_set = true;
      }
      team.barrier();
      team.log("seen");
    });
  }
  if (way == "polls") {
    const int code = runtime.run([](skein::Team& team) {
      team.barrier();
      if (team.rank() == team.size() - 1) throw std::runtime_error("it broke");
      if (team.rank() <= 1) {
        while (true) team.yield();
      }
      team.barrier();
    });
    std::puts("all have left");
    return code;
  }
  if (way == "hogs") {
    std::atomic<int> entered{0};
    return runtime.run([&](skein::Team& team) {
      ++entered;
      if (team.rank() == 0) {
        while (entered < team.size()) team.yield();
        throw std::runtime_error("it broke");
      }
      try {
        while (true) team.yield();
      } catch (const skein::TeamAborted&) {  // which this rank does not heed
      }
      volatile bool goes_on = true;
      while (goes_on) {
      }
    });
  }
  std::fputs(
      "usage: virtual_program thousands|per-process|missing-barrier|all-barriers|starts|order|yields|polls|hogs\n",
      stderr);
  return 2;
}
