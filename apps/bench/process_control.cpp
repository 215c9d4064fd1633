// SPDX-License-Identifier: Apache-2.0
#include "process_control.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>

namespace bench {

namespace {

constexpr std::array<std::string_view, 4> kRemoved{"OMP_", "GOMP_", "KMP_", "OMPI_MCA_mpi_yield_when_idle="};

bool starts_with_name(const std::string& entry, const std::string& name) {
  return entry.size() > name.size() && entry.compare(0, name.size(), name) == 0 && entry[name.size()] == '=';
}

// The scheduler's letter of a thread: the first field after the command's closing parenthesis.
char state_of(const std::string& stat_file) {
  std::ifstream file(stat_file);
  std::string line;
  std::getline(file, line);
  const auto end = line.rfind(") ");
  return end == std::string::npos || end + 2 >= line.size() ? '?' : line[end + 2];
}

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Listener::Listener() : descriptor_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
  std::random_device random;
  name_ = fmt::format("skein-bench-{}-{:08x}{:08x}", ::getpid(), random(), random());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name_.data(), name_.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name_.size());
  constexpr int kBacklog = 128;
  if (descriptor_ < 0 || ::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
      ::listen(descriptor_, kBacklog) != 0)
    throw std::runtime_error(fmt::format("cannot listen for contenders: {}", std::system_category().message(errno)));
}

Listener::~Listener() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int memory_file() {
  const int file = ::memfd_create("contender-output", MFD_CLOEXEC);
  if (file < 0) throw std::runtime_error(fmt::format("no memory file: {}", std::system_category().message(errno)));
  return file;
}

std::vector<std::string> environment_with(std::span<const EnvironmentValue> values) {
  std::vector<std::string> environment;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    bool keep = true;
    for (const std::string_view prefix : kRemoved) keep = keep && text.compare(0, prefix.size(), prefix) != 0;
    for (const EnvironmentValue& value : values) keep = keep && !starts_with_name(text, value.name);
    if (keep) environment.push_back(text);
  }
  for (const EnvironmentValue& value : values) environment.push_back(value.name + "=" + value.value);
  return environment;
}

pid_t start_program(const std::vector<std::string>& arguments, const std::vector<std::string>& environment, int output,
                    int signal_at_parents_death) {
  const std::string program = find_program(arguments.front());
  if (program.empty()) throw ContenderError(fmt::format("no program '{}' that can be started", arguments.front()));
  const std::vector<char*> argument_pointers = pointers_to(arguments);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0)
    throw std::runtime_error(fmt::format("cannot start '{}': {}", program, std::system_category().message(errno)));
  if (child == 0) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, signal_at_parents_death);
    if (::getppid() != parent) ::_exit(1);
    const int empty = ::open("/dev/null", O_RDONLY);
    ::dup2(empty, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::execve(program.c_str(), argument_pointers.data(), environment_pointers.data());
    constexpr int kCannotExecute = 126;
    ::_exit(kCannotExecute);
  }
  ::setpgid(child, child);  // here as well: whoever comes first
  return child;
}

bool reap(pid_t child, int& status) {
  const pid_t got = ::waitpid(child, &status, WNOHANG);
  return got == child || (got < 0 && errno == ECHILD);
}

void wait_for_end(pid_t child, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (std::chrono::steady_clock::now() < deadline) {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == child)
      return;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

bool all_threads_stopped(pid_t pid) {
  const std::string folder = fmt::format("/proc/{}/task", pid);
  DIR* directory = ::opendir(folder.c_str());
  if (directory == nullptr) return false;
  bool stopped = true;
  while (const dirent* entry = ::readdir(directory)) {  // NOLINT(concurrency-mt-unsafe): one thread, own stream
    if (entry->d_name[0] == '.') continue;
    const char state = state_of(fmt::format("{}/{}/stat", folder, entry->d_name));
    if (state != 'T' && state != 't') stopped = false;
  }
  ::closedir(directory);
  return stopped;
}

bool is_contender_process(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/cmdline", pid), std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str().find(fmt::format("skein-bench-{}-", ::getpid())) != std::string::npos;
}

std::string describe_exit(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("killed by signal {} ({})", WTERMSIG(status), ::sigdescr_np(WTERMSIG(status)));
  return fmt::format("exit status {}", WEXITSTATUS(status));
}

std::string find_program(const std::string& program) {
  if (program.find('/') != std::string::npos) return ::access(program.c_str(), X_OK) == 0 ? program : "";
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): no thread of this program sets it
  std::stringstream folders(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path);
  std::string folder;
  while (std::getline(folders, folder, ':')) {
    std::string file = (folder.empty() ? "." : folder) + "/" + program;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

}  // namespace bench
