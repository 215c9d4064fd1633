// SPDX-License-Identifier: Apache-2.0
// The program of README.md that keeps its own main.
// [attached]
#include <skein/mpi.hpp>
#include <skein/skein.hpp>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  {
    skein::Attachment skein = skein::attach(skein::communicator(MPI_COMM_WORLD));  // this thread is one rank
    skein::Team& team = skein.team();
    double mine = 1.0 + team.rank();
    for (int step = 0; step < 1000; ++step) {
      team.barrier();                                               // was MPI_Barrier(comm)
      mine = team.allreduce(mine, skein::sum) / (2 * team.size());  // was MPI_Allreduce(...)
    }
    team.log("{} ranks attached", team.size());
    skein.detach();
  }
  MPI_Finalize();
}
// [attached]
