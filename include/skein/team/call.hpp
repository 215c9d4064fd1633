// SPDX-License-Identifier: Apache-2.0
//
// What a rank says about a collective it enters: its signature, which peers compare, and the words of a report.
// A call site is reported, never compared: ranks may reach the same collective from different lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <source_location>
#include <string>
#include <string_view>

#include "skein/team/line.hpp"

namespace skein {

enum class Operation : std::uint8_t {
  none,
  barrier,
  bcast,
  reduce,
  allreduce,
  scan,
  exscan,
  reduce_scatter,
  reduce_scatter_block,
  gather,
  gatherv,
  allgather,
  allgatherv,
  scatter,
  scatterv,
  alltoall,
  alltoallv,
  shared,
  once,
  per_process,
  split,
  split_by,
  dup,
  subset,
  piece,
  yield,
  test,
  wait,
  leave,
};

/// The non-blocking form of a collective has a bit more.
inline constexpr auto kNonblocking = std::uint8_t{0x80};
constexpr Operation nonblocking(Operation operation) {
  return static_cast<Operation>(static_cast<std::uint8_t>(operation) | kNonblocking);
}
constexpr bool is_nonblocking(Operation operation) {
  return (static_cast<std::uint8_t>(operation) & kNonblocking) != 0;
}
constexpr Operation blocking(Operation operation) {
  return static_cast<Operation>(static_cast<std::uint8_t>(operation) & ~kNonblocking);
}

/// "allreduce", or "iallreduce".
std::string operation_name(Operation operation);

/// Which arguments a call has.
constexpr bool has_elements(Operation operation) {
  return Operation::bcast <= operation && operation <= Operation::shared;
}
constexpr bool has_operator(Operation operation) {
  return Operation::reduce <= operation && operation <= Operation::reduce_scatter_block;
}

/// Whether all ranks have to pass the same count.
constexpr bool has_equal_counts(Operation operation) {
  return operation != Operation::gatherv && operation != Operation::scatterv && operation != Operation::alltoallv;
}

inline constexpr int kNoRoot = std::numeric_limits<int>::min();  // -1 is what a wrong root often is

/// One collective call. `operator_name` is a constant name, never an address: processes are randomised differently.
struct Call {
  Operation operation = Operation::none;
  int root = kNoRoot;
  std::string_view operator_name = {};
  std::size_t element_bytes = 0;
  std::size_t count = 0;
  std::source_location where = {};
  std::uint64_t parts = 0;  ///< Parts::hash of the counts, where all ranks have to pass the same
};

/// Steps of FNV-1a on words, mixed as in splitmix64.
class Hash {
 public:
  constexpr void mix(std::uint64_t value) {
    value_ = (value_ ^ value) * 0x9e3779b97f4a7c15U;
    value_ ^= value_ >> 29U;
  }
  constexpr std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325U;
};

/// Folds everything that MPI demands to be equal into one word.
constexpr Signature signature(const Call& call) {
  Hash hash;
  hash.mix(static_cast<std::uint64_t>(call.operation));
  if (call.operation == Operation::barrier) return hash.value();
  hash.mix(static_cast<std::uint64_t>(static_cast<std::int64_t>(call.root)));
  for (const char c : call.operator_name) hash.mix(static_cast<unsigned char>(c));
  hash.mix(call.element_bytes);
  if (has_equal_counts(call.operation)) hash.mix(call.count);
  if (call.parts != 0) hash.mix(call.parts);
  return hash.value();
}

/// "allreduce(sum, 8 values of 8 bytes) at heat.cpp:88".
std::string describe(const Call& call);

}  // namespace skein
