// SPDX-License-Identifier: Apache-2.0
//
// What the programs behind the README's tables share: each makes the call of MPI and that of Skein, on one rank per process,
// and compares.
#pragma once

#include <mpi.h>

#include <cstdio>
#include <vector>

#include "skein/mpi.hpp"
#include "skein/skein.hpp"

namespace rows {

inline int wrongs = 0;

template <class T>
void compare(const char* call, const T& theirs, const T& ours) {
  if (theirs == ours) return;
  ++wrongs;
  std::fprintf(stderr, "%s: Skein's result differs\n", call);
}

inline std::vector<double> numbers(std::size_t n, double first) {
  std::vector<double> result(n);
  for (std::size_t i = 0; i < n; ++i) result[i] = first + static_cast<double>(i * i);
  return result;
}

/// Runs make_rows(team, comm, root), and returns what main returns.
template <class MakeRows>
int run(int argc, char** argv, const MakeRows& make_rows) {
  int level = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
  const MPI_Comm comm = MPI_COMM_WORLD;
  {
    skein::Attachment skein = skein::attach(skein::communicator(comm));
    skein::Team& team = skein.team();
    make_rows(team, comm, team.size() - 1);
    wrongs = team.allreduce(wrongs, skein::sum);
    skein.detach();
  }
  MPI_Finalize();
  return wrongs == 0 ? 0 : 1;
}

}  // namespace rows
