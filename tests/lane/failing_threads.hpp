// SPDX-License-Identifier: Apache-2.0
//
// Makes starting a thread fail on demand. For executables linked with -Wl,--wrap=pthread_create.
#pragma once

#include <dirent.h>
#include <pthread.h>

#include <cerrno>
#include <chrono>
#include <thread>

extern "C" {
int __real_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*entry)(void*), void* argument);
int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*entry)(void*), void* argument);
}

namespace failing_threads {

/// Threads that may still start before all further ones fail; negative: no limit.
inline int allowed = -1;

/// Threads of this process.
inline int count() {
  int threads = 0;
  DIR* folder = opendir("/proc/self/task");
  while (const dirent* entry = readdir(folder)) {  // NOLINT(concurrency-mt-unsafe): this folder is ours alone
    if (entry->d_name[0] != '.') ++threads;
  }
  closedir(folder);
  return threads;
}

/// The same, after a first thread has come and gone: a sanitizer may start one of its own then.
inline int settled_count() {
  std::thread([] {}).join();
  int threads = count();
  for (int previous = -1; previous != threads; threads = count()) {
    previous = threads;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return threads;
}

/// True when there are `wanted`; a joined thread disappears from /proc a moment after the join.
inline bool settles_at(int wanted) {
  for (int i = 0; i < 2000 && count() != wanted; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return count() == wanted;
}

}  // namespace failing_threads

int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*entry)(void*), void* argument) {
  using failing_threads::allowed;
  if (allowed == 0) return EAGAIN;
  if (allowed > 0) --allowed;
  return __real_pthread_create(thread, attributes, entry, argument);
}
