// SPDX-License-Identifier: Apache-2.0
//
// What a reader of figures or of a report must know about where they come from, as the system and the compiler call it.
#pragma once

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace support {

/// That built the program.
inline std::string compiler_name() {
#if defined(__clang__)
  return fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("g++ {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

inline std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
  }
  return "unknown";
}

inline std::string node_name() {
  utsname system{};
  uname(&system);
  return system.nodename;
}

inline std::string kernel_name() {
  utsname system{};
  uname(&system);
  return fmt::format("{} {}", system.sysname, system.release);
}

}  // namespace support
