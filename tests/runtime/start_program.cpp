// SPDX-License-Identifier: Apache-2.0
// A program whose start can be made to fail; its tests judge exit code and output from outside.
//
//   start_program log                    logs one line, and checks what all processes share
//   start_program agree PROCESS CODE     a step that fails in PROCESS (-1: in all) with CODE
//   start_program threads PROCESS COUNT  in PROCESS only COUNT threads start
//   start_program no-socket              no process can use Unix sockets
//   start_program no-segment             nor open what another process has open
//   start_program beside PROGRAM ARGS... runs PROGRAM while its own ranks are placed
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "lane/failing_threads.hpp"
#include "skein/skein.hpp"

namespace {

bool has_sockets = true;
bool has_proc = true;

void share(skein::Team& team) {
  auto array = team.shared<int>(1000);
  for (int& value : array.block()) value = team.rank() + 1;
  team.barrier();
  for (int rank = 0; rank < team.size(); ++rank) {
    const skein::BlockRange block = skein::block_range(array.size(), team.size(), rank);
    if (team.host_of(rank) != team.host()) continue;
    if (!block.empty() && array[block.end - 1] != rank + 1) throw std::runtime_error("the memory is not shared");
  }
  team.log("one team of {} ranks in {} processes{}", team.size(), team.processes(),
           team.hosts() > 1 ? " on " + std::to_string(team.hosts()) + " hosts" : "");
}

}  // namespace

extern "C" {
int __real_bind(int socket, const sockaddr* address, socklen_t length);
int __wrap_bind(int socket, const sockaddr* address, socklen_t length) {
  if (has_sockets) return __real_bind(socket, address, length);
  errno = EPERM;
  return -1;
}

int __real_open(const char* path, int flags, ...);
int __wrap_open(const char* path, int flags, ...) {
  if (has_proc || std::string(path).rfind("/proc/", 0) != 0) return __real_open(path, flags);
  errno = EACCES;
  return -1;
}
}

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "log";
  const int where = argc > 2 && what != "beside" ? std::atoi(argv[2]) : 0;
  const int number = argc > 3 ? std::atoi(argv[3]) : 0;
  has_sockets = what != "no-socket" && what != "no-segment";
  has_proc = what != "no-segment";
  skein::Runtime runtime(argc, argv);
  const bool is_chosen = where == -1 || where == runtime.process();
  if (what == "agree") {
    const int threads = failing_threads::count();
    const int code = runtime.agree([&] {
      if (is_chosen) {
        throw skein::Error(static_cast<skein::ExitCode>(number),
                           "the input of process " + std::to_string(runtime.process()) + " is bad");
      }
    });
    if (failing_threads::count() != threads) std::fprintf(stderr, "threads were started\n");
    return code;
  }
  if (what == "threads" && is_chosen) failing_threads::allowed = number;
  if (what == "beside") {
    const pid_t child = fork();
    if (child == 0) {
      execv(argv[2], argv + 2);
      _exit(126);
    }
    int status = -1;
    waitpid(child, &status, 0);
    if (status != 0) return 1;
  }
  return runtime.run(share);
}
