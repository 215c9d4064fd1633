// SPDX-License-Identifier: Apache-2.0
//
// Every call of a team, for tests of who may make it.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "skein/skein.hpp"

namespace skein_test {

using skein::Team;

/// The message of the Error that `call` throws, or nothing.
inline std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const skein::Error& error) {
    return error.what();
  }
  return "";
}

struct Call {
  const char* name;
  std::function<void(Team&)> make;
};

/// Every call that meets others. Any rank could make it, so if one of these got through, the run would not go on.
inline std::vector<Call> calls() {
  return {{"barrier", [](Team& team) { team.barrier(); }},
          {"ibarrier", [](Team& team) { team.ibarrier().wait(); }},
          {"allreduce", [](Team& team) { team.allreduce(1, skein::sum); }},
          {"allreduce", [](Team& team) { team.allreduce(1, [](int a, int b) { return a + b; }); }},
          {"allreduce",
           [](Team& team) {
             std::vector<double> many(4096);
             team.allreduce(std::span(many), skein::sum);
           }},
          {"reduce", [](Team& team) { team.reduce(1, skein::sum, 0); }},
          {"scan", [](Team& team) { team.scan(1, skein::sum); }},
          {"bcast", [](Team& team) { team.bcast(1, 0); }},
          {"allgather",
           [](Team& team) {
             std::vector<int> out(static_cast<std::size_t>(team.size()));
             team.allgather(1, std::span(out));
           }},
          {"gather",
           [](Team& team) {
             std::vector<int> out(static_cast<std::size_t>(team.size()));
             team.gather(1, std::span(out), 0);
           }},
          {"scatter",
           [](Team& team) {
             std::vector<int> in(static_cast<std::size_t>(team.size()));
             team.scatter(std::span(in), 0);
           }},
          {"alltoall",
           [](Team& team) {
             std::vector<int> in(static_cast<std::size_t>(team.size()));
             std::vector<int> out(in.size());
             team.alltoall(std::span<const int>(in), std::span(out));
           }},
          {"exscan", [](Team& team) { team.exscan(1, skein::sum, 0); }},
          {"allreduce", [](Team& team) { team.allreduce(skein::sum(1), skein::max(2)); }},
          {"reduce_scatter_block",
           [](Team& team) {
             std::vector<int> data(static_cast<std::size_t>(team.size()));
             team.reduce_scatter_block(data, skein::sum);
           }},
          {"reduce_scatter",
           [](Team& team) {
             const std::vector<int> in(static_cast<std::size_t>(team.size()));
             std::vector<int> out(1);
             team.reduce_scatter(in, out, std::vector<int>(in.size(), 1), skein::sum);
           }},
          {"gatherv", [](Team& team) { team.gatherv(std::vector<int>(1), 0); }},
          {"allgatherv", [](Team& team) { team.allgatherv(std::vector<int>(1)); }},
          {"scatterv",
           [](Team& team) {
             const std::vector<int> in(static_cast<std::size_t>(team.size()), 1);
             team.scatterv(in, in, 0);
           }},
          {"alltoallv",
           [](Team& team) {
             const std::vector<int> in(static_cast<std::size_t>(team.size()), 1);
             team.alltoallv(in, in);
           }},
          {"once", [](Team& team) { team.once([] {}); }},
          {"shared", [](Team& team) { team.shared<int>(1); }},
          {"per_process", [](Team& team) { team.per_process([] {}); }}};
}

}  // namespace skein_test
