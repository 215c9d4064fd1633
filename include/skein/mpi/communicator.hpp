// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace skein {

/// An MPI communicator, as the number that MPI gives it for Fortran, so that Skein's headers need no mpi.h. skein/mpi.hpp
/// converts it from and to MPI_Comm.
struct Communicator {
  int handle = 0;
};

}  // namespace skein
