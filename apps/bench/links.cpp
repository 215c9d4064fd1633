// SPDX-License-Identifier: Apache-2.0
// skein-bench-links: what one link of each kind costs on this machine, as one line of JSON. scaling.py runs it many times
// and derives from its medians what larger machines would cost.
//
//   skein-bench-links              between two threads: one cache line handed over, and each further line beside it
//   mpirun -n 2 skein-bench-links  between two processes: one small MPI message, and each byte of a large one
//
// Edges
//   [pass]  seq_cst exchange of the hop's number, as Skein posts a line
//   [take]  acquire load: the line has come
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "skein/machine/machine.hpp"

#ifdef SKEIN_BENCH_MPI
#include <mpi.h>
#endif

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kHops = 20'000;
constexpr int kMostLines = 16;

struct alignas(128) Line {
  std::atomic<std::uint64_t> hop{0};
};

double ns_since(Clock::time_point start, int operations) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count() / operations;
}

void pin(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(cpu), &one);
  pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

/// One side of a handover: writes its lines when it is its turn, else waits for all of the other side's.
void hand_over(std::vector<Line>& own, std::vector<Line>& others, int lines, std::uint64_t first, bool begins) {
  for (std::uint64_t hop = first; hop < first + kHops; ++hop) {
    const auto count = static_cast<std::size_t>(lines);
    if ((hop % 2 == 0) == begins) {
      for (std::size_t i = 0; i < count; ++i) own[i].hop.exchange(hop, std::memory_order_seq_cst);  // [pass]
    } else {
      for (std::size_t i = 0; i < count; ++i) {
        while (others[i].hop.load(std::memory_order_acquire) != hop) {  // [take]
        }
      }
    }
  }
}

/// ns of one handover, one way, of so many lines at once.
double handover_ns(const std::vector<int>& cpus, int lines) {
  std::vector<Line> left(kMostLines);
  std::vector<Line> right(kMostLines);
  double ns = 0;
  std::thread other([&] {
    pin(cpus[1]);
    hand_over(right, left, lines, 2, false);
    hand_over(right, left, lines, 2 + kHops, false);
  });
  std::thread timed([&] {
    pin(cpus[0]);
    hand_over(left, right, lines, 2, true);  // warm
    const auto start = Clock::now();
    hand_over(left, right, lines, 2 + kHops, true);
    ns = ns_since(start, kHops);
  });
  timed.join();
  other.join();
  return ns;
}

int between_threads() {
  const std::vector<int> cpus = skein::allowed_cpus();
  if (cpus.size() < 2) {
    std::fputs("skein-bench-links: a line passes between two CPUs, this process may use one\n", stderr);
    return 6;
  }
  const double one = handover_ns(cpus, 1);
  const double many = handover_ns(cpus, kMostLines);
  std::printf("{\"line_ns\": %.2f, \"further_line_ns\": %.2f}\n", one, (many - one) / (kMostLines - 1));
  return 0;
}

#ifdef SKEIN_BENCH_MPI
/// ns of one message, one way.
double message_ns(int rank, std::vector<char>& buffer, int bytes, int hops) {
  const auto exchange = [&](int count) {
    for (int hop = 0; hop < count; ++hop) {
      if (hop % 2 == rank) {
        MPI_Send(buffer.data(), bytes, MPI_BYTE, 1 - rank, 0, MPI_COMM_WORLD);
      } else {
        MPI_Recv(buffer.data(), bytes, MPI_BYTE, 1 - rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      }
    }
  };
  exchange(hops / 10);
  const auto start = Clock::now();
  exchange(hops);
  return ns_since(start, hops);
}
#endif

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    std::fputs("usage: [mpirun -n 2] skein-bench-links\n", stderr);
    return 2;
  }
#ifdef SKEIN_BENCH_MPI
  // NOLINTNEXTLINE(concurrency-mt-unsafe): there are no other threads yet
  if (std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMI_SIZE") != nullptr) {
    MPI_Init(&argc, &argv);
    int rank = 0;
    int size = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size == 2) {
      constexpr int kLarge = 1 << 20;
      std::vector<char> buffer(kLarge);
      const double small = message_ns(rank, buffer, 0, kHops);
      const double large = message_ns(rank, buffer, kLarge, 200);
      if (rank == 0) std::printf("{\"message_ns\": %.1f, \"byte_ns\": %.5f}\n", small, (large - small) / kLarge);
    } else if (rank == 0) {
      std::fputs("skein-bench-links: a message passes between two processes: mpirun -n 2\n", stderr);
    }
    MPI_Finalize();
    return size == 2 ? 0 : 2;
  }
#else
  (void)argv;
#endif
  return between_threads();
}
