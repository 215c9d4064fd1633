// SPDX-License-Identifier: Apache-2.0
#include "skein/team/host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>

#include "skein/sync/claim.hpp"
#include "skein/team/relay_table.hpp"

namespace skein {
namespace {

// Changes with the layout, so that processes of different builds do not attach each other's segments.
constexpr std::uint64_t kLayoutVersion = 11;

/// A process may use all of kLeaveGrace before it comes to the meeting.
constexpr std::chrono::nanoseconds kMeetingTime = kLeaveGrace + std::chrono::seconds(1);

/// A host where a rank failed waits for its other ranks, then for the other hosts, and then reports.
constexpr std::chrono::nanoseconds kReportTime = kLeaveGrace + kMeetingTime;

/// Of what the ranks do, beside the failure's own words.
constexpr std::size_t kMostReportBytes = FailureRecord<StdAtomics>::kMessageBytes - 1024;

}  // namespace

struct Host::Header {
  std::uint64_t nonce = 0;
  std::uint64_t version = kLayoutVersion;
  std::uint64_t segment_bytes = 0;
  AbortWord<StdAtomics> abort;
  FailureRecord<StdAtomics> failure;
  FailureRecord<StdAtomics> agreed;  ///< between hosts: written by the leader before it comes to the meeting
  Rendezvous<StdAtomics> rendezvous;
  Claim<StdAtomics> disturbance;                   ///< read in long waits
  std::atomic<std::int64_t> last_roll_call_ns{0};  ///< asked for by a signal; relaxed: it guards nothing
  HeapTable heap;

  RelayTable<StdAtomics, HeapTable::kMaxBlocks> relays;
  std::atomic<std::uint32_t> channels{0};          ///< numbers given out; relaxed: it guards nothing
  std::atomic<std::int64_t> all_wait_until_ns{0};  ///< from the watchdog to the leader, with the next; relaxed
  std::atomic<std::int64_t> stall_limit_ns{0};
};

/// Offsets of what lies behind the header.
struct Host::Layout {
  explicit Layout(const Board& board)
      : seats(static_cast<std::size_t>(board.map().seats())), lanes(board.map().lanes().size()) {
    std::size_t offset = sizeof(Header);
    const auto place = [&offset](std::size_t alignment, std::size_t bytes) {
      const std::size_t begin = round_up(offset, alignment);
      offset = begin + bytes;
      return begin;
    };
    bells_at = place(kStride, lanes * sizeof(Doorbell<StdAtomics>));
    flags_at = place(kStride, seats * sizeof(ReaderFlag<StdAtomics>));
    accounts_at = place(kStride, seats * sizeof(RankAccount));
    roll_call_at = place(kStride, seats * sizeof(RollCallLine<StdAtomics>));
    board_at = place(kPageBytes, board.bytes());
    heap_at = round_up(offset, kPageBytes);
  }

