// SPDX-License-Identifier: Apache-2.0
#include "lineup.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "process_control.hpp"

namespace bench {

namespace {

using Environment = std::vector<EnvironmentValue>;

std::string as_text(const Environment& environment) {
  std::vector<std::string> parts;
  for (const EnvironmentValue& value : environment) parts.push_back(value.name + "=" + value.value);
  return fmt::format("{}", fmt::join(parts, " "));
}

// Contenders take turns on the same CPUs, so that locks would make the second one think it is not alone.
Environment skein_environment(int ranks, const char* mpi) {
  return {{"SKEIN_RANKS", std::to_string(ranks)}, {"SKEIN_MPI", mpi}, {"SKEIN_CPU_LOCKS", "0"}};
}

// The variables with which people choose Skein's behaviour, without those that this program sets.
std::string skein_setting() {
  std::string text;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    const std::string value = *entry;
    if (value.rfind("SKEIN_", 0) != 0 || value.rfind("SKEIN_RANKS=", 0) == 0 || value.rfind("SKEIN_MPI=", 0) == 0 ||
        value.rfind("SKEIN_CPU_LOCKS=", 0) == 0 || value.rfind("SKEIN_TEST_", 0) == 0)
      continue;
    text += (text.empty() ? "" : " ") + value;
  }
  return text.empty() ? "default" : text;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The launcher of the MPI that the programs were built with; the system may prefer another.
constexpr const char* kLauncher = SKEIN_BENCH_LAUNCHER;

std::string no_launcher() { return fmt::format("no launcher {}", kLauncher); }

// Standard output of `mpirun --version`, which tells whose it is.
std::string launcher_version() {
  const std::string command = fmt::format("'{}' --version 2>&1", kLauncher);
  FILE* pipe = ::popen(command.c_str(), "r");  // NOLINT(cert-env33-c): fixed when this was built
  if (pipe == nullptr) return "";
  std::string text;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
  ::pclose(pipe);
  return text;
}

class Builder {
 public:
  Builder(const BenchOptions& options, const MachineFacts& facts, std::string folder, std::string self)
      : options_(options),
        fits_(options.ranks <= static_cast<int>(facts.allowed.size())),
        whole_machine_(static_cast<int>(facts.allowed.size()) == facts.online),
        folder_(std::move(folder)),
        self_(std::move(self)) {
    if (find_program(kLauncher).empty()) return;
    launcher_ = kLauncher;
    const std::string version = launcher_version();  // mpiexec says OpenRTE where mpirun says Open MPI
    open_mpi_ = version.find("Open MPI") != std::string::npos || version.find("OpenRTE") != std::string::npos;
  }

  Lineup build(const MachineFacts& facts) {
    yardstick(facts);
    if (options_.hosts > 1) {
      hosts();
      return std::move(lineup_);
    }
    skein();
    for (const std::string& program : options_.contenders) other(program);
    if (!is_further_collective(options_.kind)) {
      openmp();
      threads("std", "std");
      threads("pthread", "pthread");
    }
    mpi();
    citor();
    return std::move(lineup_);
  }

 private:
  bool wanted(const std::string& name) const {
    return (options_.only.empty() || contains(options_.only, name)) && !contains(options_.skip, name);
  }

  void leave_out(const std::string& name, const std::string& reason) { lineup_.left_out.push_back({name, reason}); }

  // The program of a peer beside this one; empty, and left out, when it was not built.
  std::string peer_program(const std::string& name, const std::string& why_not) {
    std::string program = folder_ + "/skein-bench-" + name;
    if (!find_program(program).empty()) return program;
    leave_out(name, fmt::format("{} ({} does not exist)", why_not, program));
    return "";
  }

  void add(Role role, const std::string& label, ContenderSpec spec) {
    if (spec.setting.empty()) spec.setting = as_text(spec.environment);
    lineup_.entrants.push_back({role, label, std::move(spec)});
  }

  void yardstick(const MachineFacts& facts) {
    if (facts.allowed.size() < 2) {
      leave_out("line", "a line transfer needs two CPUs, this process may use one; no figure per line transfer");
      return;
    }
    const std::string program = peer_program("line", "the yardstick was not built");
    if (program.empty()) return;
    ContenderSpec spec{.name = "line", .command = {program}, .trailing = {"--pin"}, .ranks = 2};
    spec.setting = "one flag between 2 pinned threads, bare polls";
    add(Role::yardstick, "", spec);
    spec.setting = "the same with a pause between polls; for information";
    spec.trailing.insert(spec.trailing.end(), {"--form", "paused"});
    add(Role::second_yardstick, "paused", std::move(spec));
  }

