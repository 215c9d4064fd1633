// SPDX-License-Identifier: Apache-2.0
//
// Which thread calls, for the price of reading a register: a call into the C library for it would show in a barrier.
#pragma once

#include <pthread.h>

#include <cstdint>

namespace skein {

/// Differs among the threads of a process that live at the same time; never 0.
inline std::uintptr_t this_thread() {
#if defined(__x86_64__)
  std::uintptr_t self = 0;
  asm("mov %%fs:0, %0" : "=r"(self));  // the thread control block begins with its own address (psABI, section 3.4.6)
  return self;
#elif defined(__aarch64__)
  return reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
#else
  return static_cast<std::uintptr_t>(pthread_self());
#endif
}

}  // namespace skein
