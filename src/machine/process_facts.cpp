// SPDX-License-Identifier: Apache-2.0
//
// What a process finds about itself at its start, and its way to the other processes. Libraries that are loaded later
// (dlopen) are not seen.
#include <link.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string_view>

#include "skein/base/environment.hpp"
#include "skein/machine/placement.hpp"

namespace skein {
namespace {

using Loaded = std::array<bool, kInnerLibraries>;

/// Notes what a shared object is by its file name. Serial builds of OpenBLAS and MKL have no threads.
int note_library(dl_phdr_info* info, std::size_t, void* result) {
  const std::string_view path = info->dlpi_name;
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const auto is_any_of = [&](std::initializer_list<std::string_view> prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) { return name.starts_with(p); });
  };
  Loaded& loaded = *static_cast<Loaded*>(result);
  if (is_any_of({"libgomp.", "libgomp-", "libomp.", "libomp5.", "libiomp5."})) loaded[0] = true;
  if (is_any_of({"libopenblas"}) && path.find("serial") == std::string_view::npos) loaded[1] = true;
  if (is_any_of({"libmkl_rt.", "libmkl_intel_thread.", "libmkl_gnu_thread.", "libmkl_tbb_thread."})) loaded[2] = true;
  return 0;
}

/// The first of the variables that is set decides, as it does for the libraries. OMP_NUM_THREADS may be a list.
int threads_by(std::initializer_list<const char*> variables) {
  for (const char* variable : variables) {
    if (const auto value = environment_value(variable)) {
      const int threads = std::atoi(value->c_str());
      if (threads > 0) return threads;
    }
  }
  return kOnePerCpu;
}

bool openmp_binds() {
  const auto bind = environment_value("OMP_PROC_BIND");
  if (bind) return *bind != "false" && *bind != "FALSE";
  for (const char* variable : {"OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"}) {
    if (environment_value(variable)) return true;
  }
  return false;
}

/// Numbers one after the other, as bytes.
class Writer {
 public:
  template <class T>
  void put(T value) {
    const auto* begin = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), begin, begin + sizeof(T));
  }
  template <class T>
  void put_all(const std::vector<T>& values) {
    put(values.size());
    for (const T& value : values) put(value);
  }
  std::vector<std::byte> bytes;
};

class Reader {
 public:
  explicit Reader(const std::vector<std::byte>& bytes) : bytes_(bytes) {}
  template <class T>
  T take() {
    T value{};
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  template <class T>
  std::vector<T> take_all() {
    std::vector<T> values(take<std::size_t>());
    for (T& value : values) value = take<T>();
    return values;
  }

 private:
  const std::vector<std::byte>& bytes_;
  std::size_t at_ = 0;
};

}  // namespace

ProcessFacts facts_of_this_process() {
  ProcessFacts facts;
  facts.allowed = allowed_cpus();
  facts.limits = cpu_limits();
  Loaded loaded{};
  dl_iterate_phdr(note_library, &loaded);
  if (loaded[0]) facts.inner_threads[0] = threads_by({"OMP_NUM_THREADS"});
  if (loaded[1]) facts.inner_threads[1] = threads_by({"OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"});
  if (loaded[2]) facts.inner_threads[2] = threads_by({"MKL_NUM_THREADS", "OMP_NUM_THREADS"});
  facts.is_bound_by_openmp = loaded[0] && openmp_binds();
  return facts;
}

std::vector<std::byte> to_bytes(const ProcessFacts& facts) {
  Writer out;
  out.put_all(facts.allowed);
  out.put(facts.offered);
  out.put_all(facts.limits);
  out.put(facts.ranks.value_or(0));
  out.put(facts.lanes.value_or(0));
  out.put(facts.binding.kind);
  out.put_all(facts.binding.cpus);
  out.put(facts.inner_threads);
  out.put(facts.is_bound_by_openmp);
  return out.bytes;
}

ProcessFacts facts_from(const std::vector<std::byte>& bytes) {
  Reader in(bytes);
  ProcessFacts facts;
  facts.allowed = in.take_all<int>();
  facts.offered = in.take<int>();
  facts.limits = in.take_all<CpuLimit>();
  const int ranks = in.take<int>();
  if (ranks > 0) facts.ranks = ranks;
  const int lanes = in.take<int>();
  if (lanes > 0) facts.lanes = lanes;
  facts.binding.kind = in.take<Binding::Kind>();
  facts.binding.cpus = in.take_all<int>();
  facts.inner_threads = in.take<std::array<int, kInnerLibraries>>();
  facts.is_bound_by_openmp = in.take<bool>();
  return facts;
}

}  // namespace skein
