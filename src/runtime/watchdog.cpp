// SPDX-License-Identifier: Apache-2.0
#include "watchdog.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

#include "skein/base/environment.hpp"
#include "skein/base/report.hpp"

namespace skein {
namespace {

constexpr std::chrono::nanoseconds kLongestInterval = std::chrono::milliseconds(250);
constexpr int kLooksPerLimit = 8;

// Ranks that can, end the process after kLeaveGrace. Where they cannot, it has to end before the others stop waiting for it at
// their meeting (kMeetingTime in host.cpp): a launcher may kill it once they are gone, and return that signal.
constexpr std::chrono::nanoseconds kOverdue = kLeaveGrace + kLongestInterval;

constexpr std::size_t kMostReportBytes = FailureRecord<StdAtomics>::kMessageBytes - 512;

std::string seconds(std::chrono::nanoseconds length) {
  return fmt::format("{:.3g} s", std::chrono::duration<double>(length).count());
}

volatile std::sig_atomic_t bell_of_handler = -1;

void ring_bell(int) {
  const int saved = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(bell_of_handler, &one, sizeof(one));
  errno = saved;
}

/// An eventfd that SIGUSR2 rings, unless the program has a handler of its own; negative if there is none. Made once and
/// kept, as the handler is: a signal may come at any time, and would end the process by default.
int roll_call_bell() {
  static const int bell = [] {
    const int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct sigaction current {};
    sigaction(SIGUSR2, nullptr, &current);
    if (descriptor < 0 || current.sa_handler != SIG_DFL) return descriptor;
    bell_of_handler = descriptor;
    struct sigaction action {};
    action.sa_handler = ring_bell;
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR2, &action, nullptr);
    return descriptor;
  }();
  return bell;
}

}  // namespace

Watchdog::Watchdog(Host& host, Settings settings)
    : host_(host),
      settings_(std::move(settings)),
      judge_(host.roll_call(), host.board().arrivals_of_lanes(), host.map().hosts() == 1, settings_.stall),
      interval_(std::min(kLongestInterval, settings_.stall / kLooksPerLimit)),
      last_look_ns_(StdAtomics::now_ns()) {
  const RankMap& map = host.map();
  std::vector<int> descriptors;
  for (int process = 0; process < map.processes(); ++process) {
    if (process == host.process() || map.host_of_process(process) != map.own_host()) continue;
    const ProcessId& id = settings_.process_ids[static_cast<std::size_t>(process)];
    peers_.push_back({.process = process, .id = id, .descriptor = open_process(id)});
    if (peers_.back().descriptor >= 0) descriptors.push_back(peers_.back().descriptor);
  }
  try {
    thread_ = std::make_unique<WatchThread>(
        WatchThread::Settings{
            .cpus = settings_.cpus, .interval = interval_, .bell = roll_call_bell(), .once = descriptors},
        [this](const WatchThread::Seen& seen) { look(seen); });
  } catch (const Error&) {
    close_descriptors();
    throw;
  }
}

Watchdog::~Watchdog() {
  thread_.reset();
  close_descriptors();
}

void Watchdog::close_descriptors() {
  for (const Peer& peer : peers_) {
    if (peer.descriptor >= 0) close(peer.descriptor);
  }
}

void Watchdog::look(const WatchThread::Seen& seen) {
  const std::int64_t now_ns = StdAtomics::now_ns();
  const std::chrono::nanoseconds passed(now_ns - std::exchange(last_look_ns_, now_ns));
  look_for_ended(seen.readable);
  if (settings_.stall != kForever && host_.process() == host_.map().first_process_here()) look_for_stall(passed);
  const bool is_failing = host_.abort().is_set() && settings_.has_ranks_inside && settings_.has_ranks_inside();
  failed_for_ = is_failing ? failed_for_ + std::min(passed, 2 * interval_) : std::chrono::nanoseconds(0);
  if (failed_for_ > kOverdue) host_.give_up();
  if (seen.bell && host_.claim_roll_call(now_ns)) {
    judge_.sample({});
    say(fmt::format("roll-call of {}", where()));
  }
}

// Whether processes are held is read from files, so only when it may decide something.
void Watchdog::look_for_stall(std::chrono::nanoseconds passed) {
  const auto is_held = [this] { return is_traced_ || !stopped_.empty(); };
  look_for_held(judge_.longest_wait() >= settings_.stall / 2);
  // Who was not scheduled for long cannot say whether others were.
  const auto verdict = judge_.look(is_held() ? std::chrono::nanoseconds(0) : std::min(passed, 2 * interval_));
  if (host_.map().hosts() > 1) {
    const bool all_wait = judge_.have_all_waited() && !is_held();
    host_.declare_waiting(all_wait ? StdAtomics::now_ns() + 2 * interval_.count() : 0, settings_.stall);
  }
  if (host_.abort().is_set()) return;
  warn_of_stop(passed);
  if (verdict == Verdict::fine || is_held()) return;
  look_for_held(true);
  if (!is_held()) act_on(verdict);
}

