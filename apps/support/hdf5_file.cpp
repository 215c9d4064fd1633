// SPDX-License-Identifier: Apache-2.0
#include "support/hdf5_file.hpp"

#include <hdf5.h>

#include <cerrno>
#include <utility>

namespace support {
namespace {

// An HDF5 identifier with the function that closes it.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return id_; }
  bool good() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

bool put_attribute(hid_t object, const std::string& name, const std::string& value) {
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type, value.empty() ? 1 : value.size());
  H5Tset_cset(type, H5T_CSET_UTF8);
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle attribute(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  return attribute.good() && H5Awrite(attribute, type, value.c_str()) >= 0;
}

bool put_attribute(hid_t object, const std::string& name, double value) {
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle attribute(H5Acreate2(object, name.c_str(), H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  return attribute.good() && H5Awrite(attribute, H5T_NATIVE_DOUBLE, &value) >= 0;
}

}  // namespace

Hdf5File::Hdf5File(std::filesystem::path path) : file_(std::move(path)) {
  // At exit HDF5 would once more flush a file that could not be written, and crash over it. All files are closed here.
  H5dont_atexit();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors are reported here, once
  id_ = H5Fcreate(file_.pending().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  if (id_ < 0) fail("cannot be created");
}

Hdf5File::~Hdf5File() {
  if (id_ >= 0) H5Fclose(id_);
}

void Hdf5File::fail(const std::string& what) const { fail_io(file_.path(), what, errno != 0 ? errno : EIO); }

void Hdf5File::add_array(const std::string& name, const std::vector<std::size_t>& shape, const std::string& unit,
                         const std::string& about) {
  errno = 0;
  const std::vector<hsize_t> extent(shape.begin(), shape.end());
  const Handle space(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr), H5Sclose);
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(properties, false);
  H5Pset_layout(properties, H5D_CONTIGUOUS);
  H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER);
  const Handle set(H5Dcreate2(id_, name.c_str(), H5T_IEEE_F64LE, space, H5P_DEFAULT, properties, H5P_DEFAULT),
                   H5Dclose);
  if (!set.good() || !put_attribute(set, "units", unit) || !put_attribute(set, "long_name", about)) {
    fail("array " + name + " cannot be added");
  }
}

void Hdf5File::write(const std::string& name, std::span<const double> values) {
  errno = 0;
  const Handle set(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), H5Dclose);
  if (!set.good() || H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
    fail("array " + name + " cannot be written");
  }
}

void Hdf5File::write_item(const std::string& name, std::size_t item, std::span<const double> values) {
  errno = 0;
  const Handle set(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), H5Dclose);
  const Handle space(set.good() ? H5Dget_space(set) : -1, H5Sclose);
  if (!space.good()) fail("array " + name + " cannot be opened");
  std::vector<hsize_t> count(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space)));
  H5Sget_simple_extent_dims(space, count.data(), nullptr);
  std::vector<hsize_t> start(count.size(), 0);
  start[0] = item;
  count[0] = 1;
  const hsize_t size = values.size();
  const Handle memory(H5Screate_simple(1, &size, nullptr), H5Sclose);
  if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr) < 0 ||
      H5Dwrite(set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, values.data()) < 0) {
    fail("array " + name + " cannot be written");
  }
}

void Hdf5File::add_attribute(const std::string& name, const std::string& value) {
  errno = 0;
  if (!put_attribute(id_, name, value)) fail("attribute " + name + " cannot be written");
}

void Hdf5File::add_attribute(const std::string& name, double value) {
  errno = 0;
  if (!put_attribute(id_, name, value)) fail("attribute " + name + " cannot be written");
}

std::uint64_t Hdf5File::offset(const std::string& name) const {
  const Handle set(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), H5Dclose);
  const haddr_t address = set.good() ? H5Dget_offset(set) : HADDR_UNDEF;
  if (address == HADDR_UNDEF) fail("array " + name + " has no place in the file");
  return address;
}

void Hdf5File::commit() {
  errno = 0;
  const bool closed = H5Fclose(std::exchange(id_, -1)) >= 0;
  if (!closed) fail("cannot be completed");
  file_.commit();
}

}  // namespace support
