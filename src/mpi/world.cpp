// SPDX-License-Identifier: Apache-2.0
#include "skein/mpi/world.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>

#include "skein/base/environment.hpp"

namespace skein {
namespace {

class SoloWorld final : public World {
 public:
  int process() const override { return 0; }
  int processes() const override { return 1; }
  const std::vector<int>& machine_of_process() const override { return machines_; }
  bool allows_threads() const override { return true; }
  std::string library() const override { return "none"; }
  std::string_view thread_level() const override { return "none"; }
  std::optional<Communicator> comm() const override { return std::nullopt; }
  std::unique_ptr<Network> connect(const std::vector<int>&) override { return nullptr; }
  std::vector<std::vector<std::byte>> allgather(std::span<const std::byte> bytes) override {
    return {std::vector<std::byte>(bytes.begin(), bytes.end())};
  }
  void finalize() override {}
  [[noreturn]] void abort(ExitCode code) override { std::_Exit(static_cast<int>(code)); }

 private:
  std::vector<int> machines_{0};
};

}  // namespace

std::unique_ptr<World> solo_world() { return std::make_unique<SoloWorld>(); }

Verdict World::agree(const std::function<void()>& step, const Tell& tell) {
  Verdict own{ExitCode::ok, process(), {}};
  try {
    step();
  } catch (const Error& error) {
    own.code = failing_code(error.code());
    own.message = error.what();
  } catch (const std::exception& error) {
    own.code = ExitCode::parallel;
    own.message = error.what();
  } catch (...) {
    own.code = ExitCode::parallel;
    own.message = "an exception that is not a std::exception";
  }
  const std::vector<int> codes = allgather(static_cast<int>(own.code));
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] == 0) continue;
    const auto messages = allgather(std::as_bytes(std::span(own.message)));
    const auto* text = reinterpret_cast<const char*>(messages[i].data());
    Verdict verdict{static_cast<ExitCode>(codes[i]), static_cast<int>(i), std::string(text, messages[i].size())};
    try {
      if (tell && verdict.process == process()) tell(verdict.message);
    } catch (...) {  // out of memory: the others wait, and the code says enough
    }
    allgather(0);  // nobody leaves before it is told
    return verdict;
  }
  return {};
}

std::vector<int> World::allgather(int value) {
  std::vector<int> values;
  for (const auto& bytes : allgather(std::as_bytes(std::span(&value, 1)))) {
    std::memcpy(&values.emplace_back(), bytes.data(), sizeof(int));
  }
  return values;
}

Launcher detect_launcher() {
  struct Known {
    const char* name;
    std::array<const char*, 2> marks;  ///< all that are named must be set
    std::array<const char*, 2> sizes;  ///< the first that is set counts
  };
  // In this order: inside a Slurm job, mpirun and mpiexec start their processes through srun, which leaves its own marks.
  // Hydra (MPICH, Intel) sets MPI_LOCALRANKID, srun with PMI-1 or PMI-2 does not; SLURM_STEP_ID is set by srun only.
  static constexpr std::array<Known, 6> kKnown = {
      {{"mpirun", {"OMPI_COMM_WORLD_RANK"}, {"OMPI_COMM_WORLD_SIZE"}},
       {"mpiexec", {"PMI_RANK", "MPI_LOCALRANKID"}, {"PMI_SIZE"}},
       {"srun", {"PMI_RANK", "SLURM_STEP_ID"}, {"PMI_SIZE"}},
       {"srun", {"PMIX_RANK", "SLURM_STEP_ID"}, {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}},
       {"mpiexec", {"PMI_RANK"}, {"PMI_SIZE"}},
       {"prterun", {"PMIX_RANK"}, {"SLURM_NTASKS"}}}};
  const auto is_set = [](const char* name) { return name == nullptr || environment_value(name); };
  for (const Known& known : kKnown) {
    if (!std::all_of(known.marks.begin(), known.marks.end(), is_set)) continue;
    for (const char* name : known.sizes) {
      const auto size = name == nullptr ? std::nullopt : environment_value(name);
      if (size) return {known.name, std::max(1, std::atoi(size->c_str()))};
    }
    return {known.name, 1};
  }
  return {};
}

}  // namespace skein
