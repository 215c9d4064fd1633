// SPDX-License-Identifier: Apache-2.0
//
// Whole hosts, from hwloc's synthetic machines: the cases of placement_cases.txt, and what must hold for all of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "skein/base/environment.hpp"
#include "skein/machine/placement.hpp"

namespace {

using skein::Binding;
using skein::HostFacts;
using skein::HostPlan;
using skein::kNotPinned;
using skein::Machine;
using skein::ProcessFacts;
using skein::Pu;

constexpr int kMostLanes = 512;
constexpr int kMostCpus = 1024;

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(trimmed(part));
  return parts;
}

std::vector<int> cpu_list(const std::string& text) { return skein::parse_cpu_list("case", text, kMostCpus); }

struct Case {
  int line = 0;
  std::string text;
  HostFacts host;
  std::vector<std::vector<int>> cpus;
  std::vector<std::string> loads;
  std::vector<std::string> warnings;
};

void apply_option(const std::string& option, ProcessFacts& process) {
  if (option == "bound") {
    process.is_bound_by_openmp = true;
    return;
  }
  const std::size_t equals = option.find('=');
  const std::string name = option.substr(0, equals);
  const std::string value = option.substr(equals + 1);
  if (name == "r") {
    process.ranks = std::stoi(value);
  } else if (name == "l") {
    process.lanes = std::stoi(value);
  } else if (name == "b") {
    process.binding = skein::parse_binding("case", value, kMostCpus);
  } else if (name == "q") {
    process.limits.push_back({std::stoull(value), std::stod(value.substr(value.find(':') + 1))});
  } else if (name == "of") {
    process.offered = std::stoi(value);
  } else {
    const std::vector<std::string> libraries = {"omp", "blas", "mkl"};
    const auto library = std::find(libraries.begin(), libraries.end(), name);
    if (library == libraries.end()) throw std::runtime_error("unknown option " + option);
    process.inner_threads.at(static_cast<std::size_t>(library - libraries.begin())) = std::stoi(value);
  }
}

std::vector<ProcessFacts> processes_of(const std::string& field, int offered) {
  std::vector<ProcessFacts> processes;
  for (const std::string& text : split(field, ';')) {
    std::istringstream words(text);
    std::string word;
    words >> word;
    ProcessFacts process;
    process.allowed = cpu_list(word);
    process.offered = offered;
    int copies = 1;
    while (words >> word) {
      if (word[0] == '*') {
        copies = std::stoi(word.substr(1));
      } else {
        apply_option(word, process);
      }
    }
    processes.insert(processes.end(), static_cast<std::size_t>(copies), process);
  }
  return processes;
}

std::vector<int> lanes_of(const std::string& text) {
  if (!text.starts_with("free*")) return cpu_list(text);
  return std::vector<int>(std::stoul(text.substr(5)), kNotPinned);
}

std::vector<Case> all_cases() {
  std::map<std::string, Machine> machines;
  std::vector<Case> cases;
  std::ifstream file(SKEIN_PLACEMENT_CASES);
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("machine ")) {
      const std::size_t equals = line.find('=');
      machines[trimmed(line.substr(8, equals - 8))] = skein::detect_machine(trimmed(line.substr(equals + 1)));
      continue;
    }
    const std::vector<std::string> fields = split(line, '|');
    if (fields.size() != 6) throw std::runtime_error("a case needs six fields: " + line);
    Case one;
    one.line = number;
    one.text = line;
    one.host.machine = machines.at(fields[0]);
    one.host.launcher = fields[1] == "-" ? "" : fields[1];
    one.host.most_lanes = kMostLanes;
    one.host.processes = processes_of(fields[2], one.host.machine.offered);
    for (const std::string& text : split(fields[3], ';')) one.cpus.push_back(lanes_of(text));
    one.loads = split(fields[4], ';');
    if (fields[5] != "-") one.warnings = split(fields[5], '&');
    cases.push_back(one);
  }
  return cases;
}

std::string trace_of(const Case& one) { return "line " + std::to_string(one.line) + ": " + one.text; }

