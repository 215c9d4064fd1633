// SPDX-License-Identifier: Apache-2.0
//
// What AddressSanitizer and ThreadSanitizer have to be told when a thread changes from one stack to another. Nothing in
// other builds.
#pragma once

#include <algorithm>
#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SKEIN_ADDRESS_SANITIZER 1
#endif
#if __has_feature(thread_sanitizer)
#define SKEIN_THREAD_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SKEIN_ADDRESS_SANITIZER 1
#endif
#if defined(__SANITIZE_THREAD__)
#define SKEIN_THREAD_SANITIZER 1
#endif

#if defined(SKEIN_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(SKEIN_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

namespace skein {

struct StackBounds {
  const void* low = nullptr;
  std::size_t bytes = 0;
};

/// One stack that a thread may run on: a fiber's, or its own. ThreadSanitizer notes which functions each is in, so what tells of
/// a change must be no function of its own: it would be entered on one stack and left on the other.
class SanitizedFiber {
 public:
  /// For the thread's own stack, from there.
  void adopt_thread() {
#if defined(SKEIN_THREAD_SANITIZER)
    thread_ = __tsan_get_current_fiber();
#endif
  }

  /// For a new stack.
  void create() {
    fake_stack_ = nullptr;
#if defined(SKEIN_THREAD_SANITIZER)
    thread_ = __tsan_create_fiber(0);
#endif
  }

  /// The fiber has ended, and left its last frames as they are: what they forbid shall not outlive them.
  void destroy([[maybe_unused]] const StackBounds& bounds) {
#if defined(SKEIN_ADDRESS_SANITIZER)
    constexpr std::size_t kLastFrames = std::size_t{64} << 10U;
    const std::size_t bytes = std::min(bounds.bytes, kLastFrames);
    __asan_unpoison_memory_region(static_cast<const char*>(bounds.low) + bounds.bytes - bytes, bytes);
#endif
#if defined(SKEIN_THREAD_SANITIZER)
    __tsan_destroy_fiber(thread_);
#endif
  }

  /// On this stack, just before the change to another.
  [[gnu::always_inline]] inline void leave_for(const SanitizedFiber& to, const StackBounds& bounds) {
    leave(&fake_stack_, to, bounds);
  }
  [[gnu::always_inline]] static inline void leave_for_good(const SanitizedFiber& to, const StackBounds& bounds) {
    leave(nullptr, to, bounds);
  }

  /// On this stack, just after the change; fills in the bounds of the stack that was left, if wanted.
  void arrive([[maybe_unused]] StackBounds* left) const {
#if defined(SKEIN_ADDRESS_SANITIZER)
    StackBounds bounds;
    __sanitizer_finish_switch_fiber(fake_stack_, &bounds.low, &bounds.bytes);
    if (left != nullptr) *left = bounds;
#endif
  }

 private:
  [[gnu::always_inline]] static inline void leave([[maybe_unused]] void** keep,
                                                  [[maybe_unused]] const SanitizedFiber& to,
                                                  [[maybe_unused]] const StackBounds& bounds) {
#if defined(SKEIN_ADDRESS_SANITIZER)
    __sanitizer_start_switch_fiber(keep, bounds.low, bounds.bytes);
#endif
#if defined(SKEIN_THREAD_SANITIZER)
    __tsan_switch_to_fiber(to.thread_, 0);
#endif
  }

#if defined(SKEIN_THREAD_SANITIZER)
  void* thread_ = nullptr;
#endif
  void* fake_stack_ = nullptr;
};

}  // namespace skein
