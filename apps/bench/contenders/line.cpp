// SPDX-License-Identifier: Apache-2.0
// The yardstick `line`: one cache line handed back and forth between two pinned threads. One operation is one
// transfer, one way. It answers the barrier command, so that it is timed by the same loop as the contenders.
//
// Forms    (default)  bare polls: the line transfer that everything is divided by
//          paused     a pause between polls. It is faster, because polls disturb the writer; reported beside it.
//
// Edges
//   [pass]  release store of the hop's number: the line leaves for the other core
//   [take]  acquire load: the line has come
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <atomic>
#include <barrier>
#include <cstdint>

#include "contender_main.hpp"
#include "thread_team.hpp"

namespace {

struct StdBarrier {
  std::barrier<> barrier;
  void cross() { barrier.arrive_and_wait(); }
};

struct alignas(128) Line {
  std::atomic<std::uint64_t> hop{0};  // both threads write in turn, the other polls
};

using Team = bench::ThreadTeam<StdBarrier>;

struct BarePoll {
  void operator()() const {}
};

struct PausedPoll {
  void operator()() const {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }
};

template <class BetweenPolls>
class LineMember : public Team::Member {
 public:
  LineMember(Team& team, int rank, Line& line) : Team::Member(team, rank), line_(line) {}

  void barrier() {
    const std::uint64_t hop = ++hop_;
    if (static_cast<int>(hop % 2) == rank()) {
      line_.hop.store(hop, std::memory_order_release);  // [pass]
    } else {
      while (line_.hop.load(std::memory_order_acquire) != hop) BetweenPolls{}();  // [take]
    }
  }

 private:
  Line& line_;
  std::uint64_t hop_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  return bench::contender_main(argc, argv, [](const bench::ContenderArguments& arguments) {
    if (arguments.ranks != 2) throw std::runtime_error("the line transfer is measured between 2 threads");
    bench::Channel channel = bench::introduce(arguments, 0, 1);
    StdBarrier barrier{std::barrier<>(2)};
    Team team(2, barrier);
    Line line;
    bench::on_threads(arguments, [&](int rank) {
      bench::Channel* own_channel = rank == 0 ? &channel : nullptr;
      if (arguments.form == "paused") {
        LineMember<PausedPoll> member(team, rank, line);
        bench::serve(member, own_channel);
      } else {
        LineMember<BarePoll> member(team, rank, line);
        bench::serve(member, own_channel);
      }
    });
  });
}
