// SPDX-License-Identifier: Apache-2.0
//
// mutex_program WAY: ranks that hold mutexes over Skein calls, or do not. Compiled without NDEBUG, whatever the library is.
//
//   held         rank 1 holds one over two calls, and no other wants it
//   two-held     the same with a mutex and a shared one
//   kept         rank 1 takes one and ends
//   given-back   all ranks take the same mutex between their calls
//   before       main holds one before the run and through it
#include <mutex>
#include <shared_mutex>
#include <string_view>

#include "skein/skein.hpp"

namespace {

constexpr int kHolder = 1;

int run(skein::Runtime& runtime, std::string_view way) {
  std::mutex mutex;
  static std::mutex kept;
  std::shared_mutex shared;
  int count = 0;
  std::unique_lock before(mutex, std::defer_lock);
  if (way == "before") before.lock();
  return runtime.run([&](skein::Team& team) {
    std::unique_lock held(mutex, std::defer_lock);
    std::shared_lock second(shared, std::defer_lock);
    team.barrier();
    if (way == "given-back") {
      const std::scoped_lock lock(mutex);
      ++count;
    }
    if (team.rank() == kHolder && (way == "held" || way == "two-held")) held.lock();
    if (team.rank() == kHolder && way == "two-held") second.lock();
    team.allreduce(1, skein::sum);
    team.barrier();
    if (team.rank() == kHolder && way == "kept") kept.lock();
  });
}

}  // namespace

int main(int argc, char** argv) {
  skein::Runtime runtime(argc, argv);
  return run(runtime, argc > 1 ? argv[1] : "");
}
