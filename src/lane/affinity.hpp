// SPDX-License-Identifier: Apache-2.0
//
// The CPUs that a thread may run on.
#pragma once

#include <sched.h>

#include <cstddef>

namespace skein {

/// Affinity of the calling thread; CPU_ALLOC'ed so that no number of CPUs is too large.
class Affinity {
 public:
  static constexpr std::size_t kCpus = 1 << 14;

  Affinity() : set_(CPU_ALLOC(kCpus)) { CPU_ZERO_S(kBytes, set_); }
  ~Affinity() { CPU_FREE(set_); }
  Affinity(const Affinity&) = delete;
  Affinity& operator=(const Affinity&) = delete;

  bool save() { return sched_getaffinity(0, kBytes, set_) == 0; }
  bool apply() const { return sched_setaffinity(0, kBytes, set_) == 0; }
  void add(int cpu) { CPU_SET_S(static_cast<std::size_t>(cpu), kBytes, set_); }

 private:
  static constexpr std::size_t kBytes = CPU_ALLOC_SIZE(kCpus);
  cpu_set_t* set_;
};

}  // namespace skein
