// SPDX-License-Identifier: Apache-2.0
#include "skein/team/host.hpp"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <numeric>

namespace skein {
namespace {

// Changes with the layout, so that processes of different builds do not attach each other's segments.
constexpr std::uint64_t kLayoutVersion = 1;

/// A process may use all of kLeaveGrace before it comes to the meeting.
constexpr std::chrono::nanoseconds kMeetingTime = kLeaveGrace + std::chrono::seconds(1);

int release_lines(int ranks) { return (ranks - 1 + kPollersPerLine - 1) / kPollersPerLine; }

}  // namespace

struct Host::Header {
  std::uint64_t nonce = 0;
  std::uint64_t version = kLayoutVersion;
  std::uint64_t segment_bytes = 0;
  AbortWord<StdAtomics> abort;
  FailureRecord<StdAtomics> failure;
  Rendezvous rendezvous;
  HeapTable heap;
};

/// Offsets of the arrays behind the header.
struct Host::Layout {
  explicit Layout(const RankMap& map)
      : ranks(static_cast<std::size_t>(map.size())),
        releases(static_cast<std::size_t>(release_lines(map.size()))),
        staged(map.processes() > 1 ? ranks : 0) {
    std::size_t offset = sizeof(Header);
    const auto place = [&offset](std::size_t alignment, std::size_t bytes) {
      const std::size_t begin = round_up(offset, alignment);
      offset = begin + bytes;
      return begin;
    };
    bells_at = place(kStride, ranks * sizeof(Doorbell<StdAtomics>));
    flags_at = place(kStride, ranks * sizeof(ReaderFlag<StdAtomics>));
    arrivals_at = place(kStride, ranks * sizeof(Channel<StdAtomics>));
    releases_at = place(kStride, releases * sizeof(Channel<StdAtomics>));
    accounts_at = place(kStride, ranks * sizeof(RankAccount));
    staging_at = place(kPageBytes, staged * sizeof(Staging));
    heap_at = round_up(offset, kPageBytes);
  }

