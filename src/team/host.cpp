// SPDX-License-Identifier: Apache-2.0
#include "skein/team/host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>

namespace skein {
namespace {

// Changes with the layout, so that processes of different builds do not attach each other's segments.
constexpr std::uint64_t kLayoutVersion = 6;

/// A process may use all of kLeaveGrace before it comes to the meeting.
constexpr std::chrono::nanoseconds kMeetingTime = kLeaveGrace + std::chrono::seconds(1);

/// A host where a rank failed waits for its other ranks, then for the other hosts, and then reports.
constexpr std::chrono::nanoseconds kReportTime = kLeaveGrace + kMeetingTime;

/// Memory of one staging area for all ranks of a team, once these are more than fit it with kPieceBytes each.
constexpr std::size_t kAreaBytes = std::size_t{32} << 20U;
constexpr std::size_t kLeastPieceBytes = 256;

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
  std::atomic<std::uint32_t> is_disturbed{0};      ///< set once, read in long waits; relaxed: it guards nothing
  std::atomic<std::int64_t> last_roll_call_ns{0};  ///< asked for by a signal; relaxed: it guards nothing
  HeapTable heap;
};

/// Offsets of the arrays behind the header.
struct Host::Layout {
  explicit Layout(const Shape& shape) : Layout(shape, Stations(shape.formation, shape.map.lanes())) {}

  Layout(const Shape& shape, const Stations& stations)
      : seats(static_cast<std::size_t>(shape.map.seats())),
        lanes(shape.map.lanes().size()),
        releases(static_cast<std::size_t>(stations.release_channels)),
        parts_bytes(stations.parts * Contributions::kLargestStride),
        mirror_bytes(shape.map.hosts() > 1 ? static_cast<std::size_t>(shape.map.size()) * kInlineBytes : 0),
        staging_bytes(shape.map.processes() > 1 ? Staging::bytes(shape.map.size()) : 0) {
    std::size_t offset = sizeof(Header);
    const auto place = [&offset](std::size_t alignment, std::size_t bytes) {
      const std::size_t begin = round_up(offset, alignment);
      offset = begin + bytes;
      return begin;
    };
    bells_at = place(kStride, lanes * sizeof(Doorbell<StdAtomics>));
    flags_at = place(kStride, seats * sizeof(ReaderFlag<StdAtomics>));
    arrivals_at = place(kStride, seats * sizeof(Channel<StdAtomics>));
    ascents_at = place(kStride, lanes * sizeof(Channel<StdAtomics>));
    releases_at = place(kStride, releases * sizeof(Channel<StdAtomics>));
    accounts_at = place(kStride, seats * sizeof(RankAccount));
    roll_call_at = place(kStride, seats * sizeof(RollCallLine<StdAtomics>));
    parts_at = place(kStride, parts_bytes);
    mirror_at = place(kStride, mirror_bytes);
    staging_at = place(kPageBytes, staging_bytes);
    heap_at = round_up(offset, kPageBytes);
  }

