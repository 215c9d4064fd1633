// SPDX-License-Identifier: Apache-2.0
//
// Fibers: the ranks of a lane that carries several, and the helpers of ranks. Each has a stack of its own; one runs until it
// goes on with another.
//
// Keeps   what a rank may have in progress when another goes on: callee-saved registers, the floating-point environment, errno,
//         and the state of exceptions that are being thrown or handled.
// Ends    every rank runs to its end, and a helper stays where it rests; nothing is unwound from outside.
// Cost    a change of fiber: no system call, and less than a barrier of the ranks that change. A fiber: address space for its
//         stack and guard area, memory as it is touched.
// Source  context switching: Boost.Context, https://www.boost.org/libs/context; exception state: Itanium C++ ABI, section 2.2.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>

struct SkeinDebuggerLane;

namespace skein {

struct OverflowZone;

class Fibers {
 public:
  Fibers();
  ~Fibers();
  Fibers(const Fibers&) = delete;
  Fibers& operator=(const Fibers&) = delete;

  /// Maps the stacks, once. Returns 0, or the error number.
  int map(int count, std::size_t stack_bytes);

  /// Runs body(fiber) on every fiber, and returns when all have ended, to the stack that it was called on: the lane's own.
  /// `next()` says which is the first, and whenever one has ended, who goes on; negative when none is left. `body` does not
  /// throw.
  void run(const std::function<void(int)>& body, const std::function<int()>& next);

  /// For a lane without fibers, whose rank runs on the calling thread's own stack: helpers may be added to it.
  void adopt_thread();

  /// Adds a fiber for a helper. `serve(context)` never returns: when it has nothing to do, it goes on with another. Returns its
  /// number, which is negative when there is no memory for a stack.
  int add(std::size_t stack_bytes, void (*serve)(void*), void* context);

  /// The stack that adopt_thread() was called on, as a fiber.
  static constexpr int kOwnStack = -1;

  /// Goes on with another fiber; returns when somebody goes on with the one that calls. Called on these fibers, or on the stack
  /// of adopt_thread().
  void go_on_with(int fiber);

  /// Those that run on the calling thread, and the same for them; null outside of run() and of go_on_with().
  static Fibers* of_thread();
  static void switch_to(int fiber) { of_thread()->go_on_with(fiber); }

  OverflowZone zone() const;

  /// What debugger.hpp says of them.
  void describe_to(SkeinDebuggerLane& lane) const;

 private:
  struct Impl;
  friend void on_own_stack(void (*call)(void*), void* context);
  std::unique_ptr<Impl> impl_;
};

/// Calls on the lane's own stack, where the calling rank is carried by a fiber; else here. For libraries that are to see the
/// stack of their thread, such as MPI. No rank of the lane runs meanwhile. `call` does not throw.
void on_own_stack(void (*call)(void*), void* context);

/// The same for anything that can be called; passes on what it throws.
template <class F>
void on_own_stack(F&& f) {
  struct Made {
    F& f;
    std::exception_ptr thrown;
  } made{f, nullptr};
  on_own_stack(
      [](void* context) {
        auto& own = *static_cast<Made*>(context);
        try {
          own.f();
        } catch (...) {
          own.thrown = std::current_exception();
        }
      },
      &made);
  if (made.thrown != nullptr) std::rethrow_exception(made.thrown);
}

}  // namespace skein