  std::size_t ranks, releases, staged;
  std::size_t bells_at, flags_at, arrivals_at, releases_at, accounts_at, staging_at, heap_at;
};

namespace {

/// Counts this process in; how many have come.
int arrive(Rendezvous& meeting) {
  return static_cast<int>(meeting.arrived.fetch_add(1, std::memory_order_acq_rel)) + 1;
}

/// The first decision holds.
void decide(Rendezvous& meeting, Rendezvous::Outcome outcome) {
  std::uint32_t undecided = Rendezvous::open;
  meeting.outcome.compare_exchange_strong(undecided, outcome, std::memory_order_acq_rel);
}

template <class Ready>
void wait_bounded(Ready ready) {
  const std::int64_t end_ns = StdAtomics::now_ns() + kMeetingTime.count();
  while (!ready() && StdAtomics::now_ns() < end_ns) StdAtomics::yield();
}

/// The objects that lie at an offset, once created.
template <class T>
std::span<T> objects(const Segment& segment, std::size_t offset, std::size_t count) {
  return {reinterpret_cast<T*>(segment.at(offset)), count};
}

}  // namespace

RankMap::RankMap(std::vector<int> ranks_per_process) : first_of_(1, 0) {
  for (std::size_t process = 0; process < ranks_per_process.size(); ++process) {
    const int ranks = ranks_per_process[process];
    first_of_.push_back(first_of_.back() + ranks);
    process_of_.insert(process_of_.end(), static_cast<std::size_t>(ranks), static_cast<int>(process));
  }
}

std::size_t Host::fixed_bytes(const RankMap& map) { return Layout(map).heap_at; }

Host::Host(Segment segment, RankMap map, int process, const Layout& layout)
    : segment_(std::move(segment)),
      map_(std::move(map)),
      process_(process),
      bells_(objects<Doorbell<StdAtomics>>(segment_, layout.bells_at, layout.ranks),
             map_.processes() > 1 ? FutexScope::process_shared : FutexScope::process_private),
      failure_(header().failure, header().abort, bells_),
      channels_{objects<Channel<StdAtomics>>(segment_, layout.arrivals_at, layout.ranks),
                objects<Channel<StdAtomics>>(segment_, layout.releases_at, layout.releases)},
      flags_(objects<ReaderFlag<StdAtomics>>(segment_, layout.flags_at, layout.ranks)),
      accounts_(objects<RankAccount>(segment_, layout.accounts_at, layout.ranks)),
      staging_(objects<Staging>(segment_, layout.staging_at, layout.staged)) {}

std::unique_ptr<Host> Host::create(Segment segment, RankMap map, int process, std::uint64_t nonce) {
  const Layout layout(map);
  auto* header = std::construct_at(reinterpret_cast<Header*>(segment.at(0)));
  header->nonce = nonce;
  header->segment_bytes = segment.size();
  header->heap.begin = layout.heap_at;
  header->heap.end = segment.size() / kPageBytes * kPageBytes;
  const auto build = [&segment]<class T>(std::type_identity<T>, std::size_t offset, std::size_t count) {
    std::uninitialized_value_construct_n(reinterpret_cast<T*>(segment.at(offset)), count);
  };
  build(std::type_identity<Doorbell<StdAtomics>>(), layout.bells_at, layout.ranks);
  build(std::type_identity<ReaderFlag<StdAtomics>>(), layout.flags_at, layout.ranks);
  build(std::type_identity<Channel<StdAtomics>>(), layout.arrivals_at, layout.ranks);
  build(std::type_identity<Channel<StdAtomics>>(), layout.releases_at, layout.releases);
  build(std::type_identity<RankAccount>(), layout.accounts_at, layout.ranks);
  // Staging is plain bytes and stays untouched, so that its rank's first use places it.
  return std::unique_ptr<Host>(new Host(std::move(segment), std::move(map), process, layout));
}

std::unique_ptr<Host> Host::attach(Segment segment, RankMap map, int process, std::uint64_t nonce) {
  const Layout layout(map);
  const auto* header = reinterpret_cast<const Header*>(segment.at(0));
  if (segment.size() < layout.heap_at || header->nonce != nonce || header->version != kLayoutVersion ||
      header->segment_bytes != segment.size()) {
    throw Error(ExitCode::environment,
                "the attached memory is not this run's segment: its nonce, version or size differs; do "
                "all processes run the same build of the program?");
  }
  return std::unique_ptr<Host>(new Host(std::move(segment), std::move(map), process, layout));
}

Host::Header& Host::header() const { return *reinterpret_cast<Header*>(segment_.at(0)); }

AbortWord<StdAtomics>& Host::abort() { return header().abort; }

std::span<ReaderFlag<StdAtomics>> Host::own_flags() const {
  return flags_.subspan(static_cast<std::size_t>(map_.first_of(process_)),
                        static_cast<std::size_t>(map_.ranks_of(process_)));
}

Heap Host::heap() const { return Heap(header().heap, segment_); }

bool Host::meet() {
  Rendezvous& meeting = header().rendezvous;
  if (arrive(meeting) == map_.processes()) decide(meeting, Rendezvous::met);
  wait_bounded([&] { return meeting.outcome.load(std::memory_order_acquire) != Rendezvous::open; });
  decide(meeting, Rendezvous::missed);  // unless it is decided
  return meeting.outcome.load(std::memory_order_acquire) == Rendezvous::met;
}

void Host::miss_meeting() {
  Rendezvous& meeting = header().rendezvous;
  decide(meeting, Rendezvous::missed);
  arrive(meeting);
  const auto all = static_cast<std::uint32_t>(map_.processes());
  wait_bounded([&] { return meeting.arrived.load(std::memory_order_acquire) >= all; });
}

}  // namespace skein
