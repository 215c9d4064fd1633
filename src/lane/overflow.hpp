// SPDX-License-Identifier: Apache-2.0
//
// A stack overflow as a message that names the rank, and an exit code, instead of a silent SIGSEGV.
//
// A handler on a stack of its own looks whether the fault lies where the stack of the very thread would overflow to, writes
// the message and ends the process. Every other SIGSEGV goes where it would have gone without us: to the handler that was
// there before, or to the default action with its core dump. AddressSanitizer recognises overflows itself and tells more,
// so in a build with it this does nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stack.hpp"

namespace skein {

/// The handler is there while one of these exists.
class OverflowHandler {
 public:
  OverflowHandler();
  ~OverflowHandler();
  OverflowHandler(const OverflowHandler&) = delete;
  OverflowHandler& operator=(const OverflowHandler&) = delete;
};

/// What the handler needs to know about one thread. Made before the thread, which then watches.
class OverflowWatch {
 public:
  /// The thread's stack carries `rank`; if it has stacks of fibers, these carry `rank` and those that follow.
  OverflowWatch(const OverflowZone& zone, int rank, std::optional<OverflowZone> fibers = {});

  /// While it exists, the calling thread is watched.
  class Scope {
   public:
    explicit Scope(const OverflowWatch& watch);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    const OverflowWatch* outer_;
    void* outer_stack_ = nullptr;
    std::size_t outer_size_ = 0;
    int outer_flags_ = 0;
  };

  /// The number of the stack whose overflow this fault is; negative if it is none. Both are safe in a signal handler.
  int stack_of(std::uintptr_t address, int code) const;
  [[noreturn]] void end_process(int stack) const;

 private:
  int rank_;
  std::vector<OverflowZone> zones_;
  std::string message_end_;
  std::unique_ptr<std::byte[]> alternate_stack_;
};

}  // namespace skein
