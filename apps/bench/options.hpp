// SPDX-License-Identifier: Apache-2.0
// What the command line asks for. Filled by command_line.cpp, checked there, read everywhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol.hpp"

namespace bench {

struct BenchOptions {
  Kind kind = Kind::barrier;
  int ranks = 2;
  int processes = 2;                           // Skein is also measured as this many processes; 1: not
  int hosts = 1;                               // that Skein takes its processes for; ranks: of the smallest team
  int rounds = 100;                            // accepted ones
  std::uint64_t block = 20'000;                // operations per block, at most
  std::chrono::microseconds block_time{4000};  // and no more than fit in this time
  std::uint64_t count = 1;                     // doubles per rank, of collectives with data
  std::uint64_t skew_ns = 2000;                // largest injected delay, skew
  std::uint64_t seed = 0;
  std::vector<std::string> only;
  std::vector<std::string> skip;
  std::vector<std::string> contenders;        // other builds of this program
  std::string json;                           // file, empty: none
  std::chrono::milliseconds timeout{30'000};  // of one block, and of a contender's start
};

// The name of the benchmark in tables and results.
inline const char* benchmark_name(Kind kind) {
  switch (kind) {
    case Kind::barrier:
      return "barrier";
    case Kind::allreduce:
      return "allreduce";
    case Kind::skew:
      return "skew";
    case Kind::bcast:
      return "bcast";
    case Kind::reduce:
      return "reduce";
    case Kind::scan:
      return "scan";
    case Kind::allgather:
      return "allgather";
    case Kind::alltoall:
      return "alltoall";
    case Kind::reduce_scatter:
      return "reduce_scatter";
    case Kind::iallreduce:
      return "iallreduce";
    case Kind::quit:
      break;
  }
  return "none";
}

}  // namespace bench
