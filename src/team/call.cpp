// SPDX-License-Identifier: Apache-2.0
#include "skein/team/call.hpp"

#include <fmt/format.h>

#include <array>

namespace skein {

std::string operation_name(Operation operation) {
  static constexpr std::array<std::string_view, 29> kNames = {"nothing",
                                                              "barrier",
                                                              "bcast",
                                                              "reduce",
                                                              "allreduce",
                                                              "scan",
                                                              "exscan",
                                                              "reduce_scatter",
                                                              "reduce_scatter_block",
                                                              "gather",
                                                              "gatherv",
                                                              "allgather",
                                                              "allgatherv",
                                                              "scatter",
                                                              "scatterv",
                                                              "alltoall",
                                                              "alltoallv",
                                                              "shared",
                                                              "once",
                                                              "per_process",
                                                              "split",
                                                              "split_by",
                                                              "dup",
                                                              "subset",
                                                              "piece of a call",
                                                              "yield",
                                                              "test",
                                                              "wait",
                                                              "leave run"};
  static_assert(kNames.size() == static_cast<std::size_t>(Operation::leave) + 1, "one name for each operation");
  return std::string(is_nonblocking(operation) ? "i" : "")
      .append(kNames[static_cast<std::size_t>(blocking(operation))]);
}

std::string describe(const Call& call) {
  std::string arguments;
  const auto add = [&arguments](const std::string& text) { arguments += (arguments.empty() ? "" : ", ") + text; };
  if (!call.operator_name.empty()) add(std::string(call.operator_name));
  if (call.element_bytes != 0) add(fmt::format("{} values of {} bytes", call.count, call.element_bytes));
  if (call.root != kNoRoot) add(fmt::format("root {}", call.root));
  return fmt::format("{}({}) at {}:{}", operation_name(call.operation), arguments, call.where.file_name(),
                     call.where.line());
}

}  // namespace skein
