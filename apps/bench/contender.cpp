// SPDX-License-Identifier: Apache-2.0
#include "contender.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <set>
#include <thread>

#include "process_control.hpp"

namespace bench {

namespace {

// For a contender that is told to end, or its launcher: a killed one leaves what its runtime keeps in /dev/shm.
constexpr std::chrono::seconds kEndingTime{20};

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How often a wait looks whether the program it waits for has ended.
constexpr milliseconds kLook{50};

// Set by the signal handler, read by every wait. [ask] [see]: relaxed, it orders nothing.
std::atomic<bool> interrupted{false};  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables): a handler's

int milliseconds_left(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::clamp(left, milliseconds{0}, kLook).count());
}

double seconds(milliseconds time) { return std::chrono::duration<double>(time).count(); }

// True when the descriptor has something to read (or was closed by the other side), false after a short while.
bool readable(int descriptor, Clock::time_point deadline) {
  pollfd wanted{.fd = descriptor, .events = POLLIN, .revents = 0};
  const int ready = ::poll(&wanted, 1, milliseconds_left(deadline));
  if (interrupted.load(std::memory_order_relaxed)) throw Interrupted();  // [see]
  return ready > 0;
}

}  // namespace

void end_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted.store(true, std::memory_order_relaxed); };  // [ask]
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

std::unique_ptr<Contender> Contender::start(const ContenderSpec& spec, int id, Listener& listener,
                                            milliseconds timeout) {
  std::unique_ptr<Contender> contender(new Contender(spec));
  contender->launch(id, listener);
  contender->accept_all(id, listener, timeout);
  contender->stop();
  return contender;
}

Contender::~Contender() {
  kill_all();
  if (output_ >= 0) ::close(output_);
}

void Contender::launch(int id, const Listener& listener) {
  std::vector<std::string> arguments = spec_.command;
  for (const std::string& argument :
       {std::string("serve"), std::string("--connect"), listener.name(), std::string("--id"), std::to_string(id),
        std::string("--ranks"), std::to_string(spec_.ranks)})
    arguments.push_back(argument);
  arguments.insert(arguments.end(), spec_.trailing.begin(), spec_.trailing.end());
  output_ = memory_file();
  // A launcher ends its processes and removes their files in /dev/shm when it is asked to; killed, it could not.
  const int last_signal = spec_.launched ? SIGTERM : SIGKILL;
  child_ = start_program(arguments, environment_with(spec_.environment), output_, last_signal);
}

