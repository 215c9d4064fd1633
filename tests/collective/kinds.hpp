// SPDX-License-Identifier: Apache-2.0
//
// The collectives, as tests draw them.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace skein_test {

enum class Kind {
  barrier,
  bcast,
  reduce,
  allreduce,
  scan,
  exscan,
  reduce_scatter_block,
  reduce_scatter,
  gather,
  allgather,
  scatter,
  alltoall,
  gatherv,
  allgatherv,
  scatterv,
  alltoallv,
};
inline constexpr int kKinds = 16;

inline std::string_view kind_name(Kind kind) {
  static constexpr std::array<std::string_view, kKinds> kNames = {
      "barrier",        "bcast",    "reduce",    "allreduce", "scan",     "exscan",  "reduce_scatter_block",
      "reduce_scatter", "gather",   "allgather", "scatter",   "alltoall", "gatherv", "allgatherv",
      "scatterv",       "alltoallv"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace skein_test
