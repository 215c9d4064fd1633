// SPDX-License-Identifier: Apache-2.0
//
// The stacks that lanes run on: one of an exact size for each thread that Lanes starts, whatever ulimit -s says, and the
// one that the main lane was born with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace skein {

/// What an overflow of a stack touches, and how the system reports it; or that of each of several stacks, one behind the
/// other.
struct OverflowZone {
  std::uintptr_t first = 0;
  std::uintptr_t last = 0;      ///< one beyond; nothing is watched when it equals `first`
  int fault_code = 0;           ///< si_code of the SIGSEGV
  std::size_t stack_bytes = 0;  ///< for the message
  std::size_t stride = 0;       ///< from one stack to the next
  int stacks = 1;
};

/// A mapping with a guard area at its low end, where the stack would overflow to. Memory is used as it is touched.
class ThreadStack {
 public:
  ThreadStack() = default;
  ~ThreadStack();
  ThreadStack(const ThreadStack&) = delete;
  ThreadStack& operator=(const ThreadStack&) = delete;

  /// Maps it, once. Returns 0, or the error number.
  int map(std::size_t bytes);

  void* low() const;
  std::size_t size() const { return size_; }
  OverflowZone zone() const;

 private:
  void* mapping_ = nullptr;
  std::size_t guard_ = 0;
  std::size_t size_ = 0;
};

/// The stacks of a lane's fibers, in one mapping, each above a guard area. Memory is used as it is touched, in small pages.
class FiberStacks {
 public:
  FiberStacks() = default;
  ~FiberStacks();
  FiberStacks(const FiberStacks&) = delete;
  FiberStacks& operator=(const FiberStacks&) = delete;

  /// Maps them, once. Returns 0, or the error number.
  int map(int count, std::size_t bytes);

  void* low(int fiber) const;
  void* top(int fiber) const;  ///< where the stack begins; not the same distance from low() for all
  std::size_t size() const { return size_; }
  OverflowZone zone() const;

 private:
  std::size_t stride() const { return guard_ + size_; }

  void* mapping_ = nullptr;
  int count_ = 0;
  std::size_t guard_ = 0;
  std::size_t size_ = 0;
};

/// The stack of the calling thread. That of the process's main thread grows up to RLIMIT_STACK, which is raised as far as
/// its hard limit allows when it leaves less than `wanted` bytes, and lowered again at the end; it is never below what
/// the user has set. Programs that are started meanwhile inherit it.
class OwnStack {
 public:
  explicit OwnStack(std::size_t wanted);
  ~OwnStack();
  OwnStack(const OwnStack&) = delete;
  OwnStack& operator=(const OwnStack&) = delete;

  OverflowZone zone() const { return zone_; }

  /// What to tell the user when the stack stays well below `wanted`; else empty.
  const std::string& shortage() const { return shortage_; }

 private:
  OverflowZone zone_;
  std::string shortage_;
  std::size_t raised_to_ = 0;  ///< soft limit; 0: not raised
  std::size_t original_ = 0;
};

}  // namespace skein
