// SPDX-License-Identifier: Apache-2.0
// A program that ends while its Runtime lives; its tests judge exit code and output from outside.
//
//   lifetime_program returns            main returns 3 after a run, and a static Runtime goes after it
//   lifetime_program WAY RANK static    the rank calls exit(3), quick_exit(3) or _exit(3), in the middle of a run of a static
//   lifetime_program WAY RANK local     Runtime, or of one in main
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "skein/skein.hpp"

namespace {

constexpr int kCode = 3;

struct Way {
  std::string how;
  int rank = 0;
};

int run(skein::Runtime& runtime, const Way& way) {
  return runtime.run([&](skein::Team& team) {
    team.barrier();
    if (team.rank() == way.rank) {
      if (way.how == "exit") std::exit(kCode);              // NOLINT(concurrency-mt-unsafe): that is what is tested
      if (way.how == "quick_exit") std::quick_exit(kCode);  // NOLINT(concurrency-mt-unsafe)
      if (way.how == "_exit") _exit(kCode);
    }
    if (way.how != "returns") team.barrier();
  });
}

int run_static(int argc, char** argv, const Way& way) {
  static skein::Runtime runtime(argc, argv);
  return run(runtime, way);
}

}  // namespace

int main(int argc, char** argv) {
  const Way way{argv[1], argc > 2 ? std::atoi(argv[2]) : -1};
  if (argc <= 3 || std::string(argv[3]) == "static") return run_static(argc, argv, way) == 0 ? kCode : 1;
  skein::Runtime runtime(argc, argv);
  return run(runtime, way);
}
