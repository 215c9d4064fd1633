// SPDX-License-Identifier: Apache-2.0
#include "skein/runtime/runtime.hpp"

#include <cstdlib>
#include <optional>

#include "runtime_impl.hpp"

namespace skein {

Runtime::Runtime(const Options& options) : impl_(std::make_unique<Impl>(options, std::nullopt, nullptr)) {}

Runtime::Runtime(Communicator comm, const Options& options) : impl_(std::make_unique<Impl>(options, comm, nullptr)) {}

Runtime::Runtime(int, char**, const Options& options) {
  try {
    impl_ = std::make_unique<Impl>(options, std::nullopt, warn);
  } catch (const StartFailed& error) {
    std::exit(static_cast<int>(error.code()));  // NOLINT(concurrency-mt-unsafe): there are no other threads yet
  } catch (const Error& error) {
    warn(error.what());
    std::exit(static_cast<int>(error.code()));  // NOLINT(concurrency-mt-unsafe): there are no other threads yet
  }
}

// In the middle of a run, exit() destroys it, on any thread: its own could not be joined, and other processes would not come
// to the end of MPI. What it holds ends with the process.
Runtime::~Runtime() {
  if (impl_ && Lanes::some_run() && !impl_->is_in_child()) (void)impl_.release();
}

int Runtime::run(const std::function<void(Team&)>& body) {
  try {
    if (impl_->run_ranks(body, warn)) return 0;
  } catch (const StartFailed& error) {
    return static_cast<int>(error.code());
  }
  return impl_->end_failed_run(Impl::Saying::report);
}

void Runtime::run_throwing(const std::function<void(Team&)>& body) {
  if (impl_->run_ranks(body, nullptr)) return;
  impl_->end_failed_run(Impl::Saying::nothing);
  impl_->rethrow_first();
}

int Runtime::agree(const std::function<void()>& step) {
  const auto tell = [](const std::string& message) { write_report(message + '\n'); };
  return static_cast<int>(impl_->world().agree(step, tell).code);
}

Description Runtime::description() const { return impl_->description(); }

std::optional<Communicator> Runtime::comm() const { return impl_->world().comm(); }

int Runtime::process() const { return impl_->process(); }
int Runtime::processes() const { return impl_->world().processes(); }
int Runtime::ranks() const { return impl_->host().map().ranks_of(impl_->process()); }
int Runtime::size() const { return impl_->host().map().size(); }

}  // namespace skein
