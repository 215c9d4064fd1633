// SPDX-License-Identifier: Apache-2.0
#include "support/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <skein/base/error.hpp>

#include "support/config.hpp"

namespace support {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

}  // namespace

std::string reason_of(int error) { return std::generic_category().message(error); }

void fail_io(const std::filesystem::path& path, std::string_view what, int error) {
  throw skein::Error(skein::ExitCode::io, fmt::format("{}: {}: {}", printable(path.string()), what, reason_of(error)));
}

PendingFile::PendingFile(std::filesystem::path path)
    : path_(std::move(path)),
      pending_(path_.parent_path() / fmt::format(".{}.{}.part", path_.filename().string(), ::getpid())) {
  ::unlink(pending_.c_str());  // of an earlier process with this number that was killed
  const Descriptor file(::open(pending_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (file.get() < 0) fail_io(path_, "cannot be created", errno);
}

PendingFile::~PendingFile() {
  if (!committed_) ::unlink(pending_.c_str());
}

void PendingFile::write(std::string_view content) {
  Descriptor file(::open(pending_.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
  if (file.get() < 0) fail_io(path_, "cannot be opened", errno);
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_io(path_, "cannot be written", errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::close(file.release()) != 0) fail_io(path_, "cannot be written", errno);
}

void PendingFile::commit() {
  if (::rename(pending_.c_str(), path_.c_str()) != 0) fail_io(path_, "cannot be replaced", errno);
  committed_ = true;
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  PendingFile file(path);
  file.write(content);
  file.commit();
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  // A file in its place is no error to create_directories of some library versions.
  if (!error && !std::filesystem::is_directory(folder)) error = std::make_error_code(std::errc::not_a_directory);
  if (error) fail_io(folder, "folder cannot be made", error.value());
  if (::access(folder.c_str(), W_OK | X_OK) != 0) fail_io(folder, "folder cannot be written to", errno);
}

std::filesystem::path program_folder() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::filesystem::path(".") : program.parent_path();
}

}  // namespace support
