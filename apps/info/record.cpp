// SPDX-License-Identifier: Apache-2.0
#include "record.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "skein/version.hpp"
#include "support/system_names.hpp"
#include "system_facts.hpp"

namespace info {
namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

/// Null: without end.
Json microseconds(std::chrono::nanoseconds time) {
  if (time == skein::kForever) return nullptr;
  return std::chrono::duration<double, std::micro>(time).count();
}

std::string waiting_text(const skein::WaitBudget& budget) {
  const auto micro = [](std::chrono::nanoseconds time) { return time.count() / 1000; };
  if (budget.spin == skein::kForever) return "poll, and never give up the CPU";
  std::string text = "poll";
  if (budget.spin.count() > 0) text += fmt::format(" for {} us", micro(budget.spin));
  if (budget.yield == skein::kForever) return text + ", then yield between polls, and never sleep";
  if (budget.yield.count() > 0) text += fmt::format(", then yield for {} us", micro(budget.yield));
  return text + ", then sleep";
}

Json ranks(const skein::Description& run) {
  Json list = Json::array();
  for (std::size_t i = 0; i < run.cpus.size(); ++i) {
    const int cpu = run.cpus[i];
    const auto& pus = run.machine.pus;
    const auto pu = std::find_if(pus.begin(), pus.end(), [&](const skein::Pu& p) { return p.os_index == cpu; });
    Json rank = {{"rank", run.first_rank + static_cast<int>(i)},
                 {"lane", run.lanes[i]},
                 {"cpu", nullptr},
                 {"core", nullptr},
                 {"l3", nullptr},
                 {"numa_domain", nullptr},
                 {"package", nullptr}};
    if (cpu != skein::kNotPinned) rank["cpu"] = cpu;
    if (pu != pus.end()) {
      rank["core"] = pu->core;
      rank["l3"] = pu->l3;
      rank["numa_domain"] = pu->numa;
      rank["package"] = pu->package;
    }
    list.push_back(std::move(rank));
  }
  return list;
}

Json settings(const skein::Description& run) {
  Json list = Json::array();
  for (const skein::Setting& setting : skein::settings_of(run.options)) {
    list.push_back({{"name", setting.name},
                    {"value", or_null(setting.value)},
                    {"source", setting.is_from_environment ? "environment" : "default"}});
  }
  return list;
}

Json process(const skein::Description& run) {
  Json quotas = Json::array();
  for (const skein::CpuLimit& limit : run.facts.limits) quotas.push_back(limit.cpus);
  const bool fits = run.load.lanes <= run.load.cpus;
  return {
      {"process", run.process},
      {"pid", getpid()},
      {"machine", run.machine_of_process[index(run.process)]},
      {"host", run.host_of_process[index(run.process)]},
      {"allowed_cpus", run.facts.allowed},
      {"offered_cpus", run.facts.offered},
      {"cpu_quotas", quotas},
      {"ranks_asked_for", or_null(run.facts.ranks)},
      {"ranks", ranks(run)},
      {"load", {{"lanes", run.load.lanes}, {"cpus", run.load.cpus}, {"fits", fits}}},
      {"cpus_of_other_jobs", run.busy_cpus},
      {"waiting",
       {{"spin_us", microseconds(run.waiting.spin)},
        {"yield_us", microseconds(run.waiting.yield)},
        {"text", waiting_text(run.waiting)}}},
      {"limits",
       {{"cgroup_memory_bytes", or_null(cgroup_memory_bytes())},
        {"address_space_bytes", or_null(resource_limit(RLIMIT_AS))},
        {"file_size_bytes", or_null(resource_limit(RLIMIT_FSIZE))},
        {"locked_memory_bytes", or_null(resource_limit(RLIMIT_MEMLOCK))},
        {"threads_of_user", or_null(resource_limit(RLIMIT_NPROC))},
        {"open_files", or_null(resource_limit(RLIMIT_NOFILE))},
        {"stack_bytes", or_null(resource_limit(RLIMIT_STACK))},
        {"stack_bytes_hard", or_null(resource_limit(RLIMIT_STACK, Bound::hard))},
        {"rank_stack_bytes", run.options.stack_bytes}}},
      {"settings", settings(run)},
      {"warnings", run.warnings},
  };
}

Json machine(const skein::Description& run) {
  std::set<int> packages;
  std::set<int> domains;
  std::set<int> caches;
  std::set<int> cores;
  int threads_per_core = 0;
  for (const skein::Pu& pu : run.machine.pus) {
    packages.insert(pu.package);
    domains.insert(pu.numa);
    caches.insert(pu.l3);
    cores.insert(pu.core);
    threads_per_core = std::max(threads_per_core, pu.thread_of_core + 1);
  }
  const Space ram = memory();
  Json shm = nullptr;
  if (const auto space = space_of("/dev/shm")) shm = {{"bytes", space->bytes}, {"free_bytes", space->free_bytes}};
  return {{"machine", run.machine_of_process[index(run.process)]},
          {"name", support::node_name()},
          {"kernel", support::kernel_name()},
          {"cpu", support::cpu_model()},
          {"packages", packages.size()},
          {"numa_domains", domains.size()},
          {"l3_caches", caches.size()},
          {"cores", cores.size()},
          {"cpus", run.machine.pus.size()},
          {"threads_per_core", threads_per_core},
          {"memory", {{"bytes", ram.bytes}, {"available_bytes", ram.free_bytes}}},
          {"dev_shm", shm}};
}

std::string_view reason_of(skein::Level level, skein::Pattern pattern) {
  if (pattern == skein::Pattern::gather_release) return "one lane reads all others and releases them";
  if (level == skein::Level::l3) return "lanes under one L3 cache meet first, where lines travel fastest";
  if (level == skein::Level::numa) return "then one lane for each L3 cache of the NUMA domain";
  return "then one lane for each NUMA domain";
}

Json levels(const skein::Formation& formation) {
  Json list = Json::array();
  for (const skein::Level level : {skein::Level::l3, skein::Level::numa, skein::Level::host}) {
    std::size_t groups = 0;
    std::size_t most = 0;
    for (const skein::Group& group : formation.groups) {
      if (group.level != level) continue;
      ++groups;
      most = std::max(most, group.members.size() + 1);
    }
    if (groups == 0) continue;
    list.push_back({{"level", skein::level_name(level)},
                    {"groups", groups},
                    {"most_lanes_in_a_group", most},
                    {"reason", reason_of(level, formation.pattern)}});
  }
  return list;
}

Json host(const skein::Description& run) {
  const int own = run.host_of_process[index(run.process)];
  std::vector<int> processes;
  for (std::size_t i = 0; i < run.host_of_process.size(); ++i) {
    if (run.host_of_process[i] == own) processes.push_back(static_cast<int>(i));
  }
  return {{"host", own},
          {"machine", run.machine_of_process[index(run.process)]},
          {"processes", processes},
          {"ranks", run.ranks_of_host},
          {"pattern",
           {{"name", skein::pattern_name(run.formation.pattern)},
            {"reason", run.formation.reason},
            {"levels", levels(run.formation)}}},
          {"shared_array_bytes", run.heap_bytes}};
}

Json common(const skein::Description& run) {
  const auto hosts = std::set<int>(run.host_of_process.begin(), run.host_of_process.end()).size();
  const std::string built_with = mpi_of_build();
  return {{"skein",
           {{"version", SKEIN_VERSION_STRING},
            {"compiler", support::compiler_name()},
            {"mpi_layer", !built_with.empty()},
            {"built_with", or_null(built_with)}}},
          {"launcher", {{"name", or_null(run.launcher.name)}, {"processes", run.launcher.processes}}},
          {"mpi", {{"library", run.mpi_library}, {"thread_level", run.thread_level}}},
          {"team", {{"ranks", run.size}, {"processes", run.host_of_process.size()}, {"hosts", hosts}}}};
}

}  // namespace

Json record_of(const skein::Description& run) {
  return {{"common", common(run)}, {"machine", machine(run)}, {"host", host(run)}, {"process", process(run)}};
}

}  // namespace info
