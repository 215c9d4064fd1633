// SPDX-License-Identifier: Apache-2.0
#include "text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "skein/base/environment.hpp"

namespace info {
namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kLabelColumns = 18;

std::string count(const Json& number, std::string_view noun, std::string_view plural_end = "s") {
  const auto value = number.get<std::uint64_t>();
  return fmt::format("{} {}{}", value, noun, value == 1 ? "" : plural_end);
}

std::string bytes_text(const Json& number) {
  if (number.is_null()) return "unlimited";
  constexpr std::array<std::string_view, 5> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = number.get<double>();
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.{}f} {}", value, value == static_cast<double>(static_cast<int>(value)) ? 0 : 1, kUnits[unit]);
}

/// Builds the text line by line; long values continue below their beginning.
class Page {
 public:
  void heading(const std::string& text) { text_ += fmt::format("{}{}\n", text_.empty() ? "" : "\n", text); }

  void line(std::string_view label, std::string_view value) {
    const std::size_t room = kColumns - kLabelColumns - 2;
    do {
      std::size_t end = value.size();
      if (end > room) {
        end = value.find_last_of(" ,", room - 1);  // a comma stays at the end of its line
        end = end == std::string_view::npos ? room : end + 1;
      }
      std::string_view part = value.substr(0, end);
      value.remove_prefix(end);
      while (part.ends_with(' ')) part.remove_suffix(1);
      text_ += fmt::format("  {:<{}}{}\n", label, kLabelColumns, part);
      label = "";
    } while (!value.empty());
  }

  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

void write_start(const Json& report, Page& page) {
  const Json& skein = report["skein"];
  page.heading(fmt::format("Skein {}", skein["version"].get<std::string>()));
  page.line("built with", fmt::format("{}, {}", skein["compiler"].get<std::string>(),
                                      skein["mpi_layer"] ? skein["built_with"].get<std::string>() : "no MPI"));
  const Json& launcher = report["launcher"];
  page.line("launcher", launcher["name"].is_null() ? "none"
                                                   : fmt::format("{}, {}", launcher["name"].get<std::string>(),
                                                                 count(launcher["processes"], "process", "es")));
  const auto library = report["mpi"]["library"].get<std::string>();
  page.line("MPI", library == "none" ? "not used" : library + ", " + report["mpi"]["thread_level"].get<std::string>());
  const Json& team = report["team"];
  page.line("team", fmt::format("{} in {} on {}", count(team["ranks"], "rank"),
                                count(team["processes"], "process", "es"), count(team["hosts"], "host")));
  if (!report["warnings"].empty()) page.line("warnings", count(report["warnings"].size(), "line") + " on stderr");
}

void write_machine(const Json& machine, Page& page) {
  page.heading(fmt::format("Machine {}: {}", machine["machine"].get<int>(), machine["name"].get<std::string>()));
  page.line("kernel", machine["kernel"].get<std::string>());
  page.line("model", machine["cpu"].get<std::string>());
  page.line("made of",
            fmt::format("{}, {}, {}, {}, {}, {} a core", count(machine["packages"], "package"),
                        count(machine["numa_domains"], "NUMA domain"), count(machine["l3_caches"], "L3 cache"),
                        count(machine["cores"], "core"), count(machine["cpus"], "CPU"),
                        count(machine["threads_per_core"], "hardware thread")));
  page.line("memory", fmt::format("{}, {} available", bytes_text(machine["memory"]["bytes"]),
                                  bytes_text(machine["memory"]["available_bytes"])));
  const Json& shm = machine["dev_shm"];
  page.line("/dev/shm", shm.is_null() ? "none; Skein needs none, the MPI library may"
                                      : fmt::format("{}, {} free; used by MPI libraries, not by Skein",
                                                    bytes_text(shm["bytes"]), bytes_text(shm["free_bytes"])));
}

void write_host(const Json& host, Page& page) {
  page.heading(fmt::format("Host {}, on machine {}", host["host"].get<int>(), host["machine"].get<int>()));
  page.line("processes",
            skein::number_ranges(host["processes"]) + (host["processes"].size() > 1 ? ", which share memory" : ""));
  page.line("ranks", skein::number_ranges(host["ranks"]));
  const Json& pattern = host["pattern"];
  page.line("pattern", fmt::format("{}: {}", pattern["name"].get<std::string>(), pattern["reason"].get<std::string>()));
  for (const Json& level : pattern["levels"]) {
    page.line("  in the " + level["level"].get<std::string>(),
              fmt::format("{} of at most {}: {}", count(level["groups"], "group"),
                          count(level["most_lanes_in_a_group"], "lane"), level["reason"].get<std::string>()));
  }
  page.line("shared arrays", "up to " + bytes_text(host["shared_array_bytes"]));
}

/// One line for ranks that follow each other under one L3.
void write_ranks(const Json& ranks, Page& page) {
  for (std::size_t begin = 0; begin < ranks.size();) {
    std::vector<int> numbers;
    std::vector<int> cpus;
    std::vector<int> cores;
    const Json& first = ranks[begin];
    for (; begin < ranks.size(); ++begin) {
      const Json& rank = ranks[begin];
      const auto differs = [&](const char* key) { return rank[key] != first[key]; };
      if (rank["cpu"].is_null() != first["cpu"].is_null() || differs("l3") || differs("numa_domain")) break;
      numbers.push_back(rank["rank"]);
      if (!rank["cpu"].is_null()) cpus.push_back(rank["cpu"]);
      if (!rank["core"].is_null()) cores.push_back(rank["core"]);
    }
    for (std::vector<int>* used : {&cpus, &cores}) {  // ranks that share a lane share its CPU
      used->erase(std::unique(used->begin(), used->end()), used->end());
    }
    const std::string label = fmt::format("  rank{} {}", numbers.size() == 1 ? "" : "s", skein::number_ranges(numbers));
    if (cpus.empty()) {
      page.line(label, "not pinned: the system moves them among the allowed CPUs");
    } else if (cores.empty()) {
      page.line(label, "CPU " + skein::number_ranges(cpus));
    } else {
      page.line(label, fmt::format("CPU {}: core {}, L3 {}, NUMA domain {}, package {}", skein::number_ranges(cpus),
                                   skein::number_ranges(cores), first["l3"].get<int>(), first["numa_domain"].get<int>(),
                                   first["package"].get<int>()));
    }
  }
}

void write_process(const Json& process, Page& page) {
  page.heading(fmt::format("Process {}, pid {}, on host {}", process["process"].get<int>(), process["pid"].get<int>(),
                           process["host"].get<int>()));
  const std::string allowed = skein::number_ranges(process["allowed_cpus"]);
  const std::size_t allowed_count = process["allowed_cpus"].size();
  page.line("allowed CPUs", fmt::format("{} ({} of {} that its cgroup offers)", allowed, allowed_count,
                                        process["offered_cpus"].get<int>()));
  std::vector<double> quotas = process["cpu_quotas"];
  page.line("CPU quota", quotas.empty() ? "none"
                                        : fmt::format("{:.2f} CPUs, the least of {}",
                                                      *std::min_element(quotas.begin(), quotas.end()),
                                                      count(quotas.size(), "cgroup limit")));
  const std::size_t lanes = process["ranks"].back()["lane"].get<std::size_t>() + 1;
  page.line("ranks", fmt::format("{}, {}{}", process["ranks"].size(),
                                 process["ranks_asked_for"].is_null() ? "its share of CPUs and quotas" : "as asked for",
                                 lanes < process["ranks"].size() ? fmt::format(", on {}", count(lanes, "lane")) : ""));
  write_ranks(process["ranks"], page);
  const Json& load = process["load"];
  page.line("load", fmt::format("{} on {}: {}", count(load["lanes"], "lane"), count(load["cpus"], "CPU"),
                                load["fits"] ? "one for each" : "they take turns, and steps are slow"));
  const std::vector<int> busy = process["cpus_of_other_jobs"];
  if (!busy.empty()) page.line("shared with", "another Skein job, on CPU " + skein::number_ranges(busy));
  page.line("waiting ranks", process["waiting"]["text"].get<std::string>());
}

void write_limits(const Json& process, Page& page) {
  const Json& limits = process["limits"];
  page.heading(fmt::format("Limits of process {}", process["process"].get<int>()));
  page.line("stack", fmt::format("{} for each rank; ulimit -s: {}, hard {}", bytes_text(limits["rank_stack_bytes"]),
                                 bytes_text(limits["stack_bytes"]), bytes_text(limits["stack_bytes_hard"])));
  page.line("cgroup memory", bytes_text(limits["cgroup_memory_bytes"]));
  page.line("address space", bytes_text(limits["address_space_bytes"]) + " (ulimit -v); bounds shared arrays");
  page.line("file size",
            bytes_text(limits["file_size_bytes"]) + " (ulimit -f); bounds shared arrays of several processes");
  const Json& threads = limits["threads_of_user"];
  page.line("threads",
            (threads.is_null() ? "unlimited" : threads.dump()) + " (ulimit -u); each rank but the first is one");
  page.line("locked memory",
            bytes_text(limits["locked_memory_bytes"]) + " (ulimit -l); fast networks under MPI want it");
}

std::string setting_text(const Json& setting) {
  const auto name = setting["name"].get<std::string>();
  const auto value = setting["value"].is_null() ? std::string("not set") : setting["value"].get<std::string>();
  return fmt::format("{:<16} {:<20} {}", name, value, setting["source"].get<std::string>());
}

/// All of process 0; of the others what differs from it.
void write_settings(const Json& processes, Page& page) {
  page.heading("Settings in effect");
  const Json& common = processes[0]["settings"];
  for (const Json& setting : common) {
    const Json& value = setting["value"];
    page.line(setting["name"].get<std::string>(),
              fmt::format("{} ({})", value.is_null() ? "not set" : value.get<std::string>(),
                          setting["source"].get<std::string>()));
  }
  for (const Json& process : processes) {
    for (std::size_t i = 0; i < common.size(); ++i) {
      const Json& setting = process["settings"][i];
      if (setting == common[i]) continue;
      page.line(fmt::format("process {}", process["process"].get<int>()), setting_text(setting));
    }
  }
}

}  // namespace

std::string to_text(const Json& report) {
  Page page;
  write_start(report, page);
  for (const Json& machine : report["machines"]) write_machine(machine, page);
  for (const Json& host : report["hosts"]) write_host(host, page);
  const Json& processes = report["processes"];
  for (const Json& process : processes) write_process(process, page);
  for (const Json& process : processes) {
    if (&process == &processes[0] || process["limits"] != processes[0]["limits"]) write_limits(process, page);
  }
  write_settings(processes, page);
  return std::move(page).text();
}

}  // namespace info
