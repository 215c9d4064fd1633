// SPDX-License-Identifier: Apache-2.0
//
// Numbers of CPUs and processes as people write them.
#pragma once

#include <string>
#include <vector>

namespace skein {

/// "CPU 3", "CPUs 0-3,8".
std::string cpus_text(const std::vector<int>& cpus);

/// "process 3", "processes 0-3,8".
std::string processes_text(const std::vector<int>& processes);

/// "1 CPU", "2 CPUs", "2 processes".
std::string counted(int count, const char* thing);

}  // namespace skein
