// SPDX-License-Identifier: Apache-2.0
//
// What applications write to HDF5: arrays of doubles with units, in a file that appears when it is complete.
//
// Who      one rank writes; the serial library suffices.
// Bits     no time stamps, contiguous storage in order of creation: the file depends on its content only.
// Errors   skein::Error(ExitCode::io) with path and reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "support/files.hpp"

namespace support {

class Hdf5File {
 public:
  explicit Hdf5File(std::filesystem::path path);
  ~Hdf5File();

  /// An array of `shape`, row-major, filled by write() or write_item(); `unit` and `about` become attributes.
  void add_array(const std::string& name, const std::vector<std::size_t>& shape, const std::string& unit,
                 const std::string& about);
  void write(const std::string& name, std::span<const double> values);
  /// Fills [item, ...] of an array.
  void write_item(const std::string& name, std::size_t item, std::span<const double> values);
  void add_attribute(const std::string& name, const std::string& value);
  void add_attribute(const std::string& name, double value);

  /// Where the first value of a written array is in the file: for readers without HDF5.
  std::uint64_t offset(const std::string& name) const;

  /// Closes the file and gives it its name.
  void commit();

 private:
  [[noreturn]] void fail(const std::string& what) const;

  PendingFile file_;
  std::int64_t id_ = -1;  // hid_t, kept out of this header
};

}  // namespace support
