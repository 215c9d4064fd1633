// SPDX-License-Identifier: Apache-2.0
// Contender `pthread`: pthread_barrier_wait of the C library.
#include <pthread.h>

#include "contender_main.hpp"
#include "thread_team.hpp"

namespace {

class PthreadBarrier {
 public:
  explicit PthreadBarrier(int ranks) { ::pthread_barrier_init(&barrier_, nullptr, static_cast<unsigned>(ranks)); }
  PthreadBarrier(const PthreadBarrier&) = delete;
  PthreadBarrier& operator=(const PthreadBarrier&) = delete;
  ~PthreadBarrier() { ::pthread_barrier_destroy(&barrier_); }
  void cross() { ::pthread_barrier_wait(&barrier_); }

 private:
  pthread_barrier_t barrier_;
};

}  // namespace

int main(int argc, char** argv) {
  return bench::contender_main(argc, argv, [](const bench::ContenderArguments& arguments) {
    bench::Channel channel = bench::introduce(arguments, 0, 1);
    PthreadBarrier barrier(arguments.ranks);
    bench::ThreadTeam<PthreadBarrier> team(arguments.ranks, barrier);
    bench::on_threads(arguments, [&](int rank) {
      bench::ThreadTeam<PthreadBarrier>::Member member(team, rank);
      bench::serve(member, rank == 0 ? &channel : nullptr);
    });
  });
}
