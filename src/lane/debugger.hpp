// SPDX-License-Identifier: Apache-2.0
//
// What a debugger finds out about ranks: where the registers of those that do not run are kept. skein_gdb.py reads it from a
// living process or a core file, by this layout, so without debug information.
#pragma once

#include <cstdint>

extern "C" {

/// One lane with the ranks that it carries. Changes at the start and the end of lanes, and `current` as ranks take turns.
struct SkeinDebuggerLane {
  SkeinDebuggerLane* next = nullptr;
  const char* contexts = nullptr;   ///< of its ranks; each begins with where its registers are kept. Null for one rank
  std::uint64_t context_bytes = 0;  ///< from one to the next
  const int* current = nullptr;     ///< number of the rank that runs; negative: none
  std::int64_t thread = 0;          ///< as gettid() gives it
  std::int32_t first_rank = 0;
  std::int32_t ranks = 0;
};

extern SkeinDebuggerLane* skein_debugger_lanes;

}  // extern "C"

namespace skein {

/// A lane is known to debuggers while one of these exists. Made on the lane's own thread.
class KnownToDebuggers {
 public:
  explicit KnownToDebuggers(SkeinDebuggerLane lane);
  ~KnownToDebuggers();
  KnownToDebuggers(const KnownToDebuggers&) = delete;
  KnownToDebuggers& operator=(const KnownToDebuggers&) = delete;

 private:
  SkeinDebuggerLane lane_;
};

}  // namespace skein
