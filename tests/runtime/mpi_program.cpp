// SPDX-License-Identifier: Apache-2.0
// Programs that use MPI themselves; their tests judge exit code and output from outside.
//
//   mpi_program attach [leave|throw]    one rank per process, with a main of its own; the last process leaves early
//   mpi_program attach-first            the first process fails while the others attach; all end with 0
//   mpi_program attach-alone            the same where the program does not know of MPI
//   mpi_program comm                    teams over parts of the processes, and MPI calls between Skein's
//   mpi_program single                  MPI grants MPI_THREAD_SINGLE
//   mpi_program init                    the program calls MPI_Init, which grants what it likes
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "skein/mpi.hpp"
#include "skein/skein.hpp"

namespace {

bool grants_single = false;

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

/// Collectives small and large, and memory of the host.
void use(skein::Team& team, int size) {
  require(team.size() == size, "the team has another size");
  const int sum = team.allreduce(team.rank(), skein::sum);
  require(sum == size * (size - 1) / 2, "an allreduce is wrong");
  std::vector<double> large(50'000, team.rank() == size - 1 ? 7.0 : 0.0);
  team.bcast(std::span(large), size - 1);
  require(large.back() == 7.0, "a large bcast is wrong");
  auto array = team.shared<int>(static_cast<std::size_t>(size));
  array[static_cast<std::size_t>(team.rank())] = team.rank() + 1;
  team.barrier();
  for (int rank = 0; rank < size; ++rank) {
    if (team.host_of(rank) != team.host()) continue;
    require(array[static_cast<std::size_t>(rank)] == rank + 1, "the memory is not shared");
  }
  skein::Request request = team.ibarrier();
  request.wait();
}

int processes_of(MPI_Comm comm) {
  int size = 0;
  MPI_Comm_size(comm, &size);
  return size;
}

int attach(const std::string& how) {
  MPI_Init(nullptr, nullptr);
  const int processes = processes_of(MPI_COMM_WORLD);
  for (int round = 0; round < 2; ++round) {
    skein::Attachment skein = skein::attach();
    use(skein.team(), processes);
    skein.team().per_process([&] { MPI_Barrier(MPI_COMM_WORLD); });
    const bool is_last = skein.team().rank() == processes - 1;
    if (how == "leave" && is_last) return 5;
    if (how == "throw" && is_last) throw std::runtime_error("the program broke");
    skein.team().barrier();
    skein.detach();
  }
  MPI_Finalize();
  std::puts("attached and detached");
  return 0;
}

// All end with 0: at another code the launcher might end the others before they have said what they heard.
int attach_first() try {
  skein::Attachment skein = skein::attach();
  if (skein.team().rank() == 0) throw std::domain_error("no input");
  use(skein.team(), skein.team().size());
  return 5;
} catch (const std::domain_error&) {
  return 0;
} catch (const skein::TeamAborted& error) {
  std::fputs(fmt::format("heard of code {}: {}\n", static_cast<int>(error.code()), error.what()).c_str(), stderr);
  return 0;
}

int attach_alone() {
  skein::Attachment skein = skein::attach();
  use(skein.team(), skein.team().processes());
  skein.team().log("{} attached", skein.team().size());
  skein.detach();
  return 0;
}

int use_comms() {
  int level = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &level);
  int process = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &process);
  MPI_Comm half = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, process % 2, -process, &half);  // the other way round
  int code = 0;
  {
    const int processes = processes_of(half);
    skein::Runtime runtime(skein::communicator(half));
    const MPI_Comm mine = skein::mpi_comm(*runtime.comm());
    code = runtime.run([&](skein::Team& team) {
      use(team, runtime.size());
      int sum = 0;
      const int one = 1;
      team.per_process([&] { MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, mine); });
      require(team.processes() == processes, "the team is not over the communicator");
      if (team.rank() == 0) require(sum == processes, "MPI between Skein's calls is wrong");
    });
  }
  if (code == 0) {
    skein::Runtime runtime(skein::communicator(MPI_COMM_WORLD));
    code = runtime.run([&](skein::Team& team) {
      use(team, runtime.size());
      team.log("{} ranks in {} processes after their halves", team.size(), team.processes());
    });
  }
  MPI_Comm_free(&half);
  MPI_Finalize();
  return code;
}

int run_plain(int argc, char** argv) {
  skein::Runtime runtime(argc, argv);
  return runtime.run([&](skein::Team& team) {
    use(team, runtime.size());
    team.log("ran with {} ranks in {} processes", team.size(), team.processes());
  });
}

}  // namespace

extern "C" int MPI_Query_thread(int* provided) {
  const int status = PMPI_Query_thread(provided);
  if (grants_single) *provided = MPI_THREAD_SINGLE;
  return status;
}

// What process 0 has to say after the end of MPI comes too late: the launcher ends it once another process has failed.
extern "C" int MPI_Finalize() {
  int process = 0;
  PMPI_Comm_rank(MPI_COMM_WORLD, &process);
  const int status = PMPI_Finalize();
  if (grants_single && process == 0) std::this_thread::sleep_for(std::chrono::seconds(1));
  return status;
}

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  try {
    if (what == "attach") return attach(argc > 2 ? argv[2] : "");
    if (what == "attach-first") return attach_first();
    if (what == "attach-alone") return attach_alone();
    if (what == "comm") return use_comms();
  } catch (const skein::Error& error) {
    std::fputs(fmt::format("ended by: {}\n", error.what()).c_str(), stderr);
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::fputs(fmt::format("ended by: {}\n", error.what()).c_str(), stderr);
    return 5;
  }
  grants_single = what == "single";
  if (what != "init") return run_plain(argc, argv);
  MPI_Init(&argc, &argv);
  const int code = run_plain(argc, argv);
  MPI_Finalize();
  return code;
}
