// SPDX-License-Identifier: Apache-2.0
#include <mpi.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "skein/mpi/world.hpp"

namespace skein {
namespace {

class MpiWorld final : public World {
 public:
  MpiWorld() {
    int is_initialized = 0;
    MPI_Initialized(&is_initialized);
    if (is_initialized != 0) {
      MPI_Query_thread(&thread_level_);
    } else {
      MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &thread_level_);
      is_owner_ = true;
    }
    MPI_Comm_dup(MPI_COMM_WORLD, &comm_);
    MPI_Comm_rank(comm_, &process_);
    MPI_Comm_size(comm_, &processes_);
    MPI_Comm host = MPI_COMM_NULL;
    MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, process_, MPI_INFO_NULL, &host);
    int host_rank = 0;
    MPI_Comm_rank(host, &host_rank);
    MPI_Comm_free(&host);
    const int is_first_of_host = host_rank == 0 ? 1 : 0;
    MPI_Allreduce(&is_first_of_host, &hosts_, 1, MPI_INT, MPI_SUM, comm_);
  }

  int process() const override { return process_; }
  int processes() const override { return processes_; }
  int hosts() const override { return hosts_; }
  bool allows_threads() const override { return thread_level_ >= MPI_THREAD_FUNNELED; }

  std::string library() const override {
    std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
    int length = 0;
    MPI_Get_library_version(text.data(), &length);
    const std::string version(text.data(), static_cast<std::size_t>(length));
    return version.substr(0, version.find_first_of(",\n"));
  }

  std::vector<std::vector<std::byte>> allgather(std::span<const std::byte> bytes) override {
    const int own = static_cast<int>(bytes.size());
    std::vector<int> sizes(static_cast<std::size_t>(processes_));
    MPI_Allgather(&own, 1, MPI_INT, sizes.data(), 1, MPI_INT, comm_);
    std::vector<int> offsets(sizes.size());
    std::exclusive_scan(sizes.begin(), sizes.end(), offsets.begin(), 0);
    std::vector<std::byte> all(static_cast<std::size_t>(offsets.back() + sizes.back()));
    MPI_Allgatherv(bytes.data(), own, MPI_BYTE, all.data(), sizes.data(), offsets.data(), MPI_BYTE, comm_);
    std::vector<std::vector<std::byte>> result;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const auto begin = all.begin() + offsets[i];
      result.emplace_back(begin, begin + sizes[i]);
    }
    return result;
  }

  void finalize() override {
    MPI_Comm_free(&comm_);
    if (is_owner_) MPI_Finalize();
  }

  [[noreturn]] void abort(ExitCode code) override {
    MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
    std::_Exit(static_cast<int>(code));
  }

 private:
  MPI_Comm comm_ = MPI_COMM_NULL;
  int process_ = 0;
  int processes_ = 1;
  int hosts_ = 1;
  int thread_level_ = MPI_THREAD_SINGLE;
  bool is_owner_ = false;
};

}  // namespace

std::unique_ptr<World> World::join(MpiUse use) {
  int is_finalized = 0;
  MPI_Finalized(&is_finalized);
  if (is_finalized != 0 && use != MpiUse::off) {
    throw Error(ExitCode::environment,
                "MPI has ended in this process and cannot be started again: keep one Runtime alive");
  }
  int is_initialized = 0;
  MPI_Initialized(&is_initialized);
  const bool is_wanted =
      use == MpiUse::on || (use == MpiUse::automatic && (is_initialized != 0 || !detect_launcher().name.empty()));
  if (is_wanted) return std::make_unique<MpiWorld>();
  return solo_world();
}

}  // namespace skein
