// SPDX-License-Identifier: Apache-2.0
//
// One lock for each CPU that a pinned lane occupies, so that Skein jobs that were sent to the same CPUs notice.
//
// What     an abstract Unix socket bound to "skein-cpu-N": needs no file, and the kernel releases it with its holder,
//          however that ends. A second binder gets EADDRINUSE, whoever it belongs to.
// Sees     jobs of all users in the same network namespace. It does not see jobs in containers with a network of their
//          own, jobs whose lanes are not pinned, programs other than Skein, or jobs on the second hardware thread of the
//          same core. Only the job that comes second learns of it.
// Cost     one file descriptor and some 10 us per lane at the start, nothing later. A child that is forked from the run
//          and does not exec keeps the locks while it lives.
#pragma once

#include <string>
#include <vector>

namespace skein {

/// Locks of CPUs, held while the object lives. Objects of one process share their locks: a second runtime does not
/// take the first for somebody else.
class CpuLocks {
 public:
  CpuLocks() = default;

  /// Takes what is free; what cannot be locked for any other reason than a holder counts as free. Takes none when that
  /// would use up a quarter of the file descriptors that the process may have.
  explicit CpuLocks(const std::vector<int>& cpus);

  ~CpuLocks();
  CpuLocks(CpuLocks&& other) noexcept;
  CpuLocks& operator=(CpuLocks&& other) noexcept;
  CpuLocks(const CpuLocks&) = delete;
  CpuLocks& operator=(const CpuLocks&) = delete;

  /// CPUs that another process holds, ascending.
  const std::vector<int>& busy() const { return busy_; }

 private:
  std::vector<int> held_;
  std::vector<int> busy_;
};

/// What to print about CPUs that another job holds.
std::string busy_warning(const std::vector<int>& busy);

}  // namespace skein
