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
  ibarrier,
  bcast,
  reduce,
  allreduce,
  scan,
  gather,
  allgather,
  scatter,
  alltoall,
  shared,
  per_process,
  piece,
  yield,
  leave,
};

std::string_view operation_name(Operation operation);

/// Which arguments a call has.
constexpr bool has_elements(Operation operation) {
  return Operation::bcast <= operation && operation <= Operation::shared;
}
constexpr bool has_operator(Operation operation) {
  return Operation::reduce <= operation && operation <= Operation::scan;
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
};

/// Folds everything that MPI demands to be equal into one word (steps of FNV-1a on words, mixed as in splitmix64).
constexpr Signature signature(const Call& call) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto mix = [&hash](std::uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 29U;
  };
  mix(static_cast<std::uint64_t>(call.operation));
  if (call.operation == Operation::barrier) return hash;
  mix(static_cast<std::uint64_t>(static_cast<std::int64_t>(call.root)));
  for (const char c : call.operator_name) mix(static_cast<unsigned char>(c));
  mix(call.element_bytes);
  mix(call.count);
  return hash;
}

/// "allreduce(sum, 8 values of 8 bytes) at heat.cpp:88".
std::string describe(const Call& call);

}  // namespace skein
