// SPDX-License-Identifier: Apache-2.0
#include "skein/runtime/attach.hpp"

#include <exception>

#include "runtime_impl.hpp"

namespace skein {

Attachment::Attachment(std::optional<Communicator> comm, Options options) {
  options.ranks = 1;
  options.bind = "none";
  impl_ = std::make_unique<Runtime::Impl>(options, comm, nullptr, Runtime::Impl::Carrier::caller);
  const Verdict verdict = impl_->world().agree([&] {
    const int ranks = impl_->host().map().ranks_of(impl_->process());
    if (ranks != 1) {
      throw Error(ExitCode::usage, fmt::format("SKEIN_RANKS={}: this program attaches with one rank per process; unset "
                                               "SKEIN_RANKS and start more processes",
                                               ranks));
    }
    impl_->start_watchdog();
  });
  if (!verdict.is_ok()) throw Error(verdict.code, verdict.message);
  try {
    impl_->first_runner().begin();
  } catch (const TeamAborted&) {  // another process has failed already
    impl_->first_runner().fail("");
    impl_->end_failed_run(Runtime::Impl::Saying::report);
    throw;
  }
}

Attachment::Attachment(Attachment&&) noexcept = default;

Attachment::~Attachment() {
  if (!impl_) return;
  impl_->first_runner().fail(std::uncaught_exceptions() > 0
                                 ? "an exception has left the part of the program that was attached"
                                 : "the attachment was destroyed before detach()");
  impl_->end_failed_run(Runtime::Impl::Saying::report);
}

Team& Attachment::team() { return impl_->first_team(); }

void Attachment::detach() {
  impl_->first_runner().leave();
  impl_.reset();
}

}  // namespace skein
