// SPDX-License-Identifier: Apache-2.0
// Contenders `libgomp` and `libomp`: one source, built once by each runtime's own compiler.
//
// Forms    (default)  one parallel region for the whole life; a barrier is `omp barrier`, an allreduce is the
//                     hand-written one of ThreadTeam around it.
//          region     every operation is its own `parallel` region, an allreduce its `reduction` clause. One
//                     double only.
#include <omp.h>

#include <string>

#include "contender_main.hpp"
#include "thread_team.hpp"

namespace {

struct OmpBarrier {
  void cross() {
#pragma omp barrier
  }
};

// Seen from the thread that opens the regions; the others exist only inside an operation.
class RegionMember {
 public:
  explicit RegionMember(int threads) : threads_(threads) {}
  int rank() const { return 0; }
  int size() const { return threads_; }
  void barrier() {
#pragma omp parallel num_threads(threads_)
    {}
  }
  double allreduce(double value) {
    double sum = 0;
#pragma omp parallel num_threads(threads_) reduction(+ : sum)
    sum += value + omp_get_thread_num();  // rank r contributes r more than rank 0
    return sum;
  }
  void allreduce(std::span<const double> in, std::span<double> out) {
    for (std::size_t j = 0; j < in.size(); ++j) out[j] = allreduce(in[j]);
  }
  bench::Command bcast(bench::Command command) { return command; }
  std::int64_t bcast(std::int64_t time) { return time; }
  void maximum(std::span<std::int64_t>) {}

 private:
  int threads_;
};

void serve_in_one_region(const bench::ContenderArguments& arguments, bench::Channel& channel) {
  OmpBarrier barrier;
  bench::ThreadTeam<OmpBarrier> team(arguments.ranks, barrier);
#pragma omp parallel num_threads(arguments.ranks)
  {
    if (omp_get_num_threads() != arguments.ranks) {
      std::fprintf(stderr, "OpenMP gave %d threads, wanted %d\n", omp_get_num_threads(), arguments.ranks);
      std::_Exit(2);
    }
    const int rank = omp_get_thread_num();
    bench::ThreadTeam<OmpBarrier>::Member member(team, rank);
    bench::serve(member, rank == 0 ? &channel : nullptr);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return bench::contender_main(argc, argv, [](const bench::ContenderArguments& arguments) {
    omp_set_dynamic(0);
    bench::Channel channel = bench::introduce(arguments, 0, 1);
    if (arguments.form == "region") {
      RegionMember member(arguments.ranks);
      bench::serve(member, &channel);
    } else {
      serve_in_one_region(arguments, channel);
    }
  });
}
