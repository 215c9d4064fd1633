// SPDX-License-Identifier: Apache-2.0
#include "skein/lane/fork_watch.hpp"

#include <pthread.h>

#include <mutex>
#include <utility>

namespace skein {
namespace {

struct Registry {
  Registry() {
    pthread_atfork([] { all().mutex.lock(); }, [] { all().mutex.unlock(); },
                   [] {
                     for (const auto& in_child : all().entries) in_child();
                     all().mutex.unlock();
                   });
  }

  // Never destroyed: forks may come after the destructors of static objects.
  static Registry& all() {
    static auto* const registry = new Registry;
    return *registry;
  }

  std::mutex mutex;  // held while the process forks, so that the child finds the list whole
  std::list<std::function<void()>> entries;
};

}  // namespace

ForkWatch::ForkWatch(std::function<void()> in_child) {
  Registry& registry = Registry::all();
  const std::scoped_lock lock(registry.mutex);
  entry_ = registry.entries.insert(registry.entries.end(), std::move(in_child));
}

ForkWatch::~ForkWatch() {
  Registry& registry = Registry::all();
  const std::scoped_lock lock(registry.mutex);
  registry.entries.erase(entry_);
}

}  // namespace skein
