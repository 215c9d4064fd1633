// SPDX-License-Identifier: Apache-2.0
//
// For programs that use MPI themselves: communicators in and out of Skein. Includes mpi.h, so skein.hpp does not include it.
//
//     skein::Runtime runtime(skein::communicator(comm));        // a team over the processes of comm
//     MPI_Comm mine = skein::mpi_comm(*runtime.comm());         // for MPI calls on main lanes: see Team::per_process
#pragma once

#include <mpi.h>

#include "skein/mpi/communicator.hpp"

namespace skein {

inline Communicator communicator(MPI_Comm comm) { return {static_cast<int>(MPI_Comm_c2f(comm))}; }
inline MPI_Comm mpi_comm(Communicator comm) { return MPI_Comm_f2c(static_cast<MPI_Fint>(comm.handle)); }

}  // namespace skein
