// SPDX-License-Identifier: Apache-2.0
#include "skein/team/segment.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "skein/base/error.hpp"

namespace skein {
namespace {

[[noreturn]] void fail(const char* what, std::size_t bytes) {
  const int problem = errno;
  throw Error(ExitCode::environment,
              fmt::format("shared segment of {} MiB: {}: {}; check ulimit -v, ulimit -f, the memory cgroup and "
                          "/proc/sys/vm/overcommit_memory",
                          bytes >> 20U, what, std::generic_category().message(problem)));
}

std::byte* map(std::size_t bytes, int flags, int descriptor) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, descriptor, 0);
  if (base == MAP_FAILED) fail("mmap", bytes);
  return static_cast<std::byte*>(base);
}

}  // namespace

Segment Segment::create_private(std::size_t bytes) {
  return Segment(map(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1), bytes, -1);
}

Segment Segment::create_shared(std::size_t bytes) {
  // The kernel answers a size beyond this limit with a signal that ends the process.
  rlimit file_size{};
  if (getrlimit(RLIMIT_FSIZE, &file_size) == 0 && bytes > file_size.rlim_cur) {
    errno = EFBIG;
    fail("file size limit", bytes);
  }
  const int descriptor = memfd_create("skein", MFD_CLOEXEC);
  if (descriptor < 0) fail("memfd_create", bytes);
  Segment closer(nullptr, 0, descriptor);  // closes the descriptor when a later step throws
  if (ftruncate(descriptor, static_cast<off_t>(bytes)) != 0) fail("ftruncate", bytes);
  closer.base_ = map(bytes, MAP_SHARED, descriptor);
  closer.size_ = bytes;
  return closer;
}

Segment Segment::attach(int descriptor) {
  Segment closer(nullptr, 0, descriptor);
  struct stat status {};
  if (fstat(descriptor, &status) != 0) fail("fstat", 0);
  const auto bytes = static_cast<std::size_t>(status.st_size);
  closer.base_ = map(bytes, MAP_SHARED, descriptor);
  closer.size_ = bytes;
  return closer;
}

Segment::~Segment() {
  if (base_ != nullptr) munmap(base_, size_);
  if (descriptor_ >= 0) close(descriptor_);
}

void Segment::punch(std::size_t offset, std::size_t bytes) const {
  madvise(at(offset), bytes, descriptor_ >= 0 ? MADV_REMOVE : MADV_DONTNEED);
}

void Segment::swap(Segment& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(size_, other.size_);
  std::swap(descriptor_, other.descriptor_);
}

}  // namespace skein
