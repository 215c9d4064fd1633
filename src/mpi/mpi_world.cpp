// SPDX-License-Identifier: Apache-2.0
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "mpi_network.hpp"
#include "skein/mpi.hpp"
#include "skein/mpi/world.hpp"

namespace skein {
namespace {

class MpiWorld final : public World {
 public:
  MpiWorld(ThreadNeed threads, std::optional<Communicator> over) {
    int is_initialized = 0;
    MPI_Initialized(&is_initialized);
    if (is_initialized == 0) {
      int provided = 0;
      MPI_Init_thread(nullptr, nullptr, threads == ThreadNeed::single ? MPI_THREAD_SINGLE : MPI_THREAD_FUNNELED,
                      &provided);
      is_owner_ = true;
    }
    MPI_Query_thread(&thread_level_);
    const MPI_Comm parent = over ? mpi_comm(*over) : MPI_COMM_WORLD;
    MPI_Comm_dup(parent, &comm_);
    MPI_Comm_dup(parent, &users_comm_);
    MPI_Comm_rank(comm_, &process_);
    MPI_Comm_size(comm_, &processes_);
    find_machines();
  }

  int process() const override { return process_; }
  int processes() const override { return processes_; }
  const std::vector<int>& machine_of_process() const override { return machines_; }
  bool allows_threads() const override { return thread_level_ >= MPI_THREAD_FUNNELED; }

  std::string library() const override {
    std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
    int length = 0;
    MPI_Get_library_version(text.data(), &length);
    std::string version(text.data(), static_cast<std::size_t>(length));
    version = version.substr(0, version.find_first_of(",\n"));
    std::replace(version.begin(), version.end(), '\t', ' ');
    return version;
  }

  std::string_view thread_level() const override {
    switch (thread_level_) {
      case MPI_THREAD_SINGLE:
        return "MPI_THREAD_SINGLE";
      case MPI_THREAD_FUNNELED:
        return "MPI_THREAD_FUNNELED";
      case MPI_THREAD_SERIALIZED:
        return "MPI_THREAD_SERIALIZED";
      default:
        return "MPI_THREAD_MULTIPLE";
    }
  }

  std::optional<Communicator> comm() const override { return communicator(users_comm_); }

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

  std::unique_ptr<Network> connect(const std::vector<int>& host_of_process) override {
    const int hosts = *std::max_element(host_of_process.begin(), host_of_process.end()) + 1;
    if (hosts == 1) return nullptr;
    const int host = host_of_process[static_cast<std::size_t>(process_)];
    const auto first = std::find(host_of_process.begin(), host_of_process.end(), host) - host_of_process.begin();
    MPI_Comm leaders = MPI_COMM_NULL;
    MPI_Comm_split(comm_, first == process_ ? 0 : MPI_UNDEFINED, host, &leaders);
    if (leaders == MPI_COMM_NULL) return nullptr;
    return std::make_unique<MpiNetwork>(leaders);
  }

  void finalize() override {
    MPI_Comm_free(&users_comm_);
    MPI_Comm_free(&comm_);
    if (is_owner_) MPI_Finalize();
  }

  // MPICH's MPI_Abort was seen to go on for ever when other threads live, so a timer ends the process if MPI does not.
  [[noreturn]] void abort(ExitCode code) override {
    static volatile std::sig_atomic_t exit_code;
    exit_code = static_cast<int>(code);
    struct sigaction action {};
    action.sa_handler = [](int) { _exit(exit_code); };
    sigaction(SIGALRM, &action, nullptr);
    constexpr unsigned kPatience_s = 2;
    alarm(kPatience_s);
    MPI_Abort(comm_, static_cast<int>(code));
    std::_Exit(static_cast<int>(code));
  }

 private:
  // A machine is known by the lowest of its processes.
  void find_machines() {
    MPI_Comm machine = MPI_COMM_NULL;
    MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, process_, MPI_INFO_NULL, &machine);
    int first = process_;
    MPI_Bcast(&first, 1, MPI_INT, 0, machine);
    MPI_Comm_free(&machine);
    std::vector<int> first_of(static_cast<std::size_t>(processes_));
    MPI_Allgather(&first, 1, MPI_INT, first_of.data(), 1, MPI_INT, comm_);
    std::vector<int> firsts = first_of;
    std::sort(firsts.begin(), firsts.end());
    firsts.erase(std::unique(firsts.begin(), firsts.end()), firsts.end());
    for (const int process : first_of) {
      machines_.push_back(static_cast<int>(std::lower_bound(firsts.begin(), firsts.end(), process) - firsts.begin()));
    }
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  MPI_Comm users_comm_ = MPI_COMM_NULL;
  int process_ = 0;
  int processes_ = 1;
  std::vector<int> machines_;
  int thread_level_ = MPI_THREAD_SINGLE;
  bool is_owner_ = false;
};

}  // namespace

std::unique_ptr<World> World::join(MpiUse use, ThreadNeed threads, std::optional<Communicator> comm) {
  int is_finalized = 0;
  MPI_Finalized(&is_finalized);
  if (is_finalized != 0 && (use != MpiUse::off || comm)) {
    throw Error(ExitCode::environment,
                "MPI has ended in this process and cannot be started again: keep one Runtime alive");
  }
  int is_initialized = 0;
  MPI_Initialized(&is_initialized);
  if (comm && is_initialized == 0) {
    throw Error(ExitCode::environment, "a communicator was given before MPI_Init: start MPI first, or give none");
  }
  const bool is_wanted = comm || use == MpiUse::on ||
                         (use == MpiUse::automatic && (is_initialized != 0 || !detect_launcher().name.empty()));
  if (is_wanted) return std::make_unique<MpiWorld>(threads, comm);
  return solo_world();
}

}  // namespace skein
