// SPDX-License-Identifier: Apache-2.0
// Contender `std`: std::barrier of the standard library this compiler brings.
#include <barrier>

#include "contender_main.hpp"
#include "thread_team.hpp"

namespace {

struct StdBarrier {
  std::barrier<> barrier;
  void cross() { barrier.arrive_and_wait(); }
};

}  // namespace

int main(int argc, char** argv) {
  return bench::contender_main(argc, argv, [](const bench::ContenderArguments& arguments) {
    bench::Channel channel = bench::introduce(arguments, 0, 1);
    StdBarrier barrier{std::barrier<>(arguments.ranks)};
    bench::ThreadTeam<StdBarrier> team(arguments.ranks, barrier);
    bench::on_threads(arguments, [&](int rank) {
      bench::ThreadTeam<StdBarrier>::Member member(team, rank);
      bench::serve(member, rank == 0 ? &channel : nullptr);
    });
  });
}
