// SPDX-License-Identifier: Apache-2.0
//
// Files that are whole or not there: written beside their name and renamed when complete.
//
// Errors   skein::Error(ExitCode::io): path, what was tried, and the system's reason.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace support {

/// A name in the folder of `path` to write to until commit(). Created (refusing to follow links) at construction, removed
/// at destruction unless committed.
class PendingFile {
 public:
  explicit PendingFile(std::filesystem::path path);
  ~PendingFile();
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::filesystem::path& pending() const { return pending_; }
  void write(std::string_view content);
  void commit();

 private:
  std::filesystem::path path_, pending_;
  bool committed_ = false;
};

/// Replaces the file by `content`.
void write_file(const std::filesystem::path& path, std::string_view content);

/// Makes the folder and those above it.
void make_folder(const std::filesystem::path& folder);

/// What the system says to an error number.
std::string reason_of(int error);

/// Throws the io error: "path: what: reason of `error`".
[[noreturn]] void fail_io(const std::filesystem::path& path, std::string_view what, int error);

/// The folder of the running program.
std::filesystem::path program_folder();

}  // namespace support
