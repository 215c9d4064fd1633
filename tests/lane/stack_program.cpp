// SPDX-License-Identifier: Apache-2.0
// A program whose ranks use their stacks up to, or beyond, the end. Its tests judge from outside.
//
//   stack_program deep RANK PERCENT   RANK (-1: all) recurses until PERCENT % of SKEIN_STACK are in use
//   stack_program frame RANK          one frame of half of SKEIN_STACK above three quarters in use, touched at its end first
//   stack_program wild RANK           writes through a null pointer
//   stack_program handled RANK        the same, where the program has a handler of its own
//   stack_program after               the same, after the run; prints whether the limit of the stack is as before
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "skein/skein.hpp"

namespace {

constexpr std::size_t kFrameBytes = 1024;
constexpr int kHandled = 42;

std::uintptr_t here() { return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)); }

/// Uses the stack from `top` down to `bytes` below it, every page of it, and returns how often it called itself.
[[gnu::noinline]] int use_stack(std::uintptr_t top, std::size_t bytes) {  // NOLINT(misc-no-recursion)
  volatile char frame[kFrameBytes];
  frame[0] = 1;
  if (top - here() >= bytes) return 1;
  return use_stack(top, bytes) + frame[0];
}

/// Half a stack in one frame, whose lowest byte is written first.
[[gnu::noinline]] int use_frame(std::size_t bytes) {
  auto* frame = static_cast<volatile char*>(__builtin_alloca(bytes));
  frame[0] = 1;
  return frame[0];
}

[[gnu::noinline]] int use_frame_below(std::uintptr_t top, std::size_t bytes, std::size_t frame_bytes) {
  volatile char frame[kFrameBytes];
  frame[0] = 1;
  if (top - here() >= bytes) return use_frame(frame_bytes) + frame[0];
  return use_frame_below(top, bytes, frame_bytes) + frame[0];
}

void write_wildly() {
  volatile std::uintptr_t nowhere = 8;
  *reinterpret_cast<volatile int*>(nowhere) = 1;
}

rlim_t stack_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_STACK, &limit);
  return limit.rlim_cur;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "deep";
  const int victim = argc > 2 ? std::atoi(argv[2]) : -1;
  const auto percent = static_cast<std::size_t>(argc > 3 ? std::atoi(argv[3]) : 0);
  if (what == "handled") std::signal(SIGSEGV, [](int) { _exit(kHandled); });
  const rlim_t limit = stack_limit();
  int code = 0;
  {
    skein::Options options;
    const std::size_t bytes = skein::with_environment(options).stack_bytes;
    skein::Runtime runtime(argc, argv, options);
    code = runtime.run([&](skein::Team& team) {
      team.barrier();
      if (victim == -1 || victim == team.rank()) {
        if (what == "deep" && use_stack(here(), bytes / 100 * percent) < 2) throw std::runtime_error("did not recurse");
        if (what == "frame") use_frame_below(here(), bytes / 4 * 3, bytes / 2);
        if (what == "wild" || what == "handled") write_wildly();
      }
      team.barrier();
    });
  }
  if (what == "after") {
    std::printf("the limit is %s\n", stack_limit() == limit ? "as before" : "another");
    std::fflush(stdout);
    write_wildly();
  }
  std::printf("ended\n");
  return code;
}
