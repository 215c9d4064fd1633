// SPDX-License-Identifier: Apache-2.0
#include "overflow.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <mutex>
#include <string_view>

#include "sanitizers.hpp"
#include "skein/base/error.hpp"

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
  const int stack =
      watch != nullptr ? watch->stack_of(reinterpret_cast<std::uintptr_t>(info->si_addr), info->si_code) : -1;
  if (stack >= 0) watch->end_process(stack);
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

OverflowWatch::OverflowWatch(const OverflowZone& zone, int rank, std::optional<OverflowZone> fibers)
    : rank_(rank),
      zones_({zone}),
      message_end_(fmt::format(": stack overflow (stack of {} bytes; set SKEIN_STACK higher)\n",
                               fibers ? fibers->stack_bytes : zone.stack_bytes)) {
  if (fibers) zones_.push_back(*fibers);
  if (kIsOurs) alternate_stack_ = std::make_unique_for_overwrite<std::byte[]>(kAlternateBytes);
}

int OverflowWatch::stack_of(std::uintptr_t address, int code) const {
  for (const OverflowZone& zone : zones_) {
    if (code != zone.fault_code || address < zone.first) continue;
    const std::uintptr_t distance = address - zone.first;
    const std::uintptr_t stack = zone.stride == 0 ? 0 : distance / zone.stride;
    if (stack < static_cast<std::uintptr_t>(zone.stacks) && distance - stack * zone.stride < zone.last - zone.first) {
      return static_cast<int>(stack);
    }
  }
  return -1;
}

void OverflowWatch::end_process(int stack) const {
  constexpr std::string_view kBegin = "skein: rank ";
  std::array<char, 256> message{};
  char* const digits = std::copy(kBegin.begin(), kBegin.end(), message.data());
  char* const end = std::to_chars(digits, message.data() + message.size(), rank_ + stack).ptr;
  const std::size_t begun = static_cast<std::size_t>(end - message.data());
  const std::size_t length = begun + message_end_.copy(end, message.size() - begun);
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, message.data(), length);
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