  std::size_t seats, lanes, releases, parts_bytes, mirror_bytes, staging_bytes;
  std::size_t bells_at, flags_at, arrivals_at, ascents_at, releases_at, accounts_at, roll_call_at, parts_at, mirror_at,
      staging_at, heap_at;
};

namespace {

Failure failure_of(const FailureNews& news) {
  return {news.rank, static_cast<ExitCode>(news.exit_code), news.message.data(), news.origin, news.lists_calls != 0};
}

/// The objects that lie at an offset, once created.
template <class T>
std::span<T> objects(const Segment& segment, std::size_t offset, std::size_t count) {
  return {reinterpret_cast<T*>(segment.at(offset)), count};
}

}  // namespace

std::size_t Staging::piece_bytes(int ranks) {
  const std::size_t fitting = kAreaBytes / static_cast<std::size_t>(ranks) / kLeastPieceBytes * kLeastPieceBytes;
  return std::clamp(fitting, kLeastPieceBytes, kPieceBytes);
}

std::size_t Host::fixed_bytes(const Shape& shape) { return Layout(shape).heap_at; }

Host::Host(Segment segment, Shape shape, int process, const Layout& layout)
    : segment_(std::move(segment)),
      shape_(std::move(shape)),
      stations_(shape_.formation, shape_.map.lanes()),
      process_(process),
      bells_(objects<Doorbell<StdAtomics>>(segment_, layout.bells_at, layout.lanes),
             map().processes_here() > 1 ? FutexScope::process_shared : FutexScope::process_private),
      failure_(header().failure, header().abort, bells_, process),
      channels_{objects<Channel<StdAtomics>>(segment_, layout.arrivals_at, layout.seats),
                objects<Channel<StdAtomics>>(segment_, layout.ascents_at, layout.lanes),
                objects<Channel<StdAtomics>>(segment_, layout.releases_at, layout.releases),
                {segment_.at(layout.parts_at), layout.parts_bytes},
                {segment_.at(layout.mirror_at), layout.mirror_bytes}},
      flags_(objects<ReaderFlag<StdAtomics>>(segment_, layout.flags_at, layout.seats)),
      accounts_(objects<RankAccount>(segment_, layout.accounts_at, layout.seats)),
      roll_call_(objects<RollCallLine<StdAtomics>>(segment_, layout.roll_call_at, layout.seats)),
      staging_(segment_.at(layout.staging_at), Staging::piece_bytes(map().size()), map().size()) {}

std::unique_ptr<Host> Host::create(Segment segment, Shape shape, int process, std::uint64_t nonce) {
  const Layout layout(shape);
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
  build(std::type_identity<Channel<StdAtomics>>(), layout.arrivals_at, layout.seats);
  build(std::type_identity<Channel<StdAtomics>>(), layout.ascents_at, layout.lanes);
  build(std::type_identity<Channel<StdAtomics>>(), layout.releases_at, layout.releases);
  build(std::type_identity<RankAccount>(), layout.accounts_at, layout.seats);
  build(std::type_identity<RollCallLine<StdAtomics>>(), layout.roll_call_at, layout.seats);
  // Parts, mirror and staging are plain bytes and stay untouched, so that their first use places them.
  return std::unique_ptr<Host>(new Host(std::move(segment), std::move(shape), process, layout));
}

std::unique_ptr<Host> Host::attach(Segment segment, Shape shape, int process, std::uint64_t nonce) {
  const Layout layout(shape);
  const auto* header = reinterpret_cast<const Header*>(segment.at(0));
  if (segment.size() < layout.heap_at || header->nonce != nonce || header->version != kLayoutVersion ||
      header->segment_bytes != segment.size()) {
    throw Error(ExitCode::environment,
                "the attached memory is not this run's segment: its nonce, version or size differs; do "
                "all processes run the same build of the program?");
  }
  return std::unique_ptr<Host>(new Host(std::move(segment), std::move(shape), process, layout));
}

Host::Header& Host::header() const { return *reinterpret_cast<Header*>(segment_.at(0)); }

AbortWord<StdAtomics>& Host::abort() { return header().abort; }

std::span<ReaderFlag<StdAtomics>> Host::own_flags() const {
  return flags_.subspan(static_cast<std::size_t>(map().seat_of(map().first_of(process_))),
                        static_cast<std::size_t>(map().ranks_of(process_)));
}

std::vector<const Channel<StdAtomics>*> Host::arrivals_of_lanes() const {
  std::vector<const Channel<StdAtomics>*> result;
  for (const Station& station : stations_.of_lane) {
    result.push_back(station.carried.ranks > 1 ? &channels_.ascents[static_cast<std::size_t>(station.lane)]
                                               : &channels_.arrivals[static_cast<std::size_t>(station.seat)]);
  }
  return result;
}

bool Host::is_disturbed() const { return header().is_disturbed.load(std::memory_order_relaxed) != 0; }
bool Host::disturb() { return header().is_disturbed.exchange(1, std::memory_order_relaxed) == 0; }

Heap Host::heap() const { return Heap(header().heap, segment_); }

std::string Host::describe_calls(Episode failed) const { return describe_calls(failed, kMostReportBytes); }

std::string Host::describe_calls(Episode failed, std::size_t longest) const {
  std::vector<RankStatus> ranks;
  for (int seat = 0; seat < map().seats(); ++seat) {
    RankStatus status{.rank = map().rank_at(seat), .call = read_entry(roll_call_[static_cast<std::size_t>(seat)])};
    status.is_inside = status.call && status.call->episode >= failed;
    if (status.is_inside) status.call->waiting_since_ns = 0;  // some have found out already, which makes no difference
    ranks.push_back(status);
  }
  return describe(ranks, map().size(), longest);
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
                   .has_open_transfers = network_->transfers_done() ? 0 : 1,
                   .lists_calls = failure.lists_calls ? 1 : 0};
  failure.message.copy(news.message.data(), news.message.size() - 1);
  if (failure.lists_calls) {
    const Episode own = read_entry(roll_call_.front()).value_or(RollCallEntry()).episode;
    describe_calls(own, news.calls.size() - 1).copy(news.calls.data(), news.calls.size() - 1);
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
  bool is_clean = network_->transfers_done();
  for (const FailureNews& news : heard_) {
    is_clean = is_clean && news.has_open_transfers == 0;
    if (news.origin >= chosen.host) continue;
    chosen = failure_of(news);
  }
  if (chosen.host == map().own_host()) chosen.host = Failure::kThisHost;
  write_record(header().agreed, chosen);
  header().agreed.state.store(FailureRecord<StdAtomics>::written, std::memory_order_release);
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
  const bool has_agreed = header().agreed.state.load(std::memory_order_acquire) == FailureRecord<StdAtomics>::written;
  return has_agreed ? read_record(header().agreed) : failure_.first();
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
