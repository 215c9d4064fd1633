// SPDX-License-Identifier: Apache-2.0
// A contender as the coordinator sees it: a started program, its processes, and its socket.
//
// Life     start() -> stopped -> (resume() -> run() -> stop())* -> end(). A contender that dies, hangs or answers
//          nonsense throws ContenderError with what is known, the end of its output included; the caller drops it.
// Groups   every program is the leader of its own process group; processes that a launcher started elsewhere are
//          known from their sockets. Stopping, continuing and killing go to all of these groups.
// Nobody is left behind: the destructor kills what still lives, and the kernel kills contenders whose parent died.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "protocol.hpp"

namespace bench {

struct EnvironmentValue {
  std::string name;
  std::string value;
};

// Everything needed to start one contender.
struct ContenderSpec {
  std::string name{};                   // as in the results: skein, libgomp, ...
  std::string setting{};                // for people: "default", "OMP_WAIT_POLICY=active ..."
  std::vector<std::string> command{};   // program and arguments, without those of the protocol
  std::vector<std::string> trailing{};  // arguments after those of the protocol
  std::vector<EnvironmentValue> environment{};
  int ranks = 2;          // of the whole team
  int processes = 1;      // that will connect
  int hosts = 1;          // that they take themselves for
  bool launched = false;  // by mpirun: its processes are its grandchildren
};

class ContenderError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Thrown when the user asked the bench to end (SIGINT, SIGTERM).
class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};

// Makes SIGINT and SIGTERM end the next wait with Interrupted. Once, by main().
void end_on_signals();

// The socket on which contenders report; one for all of them.
class Listener {
 public:
  Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();
  const std::string& name() const { return name_; }
  int descriptor() const { return descriptor_; }

 private:
  std::string name_;
  int descriptor_;
};

class Contender {
 public:
  // Starts the program, waits for all its processes, and stops them.
  static std::unique_ptr<Contender> start(const ContenderSpec& spec, int id, Listener& listener,
                                          std::chrono::milliseconds timeout);
  Contender(const Contender&) = delete;
  Contender& operator=(const Contender&) = delete;
  ~Contender();

  const ContenderSpec& spec() const { return spec_; }
  void stop();
  void resume();
  // Sends the command and waits for the reply. Requires: resumed.
  Reply run(const Command& command, std::chrono::milliseconds timeout);
  // Asks it to leave, and kills it if it has not after three seconds.
  void end();

 private:
  explicit Contender(ContenderSpec spec) : spec_(std::move(spec)) {}
  void launch(int id, const Listener& listener);
  void accept_all(int id, Listener& listener, std::chrono::milliseconds timeout);
  void signal_processes(int signal);
  bool exited();
  void kill_all();
  [[noreturn]] void fail(const std::string& what);
  std::string last_output() const;

  struct Process {
    pid_t pid;
    Channel channel;
  };
  ContenderSpec spec_;
  pid_t child_ = -1;     // the program that was started; -1 once it was reaped
  int exit_status_ = 0;  // as from waitpid, once reaped
  int output_ = -1;      // a memory file that takes its standard output and standard error
  std::vector<Process> processes_;
  std::size_t speaker_ = 0;  // index of process 0, which holds rank 0
};

}  // namespace bench
