// SPDX-License-Identifier: Apache-2.0
#include "skein/mpi/world.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>

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

Verdict World::agree(const std::function<void()>& step) {
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
    return {static_cast<ExitCode>(codes[i]), static_cast<int>(i), std::string(text, messages[i].size())};
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
    const char* rank;
    const char* size;
    const char* name;
  };
  // Open MPI's mpirun; MPICH's and Intel's hydra, and srun with PMI-1 or PMI-2; srun with PMIx.
  static constexpr std::array<Known, 3> kKnown = {{{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "mpirun"},
                                                   {"PMI_RANK", "PMI_SIZE", "mpiexec"},
                                                   {"PMIX_RANK", "SLURM_NTASKS", "srun"}}};
  for (const Known& known : kKnown) {
    if (!environment_value(known.rank)) continue;
    const auto size = environment_value(known.size);
    return {known.name, size ? std::max(1, std::atoi(size->c_str())) : 1};
  }
  return {};
}

}  // namespace skein
