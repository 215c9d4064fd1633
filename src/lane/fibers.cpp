// SPDX-License-Identifier: Apache-2.0
#include "skein/lane/fibers.hpp"

#include <cxxabi.h>

#include <boost/context/detail/fcontext.hpp>
#include <cerrno>
#include <deque>
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
    impl.arrive(impl.context_of(fiber), from);
    if (static_cast<std::size_t>(fiber) >= impl.fibers.size()) {
      const Helper& helper = impl.helper(fiber);
      helper.serve(helper.context);
    }
    (*impl.body)(fiber);
    impl.end(impl.context_of(fiber));
  }

  [[noreturn]] void end(Context& ended) {
    current = (*next)();
    Context& to = context_of(current);
    left = nullptr;
    ended.sanitized.leave_for_good(to.sanitized, to.bounds);
    jump_fcontext(to.saved, this);
    __builtin_unreachable();
  }

  /// They come behind the ranks. A deque: what runs keeps references.
  struct Helper {
    Context fiber;
    FiberStacks stack;
    void (*serve)(void*) = nullptr;
    void* context = nullptr;
  };
  Helper& helper(int fiber) { return helpers[static_cast<std::size_t>(fiber) - fibers.size()]; }

  Context& context_of(int fiber) {
    if (fiber < 0) return own;
    return static_cast<std::size_t>(fiber) < fibers.size() ? fibers[static_cast<std::size_t>(fiber)]
                                                           : helper(fiber).fiber;
  }

  void adopt_thread() {
    exceptions = &exception_state();
    error_number = &errno;
    own.sanitized.adopt_thread();
  }

  int add(std::size_t stack_bytes, void (*serve)(void*), void* served) {
    Helper& added = helpers.emplace_back();
    if (added.stack.map(1, stack_bytes) != 0) {
      helpers.pop_back();
      return -1;
    }
    added.serve = serve;
    added.context = served;
    prepare(added.fiber, added.stack, 0);
    return static_cast<int>(fibers.size() + helpers.size()) - 1;
  }

  static void prepare(Context& fiber, const FiberStacks& stacks, int number) {
    fiber.saved = make_fcontext(stacks.top(number), stacks.size(), &Impl::begin);
    fiber.bounds = {stacks.low(number), stacks.size()};
    fiber.sanitized.create();
  }

  /// From the own stack to a fiber, and to others; returns when somebody comes back, and makes calls meanwhile.
  void leave_own_for(int fiber) {
    change(own, context_of(fiber));
    while (call != nullptr) {
      const int caller = std::exchange(current, kOwnStack);
      std::exchange(call, nullptr)(call_context);
      current = caller;
      change(own, context_of(caller));
    }
  }

  ~Impl() {
    for (Helper& one : helpers) one.fiber.sanitized.destroy(one.fiber.bounds);
  }
  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void run() {
    adopt_thread();
    for (std::size_t i = 0; i < fibers.size(); ++i) {
      prepare(fibers[i], stacks, static_cast<int>(i));
    }
    current = (*next)();
    if (current >= 0) leave_own_for(current);
    for (Context& fiber : fibers) fiber.sanitized.destroy(fiber.bounds);
  }

  FiberStacks stacks;
  std::vector<Context> fibers;
  std::deque<Helper> helpers;
  Context own;
  Context* left = nullptr;               ///< who was left last; null when it has ended
  int current = kOwnStack;               ///< who runs
  ExceptionState* exceptions = nullptr;  ///< of the thread, as the next
  int* error_number = nullptr;
  const std::function<void(int)>* body = nullptr;
  const std::function<int()>* next = nullptr;
  void (*call)(void*) = nullptr;  ///< to be made on the lane's own stack
  void* call_context = nullptr;
};

namespace {

/// Of the thread, while it runs fibers. Fibers never change threads.
constinit thread_local Fibers* active = nullptr;

}  // namespace

Fibers::Fibers() : impl_(std::make_unique<Impl>()) {}
Fibers::~Fibers() = default;

void Fibers::adopt_thread() { impl_->adopt_thread(); }

int Fibers::add(std::size_t stack_bytes, void (*serve)(void*), void* context) {
  return impl_->add(stack_bytes, serve, context);
}

int Fibers::map(int count, std::size_t stack_bytes) {
  const int problem = impl_->stacks.map(count, stack_bytes);
  if (problem == 0) impl_->fibers.resize(static_cast<std::size_t>(count));
  return problem;
}

void Fibers::run(const std::function<void(int)>& body, const std::function<int()>& next) {
  Fibers* const outer = std::exchange(active, this);
  impl_->body = &body;
  impl_->next = &next;
  impl_->run();
  active = outer;
}

void Fibers::go_on_with(int fiber) {
  const int from = std::exchange(impl_->current, fiber);
  if (from != kOwnStack) return impl_->change(impl_->context_of(from), impl_->context_of(fiber));
  Fibers* const outer = std::exchange(active, this);
  impl_->leave_own_for(fiber);
  active = outer;
}

Fibers* Fibers::of_thread() { return active; }

void Fibers::describe_to(SkeinDebuggerLane& lane) const {
  lane.contexts = reinterpret_cast<const char*>(impl_->fibers.data());
  lane.context_bytes = sizeof(Impl::Context);
  lane.current = &impl_->current;
}

OverflowZone Fibers::zone() const { return impl_->stacks.zone(); }

void on_own_stack(void (*call)(void*), void* context) {
  if (active == nullptr || active->impl_->current < 0) return call(context);
  Fibers::Impl& impl = *active->impl_;
  impl.call = call;
  impl.call_context = context;
  impl.change(impl.context_of(impl.current), impl.own);
}

}  // namespace skein
