// SPDX-License-Identifier: Apache-2.0
//
// Counts the messages that an alltoall sends between hosts. Run with SKEIN_HOST=process.
#include <mpi.h>

#include <atomic>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "skein/skein.hpp"

namespace {

std::atomic<int> large_messages{0};  // sent by this process

constexpr int kLargeBytes = 1024;

constexpr std::size_t kPartValues = 500;

/// Part q of rank r holds r * 1000 + q.
void exchange(skein::Team& team) {
  const auto ranks = static_cast<std::size_t>(team.size());
  std::vector<std::int64_t> in(ranks * kPartValues);
  std::vector<std::int64_t> out(in.size());
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = team.rank() * 1000 + static_cast<std::int64_t>(i / kPartValues);
  team.barrier();
  const int before = large_messages;
  team.barrier();
  team.alltoall(in, std::span(out));
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] != static_cast<std::int64_t>(i / kPartValues) * 1000 + team.rank())
      throw std::runtime_error("a wrong value");
  }
  team.barrier();
  // One message for each rank here and each other host: all fits one piece.
  const int ranks_here = team.size() / team.processes();
  const int sent = large_messages - before;
  if (sent != ranks_here * (team.hosts() - 1)) throw std::runtime_error(fmt::format("{} messages", sent));
}

}  // namespace

// Stands before the one of the library.
extern "C" int MPI_Isend(const void* buffer, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
                         MPI_Request* request) {
  int bytes_of_one = 0;
  PMPI_Type_size(type, &bytes_of_one);
  if (count * bytes_of_one >= kLargeBytes) ++large_messages;
  return PMPI_Isend(buffer, count, type, to, tag, comm, request);
}

int main(int argc, char** argv) {
  skein::Runtime runtime(argc, argv);
  return runtime.run(exchange);
}