void Contender::accept_all(int id, Listener& listener, milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (processes_.size() < static_cast<std::size_t>(spec_.processes)) {
    if (exited()) fail("ended before it had connected");
    if (Clock::now() >= deadline)
      fail(fmt::format("{} of {} processes connected within {} s", processes_.size(), spec_.processes,
                       seconds(timeout)));
    if (!readable(listener.descriptor(), deadline)) continue;
    Channel channel(::accept4(listener.descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
    ucred peer{};
    socklen_t size = sizeof peer;
    if (channel.descriptor() < 0 || ::getsockopt(channel.descriptor(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        peer.uid != ::geteuid())
      continue;  // somebody else's
    while (!readable(channel.descriptor(), deadline))
      if (Clock::now() >= deadline || exited()) fail("connected, but did not introduce itself");
    Hello hello;
    if (::recv(channel.descriptor(), &hello, sizeof hello, MSG_DONTWAIT) != static_cast<ssize_t>(sizeof hello) ||
        hello.version != kVersion)
      fail("speaks another version of the bench protocol");
    if (hello.contender != id) continue;  // a late one of a contender that was given up
    if (hello.processes != spec_.processes || hello.ranks != spec_.ranks)
      fail(fmt::format("became {} ranks in {} processes; wanted {} ranks in {}", hello.ranks, hello.processes,
                       spec_.ranks, spec_.processes));
    if (hello.process == 0) speaker_ = processes_.size();
    processes_.push_back(Process{peer.pid, std::move(channel)});
  }
}

void Contender::signal_processes(int signal) {
  std::set<pid_t> groups;
  for (const Process& process : processes_) {
    const pid_t group = ::getpgid(process.pid);
    if (group <= 0) continue;  // it has ended; whoever waits for it next says so
    // The launcher itself is left alone: it sleeps, and would forward the signal to processes that have it already.
    const bool of_launcher = spec_.launched && group == child_;
    if (of_launcher || group == ::getpgrp())
      ::kill(process.pid, signal);
    else
      groups.insert(group);
  }
  for (const pid_t group : groups) ::kill(-group, signal);
}

void Contender::stop() {
  signal_processes(SIGSTOP);
  const auto deadline = Clock::now() + milliseconds{2000};
  for (const Process& process : processes_)
    while (!all_threads_stopped(process.pid)) {
      if (exited()) fail("died");
      if (Clock::now() >= deadline) fail("cannot be stopped");
      std::this_thread::yield();
    }
}

void Contender::resume() { signal_processes(SIGCONT); }

Reply Contender::run(const Command& command, milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  const Channel& speaker = processes_[speaker_].channel;
  try {
    processes_[speaker_].channel.send(command);
  } catch (const std::runtime_error&) {
    fail("died");
  }
  while (!readable(speaker.descriptor(), deadline)) {
    for (const Process& process : processes_) {
      std::byte unused{};
      if (::recv(process.channel.descriptor(), &unused, 1, MSG_DONTWAIT | MSG_PEEK) == 0) fail("a process of it died");
    }
    if (Clock::now() >= deadline) fail(fmt::format("no answer within {} s", seconds(timeout)));
  }
  std::vector<std::byte> bytes(sizeof(ReplyHeader) + kMaxTimes * sizeof(std::int64_t));
  const ssize_t got = ::recv(speaker.descriptor(), bytes.data(), bytes.size(), 0);
  if (got <= 0) fail("died");
  ReplyHeader header;
  const auto size = static_cast<std::size_t>(got);
  if (size < sizeof header) fail("answered nonsense");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.version != kVersion || header.times > kMaxTimes ||
      size != sizeof header + header.times * sizeof(std::int64_t))
    fail("answered nonsense");
  if (header.status == Status::wrong_result) fail("computed a wrong sum");
  Reply reply{.status = header.status, .times_ns = std::vector<std::int64_t>(header.times)};
  std::memcpy(reply.times_ns.data(), bytes.data() + sizeof header, header.times * sizeof(std::int64_t));
  return reply;
}

void Contender::end() {
  if (child_ < 0) return;
  resume();
  try {
    processes_[speaker_].channel.send(Command{});
  } catch (const std::runtime_error&) {
    // it has gone already
  }
  wait_for_end(child_, kEndingTime);
  kill_all();
}

bool Contender::exited() {
  if (child_ < 0) return true;
  if (!reap(child_, exit_status_)) return false;
  child_ = -1;
  return true;
}

void Contender::kill_all() {
  if (!exited() && spec_.launched) {
    // The launcher is asked first: it removes its session files. Its processes must run to be told.
    signal_processes(SIGCONT);
    ::kill(child_, SIGTERM);
    wait_for_end(child_, kEndingTime);
  }
  if (!exited()) {
    ::kill(-child_, SIGKILL);
    while (!exited()) std::this_thread::sleep_for(milliseconds{1});
  }
  for (const Process& process : processes_)
    if (is_contender_process(process.pid)) ::kill(process.pid, SIGKILL);
  processes_.clear();
}

void Contender::fail(const std::string& what) {
  if (child_ >= 0) wait_for_end(child_, milliseconds{200});  // so that its reason has been written
  std::string message = what;
  if (exited()) message += ": " + describe_exit(exit_status_);
  const std::string output = last_output();
  if (!output.empty()) message += "; its last output: " + output;
  throw ContenderError(message);
}

std::string Contender::last_output() const {
  constexpr off_t kShown = 400;
  const off_t size = ::lseek(output_, 0, SEEK_END);
  std::array<char, kShown> text{};
  const ssize_t got = ::pread(output_, text.data(), text.size(), std::max<off_t>(0, size - kShown));
  std::string output(text.data(), static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  while (!output.empty() && output.back() == '\n') output.pop_back();
  return output;
}

}  // namespace bench
