// SPDX-License-Identifier: Apache-2.0
#include "machine_facts.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <optional>
#include <sstream>

#include "skein/base/environment.hpp"
#include "skein/machine/machine.hpp"
#include "support/system_names.hpp"

namespace bench {

namespace {

std::string now_as_text() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S%z", &local);
  return text.data();
}

}  // namespace

MachineFacts machine_facts() {
  MachineFacts facts;
  facts.cpu = support::cpu_model();
  facts.kernel = support::kernel_name();
  facts.host = support::node_name();
  facts.compiler = support::compiler_name();
  facts.date = now_as_text();
  facts.allowed = skein::allowed_cpus();
  facts.affinity = skein::number_ranges(facts.allowed);
  facts.online = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  const std::optional<double> quota = skein::cpu_quota();
  facts.quota = quota ? fmt::format("{:.2f} CPUs", *quota) : "none";
  std::ifstream("/proc/loadavg") >> facts.load;
  return facts;
}

std::uint64_t steal_ticks(const std::vector<int>& cpus) {
  // "cpu0 user nice system idle iowait irq softirq steal ...", see proc(5).
  std::ifstream file("/proc/stat");
  std::uint64_t sum = 0;
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("cpu", 0) != 0 || line.size() < 4 || line[3] == ' ') continue;
    std::istringstream fields(line.substr(3));
    int cpu = -1;
    fields >> cpu;
    constexpr int kBeforeSteal = 7;
    std::uint64_t value = 0;
    for (int i = 0; i <= kBeforeSteal; ++i) fields >> value;
    if (fields && std::find(cpus.begin(), cpus.end(), cpu) != cpus.end()) sum += value;
  }
  return sum;
}

}  // namespace bench