  std::vector<std::string> launch(int processes, int ranks, const std::vector<std::string>& flags) const {
    std::vector<std::string> command{launcher_, "-n", std::to_string(processes)};
    if (open_mpi_ && (!fits_ || ranks > 2)) command.emplace_back("--oversubscribe");
    if (open_mpi_) command.insert(command.end(), flags.begin(), flags.end());
    return command;
  }

  Environment launcher_environment() const {
    if (!open_mpi_ || ::geteuid() != 0) return {};
    return {{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}};
  }

  void skein() {
    if (!wanted("skein")) return;
    const std::string setting = skein_setting();
    const auto single = [&](const std::string& name, const std::string& program) {
      return ContenderSpec{.name = name,
                           .setting = setting,
                           .command = {program},
                           .environment = skein_environment(options_.ranks, "off"),
                           .ranks = options_.ranks};
    };
    add(Role::subject, "", single("skein", self_));
    add(Role::control, "control", single("skein", self_));
    if (options_.processes == 1) return;
    if (launcher_.empty() || SKEIN_HAS_MPI == 0) {
      leave_out(fmt::format("skein, {} processes", options_.processes),
                launcher_.empty() ? no_launcher() : "this build has no MPI layer");
      return;
    }
    ContenderSpec spec = single("skein", self_);
    launch_skein(spec, options_.processes);
    add(Role::subject, "", std::move(spec));
  }

  // Makes the spec of a program on threads one of several processes.
  void launch_skein(ContenderSpec& spec, int processes) const {
    std::vector<std::string> command = launch(processes, spec.ranks, {"--bind-to", "none"});
    command.insert(command.end(), spec.command.begin(), spec.command.end());
    spec.command = std::move(command);
    spec.environment = skein_environment(spec.ranks / processes, "on");
    const Environment of_launcher = launcher_environment();
    spec.environment.insert(spec.environment.end(), of_launcher.begin(), of_launcher.end());
    spec.processes = processes;
    spec.launched = true;
  }

  // Skein between processes of which each is a host, beside MPI with a process per rank in its default setting: its others
  // need memory that all ranks share.
  void hosts() {
    if (launcher_.empty() || SKEIN_HAS_MPI == 0) {
      leave_out("skein and mpi, between hosts",
                launcher_.empty() ? "no mpirun on PATH" : "this build has no MPI layer");
      return;
    }
    const auto on_hosts = [&](const std::string& name, const std::string& program, int ranks) {
      ContenderSpec spec{.name = name,
                         .setting = fmt::format("{} hosts x {}, SKEIN_HOST=process, else {}", options_.hosts,
                                                ranks / options_.hosts, skein_setting()),
                         .command = {program},
                         .trailing = {"--hosts", std::to_string(options_.hosts)},
                         .ranks = ranks,
                         .hosts = options_.hosts};
      launch_skein(spec, options_.hosts);
      spec.environment.push_back({"SKEIN_HOST", "process"});
      return spec;
    };
    for (const int per_host : {1, 2}) {
      const int ranks = options_.hosts * per_host;
      if (wanted("skein")) add(Role::subject, "", on_hosts("skein", self_, ranks));
      if (wanted("skein") && ranks == options_.ranks) add(Role::control, "control", on_hosts("skein", self_, ranks));
      for (const std::string& program : options_.contenders)
        add(Role::peer, "other", on_hosts(program, program, ranks));
      if (!wanted("mpi")) continue;
      const std::string program = peer_program("mpi", "it was not built");
      if (!program.empty()) mpi_setting(program, "default", ranks, default_mpi_flags());
    }
  }

  void other(const std::string& program) {
    add(Role::peer, "other",
        {.name = program,
         .setting = skein_setting(),
         .command = {program},
         .environment = skein_environment(options_.ranks, "off"),
         .ranks = options_.ranks});
  }

