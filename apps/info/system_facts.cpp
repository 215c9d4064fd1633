// SPDX-License-Identifier: Apache-2.0
#include "system_facts.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#if SKEIN_HAS_MPI
#include <mpi.h>
#endif

namespace info {

std::string mpi_of_build() {
#if defined(OMPI_MAJOR_VERSION)
  return fmt::format("Open MPI {}.{}.{}", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION, OMPI_RELEASE_VERSION);
#elif defined(I_MPI_VERSION)
  return "Intel MPI " I_MPI_VERSION;
#elif defined(MPICH_VERSION)
  return "MPICH " MPICH_VERSION;
#elif SKEIN_HAS_MPI
  return fmt::format("an MPI of standard {}.{}", MPI_VERSION, MPI_SUBVERSION);
#else
  return "";
#endif
}

Space memory() {
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  Space space{static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * page, 0};
  std::ifstream file("/proc/meminfo");  // "MemAvailable:   123 kB"
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("MemAvailable:")) space.free_bytes = std::stoull(line.substr(line.find(':') + 1)) << 10U;
  }
  return space;
}

std::optional<Space> space_of(const char* path) {
  struct statvfs status {};
  if (statvfs(path, &status) != 0) return std::nullopt;
  return Space{std::uint64_t{status.f_blocks} * status.f_frsize, std::uint64_t{status.f_bavail} * status.f_frsize};
}

std::optional<std::uint64_t> cgroup_memory_bytes() {
  namespace fs = std::filesystem;
  std::optional<std::uint64_t> least;
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // "hierarchy:controllers:/path"
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers != "memory") continue;
    const fs::path mount = controllers.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const char* const name = controllers.empty() ? "memory.max" : "memory.limit_in_bytes";
    for (fs::path group = fs::path(line.substr(second + 1)).relative_path();; group = group.parent_path()) {
      std::uint64_t bytes = 0;
      if (std::ifstream(mount / group / name) >> bytes) least = std::min(least.value_or(bytes), bytes);  // not "max"
      if (group.empty()) break;
    }
  }
  if (least && *least >= memory().bytes) return std::nullopt;  // v1 writes "no limit" as a huge number
  return least;
}

std::optional<std::uint64_t> resource_limit(int resource, Bound bound) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return std::nullopt;
  const rlim_t value = bound == Bound::soft ? limit.rlim_cur : limit.rlim_max;
  return value == RLIM_INFINITY ? std::nullopt : std::optional<std::uint64_t>(value);
}

}  // namespace info