// Defect: any rule of placement is broken, or a pitfall is silent, explained wrongly or explained twice.
TEST(PlacementCases, AreAsWorkedOutByHand) {
  const std::vector<Case> cases = all_cases();
  EXPECT_GE(cases.size(), 100U);
  for (const Case& one : cases) {
    SCOPED_TRACE(trace_of(one));
    const HostPlan plan = skein::plan_host(one.host);
    ASSERT_EQ(plan.processes.size(), one.cpus.size());
    for (std::size_t i = 0; i < one.cpus.size(); ++i) {
      EXPECT_EQ(plan.processes[i].cpus, one.cpus[i]) << "process " << i;
      const skein::Load& load = plan.processes[i].load;
      EXPECT_EQ(std::to_string(load.lanes) + "/" + std::to_string(load.cpus), one.loads[one.loads.size() == 1 ? 0 : i]);
    }
    EXPECT_EQ(plan.warnings.size(), one.warnings.size()) << testing::PrintToString(plan.warnings);
    for (const std::string& wanted : one.warnings) {
      EXPECT_EQ(std::count_if(plan.warnings.begin(), plan.warnings.end(),
                              [&](const std::string& warning) { return warning.find(wanted) != std::string::npos; }),
                1)
          << wanted << " in " << testing::PrintToString(plan.warnings);
    }
  }
}

// Defect: two lanes on one CPU, a lane outside its mask, or a process half pinned.
TEST(PlacementCases, NoCpuIsUsedTwiceOrOutsideItsMask) {
  for (const Case& one : all_cases()) {
    SCOPED_TRACE(trace_of(one));
    const HostPlan plan = skein::plan_host(one.host);
    std::set<int> used;
    for (std::size_t i = 0; i < plan.processes.size(); ++i) {
      const std::vector<int>& cpus = plan.processes[i].cpus;
      const std::vector<int>& allowed = one.host.processes[i].allowed;
      ASSERT_FALSE(cpus.empty());
      const auto unpinned = std::count(cpus.begin(), cpus.end(), kNotPinned);
      EXPECT_TRUE(unpinned == 0 || unpinned == static_cast<std::ptrdiff_t>(cpus.size()));
      for (const int cpu : cpus) {
        if (cpu == kNotPinned) continue;
        EXPECT_TRUE(used.insert(cpu).second) << cpu;
        EXPECT_TRUE(std::binary_search(allowed.begin(), allowed.end(), cpu)) << cpu;
      }
    }
  }
}

// Defect: two lanes share a core while another is free; or a second hardware thread is taken before the first.
TEST(PlacementCases, CoresComeBeforeSecondHardwareThreads) {
  int lanes_on_shared_cores = 0;
  for (const Case& one : all_cases()) {
    SCOPED_TRACE(trace_of(one));
    const HostPlan plan = skein::plan_host(one.host);
    std::map<int, Pu> pu_of;
    for (const Pu& pu : one.host.machine.pus) pu_of[pu.os_index] = pu;
    std::map<int, std::set<int>> threads_used_of_core;
    for (const auto& process : plan.processes) {
      for (const int cpu : process.cpus) {
        if (pu_of.contains(cpu)) threads_used_of_core[pu_of[cpu].core].insert(pu_of[cpu].thread_of_core);
      }
    }
    for (std::size_t i = 0; i < plan.processes.size(); ++i) {
      const ProcessFacts& facts = one.host.processes[i];
      if (facts.binding.kind == Binding::Kind::list) continue;
      for (const int cpu : plan.processes[i].cpus) {
        if (!pu_of.contains(cpu)) continue;
        const bool is_shared = threads_used_of_core[pu_of[cpu].core].size() > 1;
        lanes_on_shared_cores += is_shared ? 1 : 0;
        for (const int other : facts.allowed) {
          if (!pu_of.contains(other)) continue;
          const Pu& pu = pu_of[other];
          if (is_shared) {
            EXPECT_TRUE(threads_used_of_core.contains(pu.core)) << cpu << " while " << other << " is free";
          }
          if (pu.core == pu_of[cpu].core && pu.thread_of_core < pu_of[cpu].thread_of_core) {
            EXPECT_TRUE(threads_used_of_core[pu.core].contains(pu.thread_of_core)) << cpu << " before " << other;
          }
        }
      }
    }
  }
  EXPECT_GT(lanes_on_shared_cores, 0);
}

// Defect: default ranks crowd a machine that has a CPU for each process, or leave an undivided mask partly unused.
TEST(PlacementCases, DefaultRanksFit) {
  int compared = 0;
  for (const Case& one : all_cases()) {
    SCOPED_TRACE(trace_of(one));
    std::set<int> cpus;
    bool is_default = true;
    for (const ProcessFacts& process : one.host.processes) {
      cpus.insert(process.allowed.begin(), process.allowed.end());
      if (process.ranks || process.lanes || !process.limits.empty()) is_default = false;
    }
    if (!is_default) continue;
    std::size_t ranks = 0;
    for (const auto& process : skein::plan_host(one.host).processes) ranks += process.cpus.size();
    EXPECT_LE(ranks, std::max(cpus.size(), one.host.processes.size()));
    ++compared;
  }
  EXPECT_GT(compared, 10);
}

}  // namespace
