// SPDX-License-Identifier: Apache-2.0
#include "skein/lane/fibers.hpp"

#include <cxxabi.h>

#include <boost/context/detail/fcontext.hpp>
#include <cerrno>
#include <utility>
#include <vector>

#include "debugger.hpp"
#include "sanitizers.hpp"
#include "skein/lane/fp_environment.hpp"
#include "stack.hpp"

namespace skein {
namespace {

using boost::context::detail::fcontext_t;
using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

/// jump_fcontext. It goes on by a jump and not by a return, so a call would leave the processor's stack of return addresses
/// with one entry too many, and every return that follows would be predicted wrongly. It pushes, so this file is compiled
/// without a red zone below the stack pointer (src/CMakeLists.txt).
[[gnu::always_inline]] inline transfer_t jump(fcontext_t to, void* data) {
#if defined(__x86_64__)
  transfer_t from;
  asm volatile(
      "leaq 0f(%%rip), %%rax\n\t"
      "pushq %%rax\n\t"
      "jmp jump_fcontext@PLT\n"
      "0:"
      : "=a"(from.fctx), "=d"(from.data), "+D"(to), "+S"(data)
      :
      : "rcx", "r8", "r9", "r10", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
        "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#if defined(__AVX512F__)
        ,
        "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",
        "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#endif
  );
  return from;
#else
  return jump_fcontext(to, data);
#endif
}

/// What the ABI keeps for each thread: the exceptions that are being handled, and how many are on their way.
struct ExceptionState {
  void* caught = nullptr;
  unsigned int uncaught = 0;
};

ExceptionState& exception_state() { return *reinterpret_cast<ExceptionState*>(abi::__cxa_get_globals()); }

// Boost.Context keeps it on x86.
#if defined(__x86_64__)
struct KeptFpEnvironment {
  void restore() const {}
};
#else
struct KeptFpEnvironment {
  FpEnvironment environment = FpEnvironment::capture();
  void restore() const { environment.install(); }
};
#endif

}  // namespace

struct Fibers::Impl {
  struct Context {
    fcontext_t saved = nullptr;  ///< while another runs; comes first, for debuggers
    StackBounds bounds;          ///< of its stack, for AddressSanitizer
    SanitizedFiber sanitized;
  };

  /// Leaves `from` for `to`; returns when somebody comes back to `from`.
  void change(Context& from, Context& to) {
    ExceptionState& state = *exceptions;
    const ExceptionState kept = std::exchange(state, {});
    const int kept_errno = *error_number;
    const KeptFpEnvironment kept_fp;
    left = &from;
    from.sanitized.leave_for(to.sanitized, to.bounds);
    const transfer_t come_from = jump(to.saved, this);
    arrive(from, come_from);
    kept_fp.restore();
    *error_number = kept_errno;
    state = kept;
  }

  /// Where a fiber, or the lane's own stack, goes on: whoever was left for it keeps where it stopped.
  void arrive(Context& here, const transfer_t& from) {
    here.sanitized.arrive(left == &own ? &own.bounds : nullptr);
    if (left != nullptr) left->saved = from.fctx;
  }

  static void begin(transfer_t from) {
    Impl& impl = *static_cast<Impl*>(from.data);
    const int fiber = impl.current;
    impl.arrive(impl.fibers[static_cast<std::size_t>(fiber)], from);
    (*impl.body)(fiber);
    impl.end(impl.fibers[static_cast<std::size_t>(fiber)]);
  }

  [[noreturn]] void end(Context& ended) {
    current = (*next)();
    Context& to = context_of(current);
    left = nullptr;
    ended.sanitized.leave_for_good(to.sanitized, to.bounds);
    jump_fcontext(to.saved, this);
    __builtin_unreachable();
  }

  Context& context_of(int fiber) { return fiber < 0 ? own : fibers[static_cast<std::size_t>(fiber)]; }

  void run() {
    exceptions = &exception_state();
    error_number = &errno;
    own.sanitized.adopt_thread();
    for (std::size_t i = 0; i < fibers.size(); ++i) {
      fibers[i].saved = make_fcontext(stacks.top(static_cast<int>(i)), stacks.size(), &Impl::begin);
      fibers[i].bounds = {stacks.low(static_cast<int>(i)), stacks.size()};
      fibers[i].sanitized.create();
    }
    current = (*next)();
    if (current >= 0) change(own, context_of(current));
    while (call != nullptr) {
      const int caller = std::exchange(current, -1);
      std::exchange(call, nullptr)(call_context);
      current = caller;
      change(own, context_of(caller));
    }
    for (Context& fiber : fibers) fiber.sanitized.destroy(fiber.bounds);
  }

  FiberStacks stacks;
  std::vector<Context> fibers;
  Context own;
  Context* left = nullptr;               ///< who was left last; null when it has ended
  int current = -1;                      ///< who runs; negative: the lane's own stack
  ExceptionState* exceptions = nullptr;  ///< of the thread, as the next
  int* error_number = nullptr;
  const std::function<void(int)>* body = nullptr;
  const std::function<int()>* next = nullptr;
  void (*call)(void*) = nullptr;  ///< to be made on the lane's own stack
  void* call_context = nullptr;
};

namespace {

/// Of the thread, while it runs fibers. Fibers never change threads.
constinit thread_local void* active = nullptr;

}  // namespace

Fibers::Fibers() : impl_(std::make_unique<Impl>()) {}
Fibers::~Fibers() = default;

int Fibers::map(int count, std::size_t stack_bytes) {
  const int problem = impl_->stacks.map(count, stack_bytes);
  if (problem == 0) impl_->fibers.resize(static_cast<std::size_t>(count));
  return problem;
}

void Fibers::run(const std::function<void(int)>& body, const std::function<int()>& next) {
  void* const outer = std::exchange(active, impl_.get());
  impl_->body = &body;
  impl_->next = &next;
  impl_->run();
  active = outer;
}

void Fibers::switch_to(int fiber) {
  Impl& impl = *static_cast<Impl*>(active);
  Impl::Context& from = impl.context_of(std::exchange(impl.current, fiber));
  impl.change(from, impl.context_of(fiber));
}

void Fibers::describe_to(SkeinDebuggerLane& lane) const {
  lane.contexts = reinterpret_cast<const char*>(impl_->fibers.data());
  lane.context_bytes = sizeof(Impl::Context);
  lane.current = &impl_->current;
}

OverflowZone Fibers::zone() const { return impl_->stacks.zone(); }

void on_own_stack(void (*call)(void*), void* context) {
  auto* const impl = static_cast<Fibers::Impl*>(active);
  if (impl == nullptr || impl->current < 0) return call(context);
  impl->call = call;
  impl->call_context = context;
  impl->change(impl->context_of(impl->current), impl->own);
}

}  // namespace skein
