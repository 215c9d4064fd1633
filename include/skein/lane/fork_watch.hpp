// SPDX-License-Identifier: Apache-2.0
//
// Forks: what has to know that it is in a child.
#pragma once

#include <functional>
#include <list>

namespace skein {

/// While it lives, a fork of the process calls `in_child` in the child, where only the forking thread exists. `in_child`
/// sets words and returns: it may not allocate, lock or wait.
class ForkWatch {
 public:
  explicit ForkWatch(std::function<void()> in_child);
  ~ForkWatch();
  ForkWatch(const ForkWatch&) = delete;
  ForkWatch& operator=(const ForkWatch&) = delete;

 private:
  std::list<std::function<void()>>::iterator entry_;
};

}  // namespace skein