  std::size_t seats, lanes;
  std::size_t bells_at, flags_at, accounts_at, roll_call_at, board_at, heap_at;
};

namespace {

Failure failure_of(const FailureNews& news) {
  return {news.rank,
          static_cast<ExitCode>(news.exit_code),
          news.message.data(),
          news.origin,
          news.lists_calls != 0,
          {news.team, news.episode}};
}

/// The objects that lie at an offset, once created.
template <class T>
std::span<T> objects(const Segment& segment, std::size_t offset, std::size_t count) {
  return {reinterpret_cast<T*>(segment.at(offset)), count};
}

}  // namespace

std::size_t Host::fixed_bytes(const Shape& shape) { return Layout(Board(shape.map, shape.boards)).heap_at; }

Host::Host(Segment segment, Shape shape, int process)
    : segment_(std::move(segment)),
      board_(std::move(shape.map), shape.boards),
      boards_(std::move(shape.boards)),
      process_(process),
      bells_(objects<Doorbell<StdAtomics>>(segment_, Layout(board_).bells_at, map().lanes().size()),
             map().processes_here() > 1 ? FutexScope::process_shared : FutexScope::process_private),
      failure_(header().failure, header().abort, bells_, process) {
  const Layout layout(board_);
  flags_ = objects<ReaderFlag<StdAtomics>>(segment_, layout.flags_at, layout.seats);
  accounts_ = objects<RankAccount>(segment_, layout.accounts_at, layout.seats);
  roll_call_ = objects<RollCallLine<StdAtomics>>(segment_, layout.roll_call_at, layout.seats);
  board_.attach(segment_.at(layout.board_at));
}

std::unique_ptr<Host> Host::create(Segment segment, Shape shape, int process, std::uint64_t nonce) {
  const Board board(shape.map, shape.boards);
  const Layout layout(board);
  auto* header = std::construct_at(reinterpret_cast<Header*>(segment.at(0)));
  header->nonce = nonce;
  header->segment_bytes = segment.size();
  header->heap.begin = layout.heap_at;
  header->heap.end = segment.size() / kPageBytes * kPageBytes;
  const auto build = [&segment]<class T>(std::type_identity<T>, std::size_t offset, std::size_t count) {
    std::uninitialized_value_construct_n(reinterpret_cast<T*>(segment.at(offset)), count);
  };
  build(std::type_identity<Doorbell<StdAtomics>>(), layout.bells_at, layout.lanes);
  build(std::type_identity<ReaderFlag<StdAtomics>>(), layout.flags_at, layout.seats);
  build(std::type_identity<RankAccount>(), layout.accounts_at, layout.seats);
  build(std::type_identity<RollCallLine<StdAtomics>>(), layout.roll_call_at, layout.seats);
  return std::unique_ptr<Host>(new Host(std::move(segment), std::move(shape), process));
}

std::unique_ptr<Host> Host::attach(Segment segment, Shape shape, int process, std::uint64_t nonce) {
  const auto* header = reinterpret_cast<const Header*>(segment.at(0));
  if (segment.size() < fixed_bytes(shape) || header->nonce != nonce || header->version != kLayoutVersion ||
      header->segment_bytes != segment.size()) {
    throw Error(ExitCode::environment,
                "the attached memory is not this run's segment: its nonce, version or size differs; do "
                "all processes run the same build of the program?");
  }
  return std::unique_ptr<Host>(new Host(std::move(segment), std::move(shape), process));
}

Host::Header& Host::header() const { return *reinterpret_cast<Header*>(segment_.at(0)); }

AbortWord<StdAtomics>& Host::abort() { return header().abort; }

std::span<ReaderFlag<StdAtomics>> Host::own_flags() const {
  return flags_.subspan(static_cast<std::size_t>(map().seat_of(map().first_of(process_))),
                        static_cast<std::size_t>(map().ranks_of(process_)));
}

bool Host::is_disturbed() const { return header().disturbance.is_taken(); }
bool Host::disturb() { return header().disturbance.take(); }

Heap Host::heap() const { return Heap(header().heap, segment_); }

bool Host::has_come_to(int seat, const CallId& call) const {
  return skein::has_come_to(roll_call_[static_cast<std::size_t>(seat)], call);
}

bool Host::have_all_come_to(const CallId& call) const {
  return std::ranges::all_of(roll_call_, [&](const auto& line) { return skein::has_come_to(line, call); });
}

std::string Host::describe_calls(const CallId& failed) const { return describe_calls(failed, kMostReportBytes); }

std::string Host::describe_calls(const CallId& failed, std::size_t longest) const {
  std::vector<RankStatus> ranks;
  for (int seat = 0; seat < map().seats(); ++seat) {
    RankStatus status{.rank = map().rank_at(seat), .call = read_entry(roll_call_[static_cast<std::size_t>(seat)])};
    status.is_inside = status.call && status.call->team == failed.team && status.call->episode >= failed.episode;
    if (status.is_inside) status.call->waiting_since_ns = 0;  // some have found out already, which makes no difference
    ranks.push_back(status);
  }
  return describe(ranks, map().size(), longest);
}

std::uint32_t Host::next_channel() {
  const std::uint32_t number = header().channels.fetch_add(1, std::memory_order_relaxed);
  const std::uint32_t team =
      number * static_cast<std::uint32_t>(map().hosts()) + static_cast<std::uint32_t>(map().own_host());
  return kStrands * (team + 1);  // the first are those of the run's first team
}

void Host::disconnect() {
  relays_.clear();
  network_ = nullptr;
}

void Host::open_relay(int block, const Board& board, std::uint32_t channel) {
  const auto place = [&](Strand strand) {
    return static_cast<std::uint64_t>(reinterpret_cast<std::byte*>(board.relay(strand)) - segment_.at(0));
  };
  header().relays.open(block, {channel, {place(Strand::calls), place(Strand::operations)}});
  bells_.ring_lane(kLeaderLane);
}

void Host::close_relay(int block) {
  header().relays.close(block);
  bells_.ring_lane(kLeaderLane);
}

// What was asked for before a relay was closed is still done. Its block is the leader's as well, until then.
bool Host::serve_relays() {
  header().relays.look([this](int block, const auto& place) {
    const auto server = [&](Strand strand) {
      std::byte* box = segment_.at(place.boxes_at[static_cast<int>(strand)]);
      return RelayServer<StdAtomics>(*reinterpret_cast<RelayBox<StdAtomics>*>(box),
                                     network_->open(channel_of(place.channel, strand)));
    };
    relays_.push_back({block, {server(Strand::calls), server(Strand::operations)}});
  });
  bool is_busy = false;
  for (Relay& relay : relays_) is_busy = relay.serve() || is_busy;
  std::erase_if(relays_, [&](Relay& relay) {
    if (!header().relays.is_closed(relay.block) || relay.serve()) return false;
    header().relays.end(relay.block);
    heap().drop(relay.block);
    return true;
  });
  return is_busy;
}

void Host::declare_waiting(std::int64_t until_ns, std::chrono::nanoseconds limit) {
  header().stall_limit_ns.store(limit.count(), std::memory_order_relaxed);
  header().all_wait_until_ns.store(until_ns, std::memory_order_relaxed);
}

// Each host says, again and again, when all its ranks have waited for the limit. If host 0 has heard that of all others within
// the last half of it, and its own ranks have waited for all of it, then there was a moment half a limit ago at which
// every rank of the run waited. Its own leader was among them, and listened, so what it heard was not old.
void Host::look_for_stall() {
  const std::int64_t limit_ns = header().stall_limit_ns.load(std::memory_order_relaxed);
  if (limit_ns == 0) return;  // nobody judges
  const std::int64_t now_ns = StdAtomics::now_ns();
  const bool all_wait = now_ns < header().all_wait_until_ns.load(std::memory_order_relaxed);
  if (map().own_host() != 0) {
    if (!all_wait || now_ns - told_waiting_ns_ < limit_ns / 8) return;
    told_waiting_ns_ = now_ns;
    return network_->tell_waiting();
  }
  heard_waiting_ns_.resize(static_cast<std::size_t>(map().hosts()));
  while (const std::optional<int> host = network_->hear_waiting()) {
    heard_waiting_ns_[static_cast<std::size_t>(*host)] = now_ns;
  }
  heard_waiting_ns_.front() = now_ns;
  const auto is_new = [&](std::int64_t heard_ns) { return heard_ns != 0 && now_ns - heard_ns < limit_ns / 2; };
  if (!all_wait || !std::ranges::all_of(heard_waiting_ns_, is_new)) return;
  failure_.fail(
      {.rank = -1,
       .code = ExitCode::parallel,
       .message = fmt::format("stall: all ranks of all hosts have waited for {:.3g} s (SKEIN_STALL sets how long they "
                              "may)\n{}",
                              static_cast<double>(limit_ns) * 1e-9, describe_calls({})),
       .lists_calls = true});
}

std::chrono::nanoseconds Host::listen() {
  constexpr std::chrono::milliseconds kListenEvery{10};
  constexpr std::uint64_t kLooksForStallEvery = 16;  // a clock read, and a test of MPI's
  hear_failure();
  if (++listened_ % kLooksForStallEvery == 0 && !failure_.has_begun()) look_for_stall();
  return serve_relays() ? std::chrono::nanoseconds(kNap) : kListenEvery;
}

void Host::hear_failure() {
  while (const std::optional<FailureNews> news = network_->hear_failure()) {
    if (news->is_reported != 0) {
      reported_.push_back(news->origin);
      continue;
    }
    heard_.push_back(*news);
    if (!failure_.has_begun()) {
      failure_.fail(failure_of(*news));
    }
  }
}

void Host::tell_failure() {
  if (std::exchange(has_told_, true)) return;
  const Failure failure = failure_.first();
  FailureNews news{.sender = map().own_host(),
                   .origin = failure.host == Failure::kThisHost ? map().own_host() : failure.host,
                   .rank = failure.rank,
                   .exit_code = static_cast<std::int32_t>(failure.code),
                   .has_open_transfers = network_->is_at_rest() ? 0 : 1,
                   .lists_calls = failure.lists_calls ? 1 : 0,
                   .team = failure.call.team,
                   .episode = failure.call.episode};
  copy_text(failure.message, news.message);
  if (failure.lists_calls) {
    copy_text(describe_calls(failure.call, news.calls.size() - 1), news.calls);
  }
  network_->tell_failure(news);
}

std::string Host::calls_of_other_hosts() const {
  std::string text;
  for (int host = 0; host < map().hosts(); ++host) {
    for (const FailureNews& news : heard_) {
      if (news.sender == host && news.lists_calls != 0)
        text += fmt::format("  on host {}:\n{}\n", host, news.calls.data());
    }
  }
  return text;
}

// Every host tells of the failure that it holds, its own or the first it heard of, so all hosts choose among the same.
bool Host::meet_hosts() {
  tell_failure();
  const auto others = static_cast<std::size_t>(map().hosts() - 1);
  const bool has_all = wait_bounded<StdAtomics>(
      [&] {
        hear_failure();
        return heard_.size() >= others;
      },
      kMeetingTime);
  Failure chosen = failure_.first();
  if (chosen.host == Failure::kThisHost) chosen.host = map().own_host();
  bool is_clean = network_->is_at_rest();
  for (const FailureNews& news : heard_) {
    is_clean = is_clean && news.has_open_transfers == 0;
    if (news.origin >= chosen.host) continue;
    chosen = failure_of(news);
  }
  if (chosen.host == map().own_host()) chosen.host = Failure::kThisHost;
  publish(header().agreed, chosen);
  return has_all && is_clean;
}

void Host::tell_reported() {
  network_->tell_failure({.sender = map().own_host(), .origin = map().own_host(), .is_reported = 1});
}

void Host::wait_for_report() {
  const int origin = first_failure().host;
  wait_bounded<StdAtomics>(
      [&] {
        hear_failure();
        return std::find(reported_.begin(), reported_.end(), origin) != reported_.end();
      },
      kReportTime);
}

void Host::leave_time_for_report() const {
  wait_bounded<StdAtomics>([] { return false; }, kReportTime);
}

Failure Host::first_failure() const {
  if (is_published(header().agreed)) return read_record(header().agreed);
  wait_bounded<StdAtomics>([this] { return failure_.is_recorded(); }, kLeaveGrace);
  return failure_.first();
}

bool Host::meet(OtherHosts others) {
  if (others == OtherHosts::missed) header().rendezvous.miss();
  // The leader may have waited for other hosts before.
  return header().rendezvous.meet(map().processes_here(),
                                  map().hosts() > 1 ? kMeetingTime + kReportTime + kMeetingTime : kMeetingTime);
}

void Host::declare_ended(int process, const std::string& message) {
  header().rendezvous.miss();
  failure_.fail_for(process, {.rank = -1, .code = ExitCode::parallel, .message = message});
}

bool Host::claim_roll_call(std::int64_t now_ns) {
  constexpr std::int64_t kPause_ns = 1'000'000'000;
  std::int64_t last_ns = header().last_roll_call_ns.load(std::memory_order_relaxed);
  return (last_ns == 0 || now_ns - last_ns > kPause_ns) &&
         header().last_roll_call_ns.compare_exchange_strong(last_ns, now_ns, std::memory_order_relaxed);
}

void Host::miss_meeting() { header().rendezvous.pass_by(map().processes_here(), kMeetingTime); }

}  // namespace skein
