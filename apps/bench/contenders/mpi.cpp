// SPDX-License-Identifier: Apache-2.0
// Contender `mpi`: MPI's collectives, one process per rank, started by mpirun.
#include <mpi.h>

#include "block.hpp"
#include "contender_main.hpp"

namespace {

class MpiMember {
 public:
  MpiMember() {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }
  int rank() const { return rank_; }
  int size() const { return size_; }
  void barrier() { MPI_Barrier(MPI_COMM_WORLD); }
  double allreduce(double value) {
    double sum = 0;
    MPI_Allreduce(&value, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    return sum;
  }
  void allreduce(std::span<const double> in, std::span<double> out) {
    MPI_Allreduce(in.data(), out.data(), static_cast<int>(in.size()), MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  }
  void collective(bench::Kind kind, std::span<const double> in, std::span<double> out, int root) {
    const int given = static_cast<int>(in.size());
    const int got = static_cast<int>(out.size());
    switch (kind) {
      case bench::Kind::bcast:
        MPI_Bcast(out.data(), got, MPI_DOUBLE, root, MPI_COMM_WORLD);
        break;
      case bench::Kind::reduce:
        MPI_Reduce(in.data(), out.data(), given, MPI_DOUBLE, MPI_SUM, root, MPI_COMM_WORLD);
        break;
      case bench::Kind::scan:
        MPI_Scan(in.data(), out.data(), given, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
        break;
      case bench::Kind::allgather:
        MPI_Allgather(in.data(), given, MPI_DOUBLE, out.data(), given, MPI_DOUBLE, MPI_COMM_WORLD);
        break;
      case bench::Kind::alltoall:
        MPI_Alltoall(in.data(), given / size_, MPI_DOUBLE, out.data(), given / size_, MPI_DOUBLE, MPI_COMM_WORLD);
        break;
      case bench::Kind::iallreduce: {
        MPI_Request request = MPI_REQUEST_NULL;
        MPI_Iallreduce(in.data(), out.data(), given, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD, &request);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
        break;
      }
      default:
        MPI_Reduce_scatter_block(in.data(), out.data(), got, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    }
  }
  bench::Command bcast(bench::Command command) {
    MPI_Bcast(&command, sizeof command, MPI_BYTE, 0, MPI_COMM_WORLD);
    return command;
  }
  std::int64_t bcast(std::int64_t time) {
    MPI_Bcast(&time, 1, MPI_INT64_T, 0, MPI_COMM_WORLD);
    return time;
  }
  void maximum(std::span<std::int64_t> times) {
    const void* in = rank_ == 0 ? MPI_IN_PLACE : times.data();
    MPI_Reduce(in, times.data(), static_cast<int>(times.size()), MPI_INT64_T, MPI_MAX, 0, MPI_COMM_WORLD);
  }

 private:
  int rank_ = 0;
  int size_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  return bench::contender_main(argc, argv, [&](const bench::ContenderArguments& arguments) {
    MPI_Init(&argc, &argv);
    MpiMember member;
    if (member.size() != arguments.ranks) throw std::runtime_error("mpirun started another number of processes");
    bench::Channel channel = bench::introduce(arguments, member.rank(), member.size());
    bench::serve(member, member.rank() == 0 ? &channel : nullptr);
    MPI_Finalize();
  });
}
