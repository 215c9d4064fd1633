// SPDX-License-Identifier: Apache-2.0
//
// What the operating system and the MPI headers say: memory, limits, versions. Nothing that Skein itself works out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace info {

/// "Open MPI 4.1.4": the MPI whose headers this program was built with; empty without one.
std::string mpi_of_build();

struct Space {
  std::uint64_t bytes = 0;
  std::uint64_t free_bytes = 0;
};
Space memory();

/// Of the file system that `path` lies in; nothing when there is none.
std::optional<Space> space_of(const char* path);

/// The least memory limit of this process's cgroup and those above it, v1 and v2; nothing when there is none.
std::optional<std::uint64_t> cgroup_memory_bytes();

/// The soft or the hard limit of a resource (RLIMIT_STACK); nothing when it is unlimited.
enum class Bound { soft, hard };
std::optional<std::uint64_t> resource_limit(int resource, Bound bound = Bound::soft);

}  // namespace info
