// SPDX-License-Identifier: Apache-2.0
//
// In a file of its own, so that of an archive only those programs get it that ask sees_mutexes(). A shared library stands in
// for nothing: all its programs would get it.
#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <ctime>

#include "mutex_count.hpp"
#include "sanitizers.hpp"
#include "skein/lane/held_mutexes.hpp"

#if defined(SKEIN_ADDRESS_SANITIZER) || defined(SKEIN_THREAD_SANITIZER) || defined(skein_EXPORTS)

bool skein::sees_mutexes() { return false; }

#else

namespace skein {

bool sees_mutexes() { return true; }

namespace {

/// The C library's function of a name, looked up at its first call.
template <class Function>
class Original {
 public:
  constexpr explicit Original(const char* name) : name_(name) {}

  template <class... Args>
  int operator()(Args... args) {
    Function* function = function_.load(std::memory_order_relaxed);
    if (function == nullptr) {
      function = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name_));
      function_.store(function, std::memory_order_relaxed);
    }
    return function(args...);
  }

 private:
  const char* name_;
  std::atomic<Function*> function_{nullptr};
};

int locked(int result) {
  if (result == 0 || result == EOWNERDEAD) ++mutex_count;
  return result;
}

int unlocked(int result) {
  if (result == 0) --mutex_count;
  return result;
}

}  // namespace
}  // namespace skein

// NOLINTBEGIN(bugprone-macro-parentheses): a type takes none around its parameters.
#define SKEIN_STAND_IN(outcome, name, parameters, arguments)          \
  extern "C" int name parameters noexcept {                           \
    static constinit skein::Original<int parameters> original(#name); \
    return skein::outcome(original arguments);                        \
  }
// NOLINTEND(bugprone-macro-parentheses)

SKEIN_STAND_IN(locked, pthread_mutex_lock, (pthread_mutex_t * lock), (lock))
SKEIN_STAND_IN(locked, pthread_mutex_trylock, (pthread_mutex_t * lock), (lock))
SKEIN_STAND_IN(locked, pthread_mutex_timedlock, (pthread_mutex_t * lock, const timespec* until), (lock, until))
SKEIN_STAND_IN(unlocked, pthread_mutex_unlock, (pthread_mutex_t * lock), (lock))
SKEIN_STAND_IN(locked, pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
SKEIN_STAND_IN(locked, pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
SKEIN_STAND_IN(locked, pthread_rwlock_tryrdlock, (pthread_rwlock_t * lock), (lock))
SKEIN_STAND_IN(locked, pthread_rwlock_trywrlock, (pthread_rwlock_t * lock), (lock))
SKEIN_STAND_IN(locked, pthread_rwlock_timedrdlock, (pthread_rwlock_t * lock, const timespec* until), (lock, until))
SKEIN_STAND_IN(locked, pthread_rwlock_timedwrlock, (pthread_rwlock_t * lock, const timespec* until), (lock, until))
SKEIN_STAND_IN(unlocked, pthread_rwlock_unlock, (pthread_rwlock_t * lock), (lock))
#if defined(__GLIBC__)
SKEIN_STAND_IN(locked, pthread_mutex_clocklock, (pthread_mutex_t * lock, clockid_t clock, const timespec* until),
               (lock, clock, until))
SKEIN_STAND_IN(locked, pthread_rwlock_clockrdlock, (pthread_rwlock_t * lock, clockid_t clock, const timespec* until),
               (lock, clock, until))
SKEIN_STAND_IN(locked, pthread_rwlock_clockwrlock, (pthread_rwlock_t * lock, clockid_t clock, const timespec* until),
               (lock, clock, until))
#endif

#endif
