// SPDX-License-Identifier: Apache-2.0
#include "overflow.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <mutex>

#include "skein/base/error.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SKEIN_ADDRESS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SKEIN_ADDRESS_SANITIZER 1
#endif

namespace skein {
namespace {

#if defined(SKEIN_ADDRESS_SANITIZER)
constexpr bool kIsOurs = false;
#else
constexpr bool kIsOurs = true;
#endif

// For the frame of the signal, with all vector registers some 12 KiB, and for the handler that was there before.
constexpr std::size_t kAlternateBytes = std::size_t{64} << 10U;

// Where a thread finds its own watch in the handler. Initial-exec: reading it there must not allocate.
[[gnu::tls_model("initial-exec")]] constinit thread_local const OverflowWatch* current = nullptr;

std::mutex handlers_mutex;
int handlers = 0;                // guarded by the mutex
struct sigaction previous = {};  // written under the mutex before our handler is in place

void pass_on(int signal, siginfo_t* info, void* context) {
  const bool is_sent = info->si_code <= 0;
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else if (previous.sa_handler == SIG_DFL || !is_sent) {
    sigaction(signal, &previous, nullptr);
    // A fault comes again when its instruction does, now with the default action; what was sent has to be sent again.
    if (is_sent) raise(signal);
  }
}

void on_fault(int signal, siginfo_t* info, void* context) {
  const OverflowWatch* watch = current;
  const bool is_overflow =
      watch != nullptr && watch->recognises(reinterpret_cast<std::uintptr_t>(info->si_addr), info->si_code);
  if (is_overflow) watch->end_process();
  pass_on(signal, info, context);
}

}  // namespace

OverflowHandler::OverflowHandler() {
  if (!kIsOurs) return;
  const std::lock_guard lock(handlers_mutex);
  if (handlers++ > 0) return;
  sigaction(SIGSEGV, nullptr, &previous);
  struct sigaction ours = {};
  ours.sa_sigaction = on_fault;
  ours.sa_mask = previous.sa_mask;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | (previous.sa_flags & (SA_NODEFER | SA_RESTART));
  sigaction(SIGSEGV, &ours, nullptr);
}

OverflowHandler::~OverflowHandler() {
  if (!kIsOurs) return;
  const std::lock_guard lock(handlers_mutex);
  if (--handlers > 0) return;
  struct sigaction present = {};
  sigaction(SIGSEGV, nullptr, &present);
  const bool is_in_place = (present.sa_flags & SA_SIGINFO) != 0 && present.sa_sigaction == on_fault;
  if (is_in_place) sigaction(SIGSEGV, &previous, nullptr);  // else somebody has put his over ours
}

OverflowWatch::OverflowWatch(const OverflowZone& zone, int rank)
    : zone_(zone),
      message_(fmt::format("skein: rank {}: stack overflow (stack of {} bytes; set SKEIN_STACK higher)\n", rank,
                           zone.stack_bytes)) {
  if (kIsOurs) alternate_stack_ = std::make_unique_for_overwrite<std::byte[]>(kAlternateBytes);
}

void OverflowWatch::end_process() const {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, message_.data(), message_.size());
  _exit(static_cast<int>(ExitCode::parallel));
}

OverflowWatch::Scope::Scope(const OverflowWatch& watch) : outer_(current) {
  if (!kIsOurs) return;
  stack_t ours = {};
  ours.ss_sp = watch.alternate_stack_.get();
  ours.ss_size = kAlternateBytes;
  stack_t outer = {};
  sigaltstack(&ours, &outer);
  outer_stack_ = outer.ss_sp;
  outer_size_ = outer.ss_size;
  outer_flags_ = outer.ss_flags;
  current = &watch;
}

OverflowWatch::Scope::~Scope() {
  if (!kIsOurs) return;
  current = outer_;
  stack_t outer = {};
  outer.ss_sp = outer_stack_;
  outer.ss_size = outer_size_;
  outer.ss_flags = outer_flags_;
  sigaltstack(&outer, nullptr);
}

}  // namespace skein
