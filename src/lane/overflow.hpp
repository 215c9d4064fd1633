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
#include <string>

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
  OverflowWatch(const OverflowZone& zone, int rank);

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

  /// True for a fault of an overflow. Both are safe in a signal handler.
  bool recognises(std::uintptr_t address, int code) const {
    return code == zone_.fault_code && address >= zone_.first && address < zone_.last;
  }
  [[noreturn]] void end_process() const;

 private:
  OverflowZone zone_;
  std::string message_;
  std::unique_ptr<std::byte[]> alternate_stack_;
};

}  // namespace skein