void Watchdog::say(const std::string& what) const {
  write_report(fmt::format("skein: {}\n{}\n", what, roll_call()), settings_.report_file);
}

void Watchdog::look_for_ended(const std::vector<int>& readable) {
  for (Peer& peer : peers_) {
    const bool may_have_ended =
        peer.descriptor < 0 || std::find(readable.begin(), readable.end(), peer.descriptor) != readable.end();
    if (may_have_ended && !peer.has_ended) {
      const ProcessState state = state_of(peer.id);
      peer.has_ended = state == ProcessState::ended || (peer.descriptor >= 0 && state == ProcessState::unknown);
    }
    // Also when the run has failed already: it may have ended while it rang the bells.
    if (!peer.has_ended || peer.is_declared || !is_needed(peer)) continue;
    peer.is_declared = true;
    judge_.sample({});
    host_.declare_ended(
        peer.process,
        fmt::format(
            "process {} of {} (pid {}, {}) has ended in the middle of the run: it was killed, perhaps for lack of "
            "memory (dmesg), or ended itself\n{}",
            peer.process, host_.map().processes(), peer.id.pid, ranks_of(peer.process), roll_call()));
  }
}

/// Leaving a run is a collective, so once all ranks of that process are out of it, nobody waits for them any more.
bool Watchdog::is_needed(const Peer& peer) const {
  const RankMap& map = host_.map();
  const auto entry_of = [&](int rank) {
    return read_entry(host_.roll_call()[static_cast<std::size_t>(map.seat_of(rank))]).value_or(RollCallEntry());
  };
  std::uint64_t run = 0;
  for (int i = 0; i < map.ranks_of(host_.process()); ++i) {
    const RollCallEntry own = entry_of(map.first_of(host_.process()) + i);
    if (own.state == RunState::inside) run = std::max(run, own.runs);
  }
  if (run == 0) return false;
  for (int i = 0; i < map.ranks_of(peer.process); ++i) {
    const RollCallEntry theirs = entry_of(map.first_of(peer.process) + i);
    if (theirs.runs < run || (theirs.runs == run && theirs.state != RunState::left)) return true;
  }
  return false;
}

void Watchdog::warn_of_stop(std::chrono::nanoseconds passed) {
  if (stopped_.empty()) {
    stopped_for_ = {};
    has_warned_of_stop_ = false;
    return;
  }
  stopped_for_ += passed;
  if (stopped_for_ < settings_.stall || std::exchange(has_warned_of_stop_, true)) return;
  std::vector<std::string> names;
  for (const int process : stopped_) {
    names.push_back(fmt::format("process {} (pid {}, {})", process,
                                settings_.process_ids[static_cast<std::size_t>(process)].pid, ranks_of(process)));
  }
  say(fmt::format(
      "stopped for {} by a signal (SIGSTOP, Ctrl-Z, a scheduler): {}; the others wait, and kill -CONT lets it "
      "go on",
      seconds(stopped_for_), fmt::join(names, ", ")));
}

void Watchdog::act_on(Verdict verdict) {
  const bool is_whole_team = host_.map().hosts() == 1;
  if (verdict == Verdict::slow || (verdict == Verdict::stalled && !is_whole_team)) {
    say(fmt::format(
        "ranks of {} have waited for more than {}; the run goes on (SKEIN_STALL sets after how many seconds this "
        "is said)",
        where(), seconds(settings_.stall)));
    return;
  }
  const std::string reason =
      verdict == Verdict::deadlocked
          ? "deadlock: every rank waits for another"
          : fmt::format("stall: all ranks have waited for {} (SKEIN_STALL sets how long they may)",
                        seconds(settings_.stall));
  host_.failure().fail({.rank = -1, .code = ExitCode::parallel, .message = fmt::format("{}\n{}", reason, roll_call())});
}

void Watchdog::look_for_held(bool looks) {
  is_traced_ = false;
  stopped_.clear();
  if (!looks) return;
  is_traced_ = state_of(settings_.process_ids[static_cast<std::size_t>(host_.process())]) == ProcessState::traced;
  for (const Peer& peer : peers_) {
    const ProcessState state = state_of(peer.id);
    if (state == ProcessState::stopped) stopped_.push_back(peer.process);
    is_traced_ = is_traced_ || state == ProcessState::traced;
  }
}

std::string Watchdog::ranks_of(int process) const {
  std::vector<int> ranks;
  for (int i = 0; i < host_.map().ranks_of(process); ++i) ranks.push_back(host_.map().first_of(process) + i);
  return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", number_ranges(ranks));
}

std::string Watchdog::roll_call() const {
  std::vector<RankStatus> ranks = judge_.seats();
  for (RankStatus& status : ranks) status.rank = host_.map().rank_at(status.rank);
  return describe(ranks, host_.map().size(), kMostReportBytes);
}

std::string Watchdog::where() const {
  return host_.map().hosts() == 1 ? std::string("this run") : fmt::format("host {}", host_.map().own_host());
}

}  // namespace skein
