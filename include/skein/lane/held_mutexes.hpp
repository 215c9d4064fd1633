// SPDX-License-Identifier: Apache-2.0
//
// How many mutexes a thread holds. Translation units compiled without NDEBUG define functions that stand in for those of
// pthreads, through which all mutexes of a program go, std::mutex and its relatives too; others leave them alone.
//
// Not seen  under sanitizers, which stand in for the same functions.
// Static    executables must be compiled with NDEBUG: nobody finds the functions of the C library for the stand-ins there.
// Cost      a few nanoseconds for each lock, in programs that have such a unit.
#pragma once

#include <dlfcn.h>
#include <pthread.h>

#include <cerrno>
#include <ctime>

namespace skein {

/// Mutexes and read-write locks that the thread has locked, less those that it has unlocked. Counted by the stand-ins only.
inline constinit thread_local int held_mutexes = 0;

}  // namespace skein

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SKEIN_LEAVES_MUTEXES_ALONE 1
#endif
#endif
#if defined(NDEBUG) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define SKEIN_LEAVES_MUTEXES_ALONE 1
#endif

#if !defined(SKEIN_LEAVES_MUTEXES_ALONE)

namespace skein::mutex_calls {

/// The C library's function of a name. Looked up before main, when nobody holds a lock that the dynamic linker could want.
template <class Function>
class Original {
 public:
  explicit Original(const char* name) : function_(find(name)) {}

  /// A library may lock before this is initialised, which `name` is for.
  template <class... Args>
  int call(const char* name, Args... args) const {
    return (function_ != nullptr ? function_ : find(name))(args...);
  }

 private:
  static Function* find(const char* name) { return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name)); }

  Function* function_;
};

inline int locked(int result) {
  if (result == 0 || result == EOWNERDEAD) ++held_mutexes;
  return result;
}

inline int unlocked(int result) {
  if (result == 0) --held_mutexes;
  return result;
}

}  // namespace skein::mutex_calls

// Weak, because several units of a program may define them.
// NOLINTBEGIN(bugprone-macro-parentheses): a type takes none around its parameters.
#define SKEIN_STAND_IN(outcome, name, parameters, ...)                                                \
  namespace skein::mutex_calls {                                                                      \
  inline const Original<int parameters> original_##name(#name);                                       \
  }                                                                                                   \
  extern "C" __attribute__((weak)) int name parameters noexcept {                                     \
    return skein::mutex_calls::outcome(skein::mutex_calls::original_##name.call(#name, __VA_ARGS__)); \
  }
// NOLINTEND(bugprone-macro-parentheses)

SKEIN_STAND_IN(locked, pthread_mutex_lock, (pthread_mutex_t * lock), lock)
SKEIN_STAND_IN(locked, pthread_mutex_trylock, (pthread_mutex_t * lock), lock)
SKEIN_STAND_IN(locked, pthread_mutex_timedlock, (pthread_mutex_t * lock, const timespec* until), lock, until)
SKEIN_STAND_IN(locked, pthread_mutex_clocklock, (pthread_mutex_t * lock, clockid_t clock, const timespec* until), lock,
               clock, until)
SKEIN_STAND_IN(unlocked, pthread_mutex_unlock, (pthread_mutex_t * lock), lock)
SKEIN_STAND_IN(locked, pthread_rwlock_rdlock, (pthread_rwlock_t * lock), lock)
SKEIN_STAND_IN(locked, pthread_rwlock_wrlock, (pthread_rwlock_t * lock), lock)
SKEIN_STAND_IN(locked, pthread_rwlock_tryrdlock, (pthread_rwlock_t * lock), lock)
SKEIN_STAND_IN(locked, pthread_rwlock_trywrlock, (pthread_rwlock_t * lock), lock)
SKEIN_STAND_IN(locked, pthread_rwlock_timedrdlock, (pthread_rwlock_t * lock, const timespec* until), lock, until)
SKEIN_STAND_IN(locked, pthread_rwlock_timedwrlock, (pthread_rwlock_t * lock, const timespec* until), lock, until)
SKEIN_STAND_IN(locked, pthread_rwlock_clockrdlock, (pthread_rwlock_t * lock, clockid_t clock, const timespec* until),
               lock, clock, until)
SKEIN_STAND_IN(locked, pthread_rwlock_clockwrlock, (pthread_rwlock_t * lock, clockid_t clock, const timespec* until),
               lock, clock, until)
SKEIN_STAND_IN(unlocked, pthread_rwlock_unlock, (pthread_rwlock_t * lock), lock)

#undef SKEIN_STAND_IN

#endif
