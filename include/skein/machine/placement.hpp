// SPDX-License-Identifier: Apache-2.0
//
// Which lane runs on which CPU.
#pragma once

#include <string_view>
#include <vector>

#include "skein/machine/machine.hpp"

namespace skein {

/// How lanes are bound.
struct Binding {
  enum class Kind {
    compact,  ///< neighbours: fill an L3 before the next one; every core before any second hardware thread
    scatter,  ///< spread over packages, NUMA domains and L3s
    none,     ///< leave it to the operating system
    list,     ///< the CPUs given, in that order
  };
  Kind kind = Kind::compact;
  std::vector<int> cpus;  ///< of `list`
};

/// Reads compact, scatter, none or a CPU list; Error(usage) naming `name` otherwise. `cpus` is the machine's number.
Binding parse_binding(std::string_view name, std::string_view value, int cpus);

/// One process of a host, as far as placement is concerned.
struct ProcessShape {
  int lanes = 0;
  std::vector<int> allowed;  ///< CPUs of its affinity mask
};

/// The lane of a process is not pinned to one CPU.
inline constexpr int kNotPinned = -1;

/// The CPU of each lane of process `own`. Processes with the same mask divide it in process order. Lanes are pinned only
/// when all lanes that share a mask have a CPU each and no other mask overlaps it; else the operating system balances
/// them within the mask.
std::vector<int> place_lanes(const Machine& machine, const Binding& binding, const std::vector<ProcessShape>& processes,
                             int own);

/// Lanes of all processes whose masks touch that of `own`, and the CPUs they have.
struct Load {
  int lanes = 0;
  int cpus = 0;
};
Load load_of(const std::vector<ProcessShape>& processes, int own);

/// Lanes that a process should have by default: its share of its mask's CPUs, and of the quota; at least one.
int default_lanes(const std::vector<std::vector<int>>& allowed_of_processes, int own, std::optional<double> quota);

}  // namespace skein