  void openmp() {
    const Environment gomp_active{
        {"OMP_WAIT_POLICY", "active"}, {"OMP_PROC_BIND", "true"}, {"GOMP_SPINCOUNT", "infinite"}};
    const Environment omp_active{{"OMP_WAIT_POLICY", "active"},
                                 {"OMP_PROC_BIND", "true"},
                                 {"KMP_BLOCKTIME", "infinite"},
                                 {"KMP_LIBRARY", "turnaround"}};
    openmp_runtime("libgomp", gomp_active, "no g++ with -fopenmp was found when this was built");
    openmp_runtime("libomp", omp_active, "no clang++ with libomp was found when this was built");
  }

  void openmp_runtime(const std::string& name, const Environment& active, const std::string& why_not) {
    if (!wanted(name)) return;
    const std::string program = peer_program(name, why_not);
    if (program.empty()) return;
    const auto entrant = [&](const std::string& label, const Environment& environment, const std::string& form) {
      ContenderSpec spec{.name = name, .command = {program}, .environment = environment, .ranks = options_.ranks};
      spec.setting = environment.empty() ? "default" : as_text(environment);
      if (!form.empty()) {
        spec.setting += ", each operation its own parallel region";
        spec.trailing = {"--form", form};
      }
      add(Role::peer, label, std::move(spec));
    };
    entrant("default", {}, "");
    entrant("active", active, "");
    if (options_.kind == Kind::allreduce && options_.count == 1) entrant("reduction clause", active, "region");
  }

  void threads(const std::string& name, const std::string& program_name) {
    if (!wanted(name)) return;
    const std::string program = peer_program(program_name, "it was not built");
    if (program.empty()) return;
    ContenderSpec spec{.name = name, .setting = "default", .command = {program}, .ranks = options_.ranks};
    add(Role::peer, "default", spec);
    spec.setting = "one CPU for each thread";
    spec.trailing = {"--pin"};
    add(Role::peer, "pinned", std::move(spec));
  }

  void mpi() {
    if (!wanted("mpi")) return;
    if (launcher_.empty()) {
      leave_out("mpi", no_launcher());
      return;
    }
    const std::string program = peer_program("mpi", "MPI was not found when this was built, or it was switched off");
    if (program.empty()) return;
    const std::string binding = fits_ && whole_machine_ ? "core" : "none";
    mpi_setting(program, "default", options_.ranks, default_mpi_flags());
    if (!open_mpi_) return;
    mpi_setting(program, "coll sm", options_.ranks,
                {"--bind-to", binding, "--mca", "pml", "ob1", "--mca", "btl", "vader,self", "--mca", "coll_sm_priority",
                 "100"});
    mpi_setting(program, "coll tuned", options_.ranks,
                {"--bind-to", binding, "--mca", "pml", "ob1", "--mca", "btl", "vader,self"});
  }

  // Open MPI's default binding counts the cores of the machine and would leave the CPUs allowed here.
  std::vector<std::string> default_mpi_flags() const {
    return whole_machine_ ? std::vector<std::string>{} : std::vector<std::string>{"--bind-to", "none"};
  }

  void mpi_setting(const std::string& program, const std::string& label, int ranks,
                   const std::vector<std::string>& flags) {
    ContenderSpec spec{.name = "mpi",
                       .command = launch(ranks, ranks, flags),
                       .environment = launcher_environment(),
                       .ranks = ranks,
                       .processes = ranks,
                       .launched = true};
    spec.setting = fmt::format("{}", fmt::join(spec.command, " "));
    spec.command.push_back(program);
    add(Role::peer, label, std::move(spec));
  }

  void citor() {
    if (options_.kind != Kind::barrier || !wanted("citor")) return;
    if (find_program("skein-bench-citor").empty())
      leave_out("citor", "not in Debian, and no program skein-bench-citor that speaks the bench protocol is on PATH");
    else
      add(Role::peer, "default",
          {.name = "citor", .setting = "default", .command = {"skein-bench-citor"}, .ranks = options_.ranks});
  }

  const BenchOptions& options_;
  bool fits_;           // every rank can have an allowed CPU of its own
  bool whole_machine_;  // this process may use every CPU
  std::string folder_;
  std::string self_;
  std::string launcher_;  // empty: none
  bool open_mpi_ = false;
  Lineup lineup_;
};

}  // namespace

const std::vector<std::string>& contender_names() {
  static const std::vector<std::string> names{"skein", "libgomp", "libomp", "std", "pthread", "mpi", "citor"};
  return names;
}

Lineup make_lineup(const BenchOptions& options, const MachineFacts& facts, const std::string& folder,
                   const std::string& self) {
  return Builder(options, facts, folder, self).build(facts);
}

}  // namespace bench
