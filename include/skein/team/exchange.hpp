// SPDX-License-Identifier: Apache-2.0
//
// The exchange: the one mechanism under every collective. A rank arrives (posts its line), waits until the others have
// arrived, and leaves with what they posted.
//
// Who      every rank of a team, once per episode, in the same order.
// How      the ranks of a lane meet first (crew.hpp); the last of them goes on for all. It waits for the lines of the lane's
//          children in the formation (pattern.hpp). If the lane is led, it then posts an ascent and waits for a release; if
//          it is the root and there are other hosts, it meets their leaders (host_exchange.hpp). At last it releases whom
//          the lane leads, and its own. All-to-all is the case where all are children of all and nobody is led: there a lane
//          of several ranks posts its ascent, their folded contributions, at once. What lies in buffers beside the lines is
//          not passed on: once an exchange is complete, the ranks of a host read each other's.
// Cost     all-to-all: one line transfer, plus two overlapped ones for each rank beyond the second. Gather and release:
//          two hops; levels: two hops each. Each rank beyond the first of its lane: one change of fiber. No write that two
//          lanes contend for; no clock, no system call while peers are in step.
// Memory   the channels of line.hpp, and what lies beside them (gathering.hpp); allocates nothing.
// Source   all-to-all flags: Hoefler et al., "Fast Barrier Synchronization for InfiniBand", IPDPS 2006 (n-way
//          dissemination with n = p - 1). Sense reversal by monotone episodes: Mellor-Crummey and Scott, ACM TOCS 9(1),
//          1991, doi:10.1145/103727.103729, section 3.
//
// Edges
//   [post]     seq_cst exchange of `episode`: releases signature and payload, also in a buffer, to [see], and comes before
//              [bell] of doorbell.hpp in the total order, so a poster that finds no watcher cannot have been missed by a
//              sleeper
//   [see]      seq_cst load (a plain mov on x86) of a peer's `episode`: acquires what the peer posted, and is also the
//              re-check after announcing to sleep, which an acquire load would not order
//   [ascend]   as [post], by a leader that has seen its children: passes their posts on to its own leader
//   [release]  as [post], by a leader: passes on every post that the root has seen, so a released rank may read the lines
//              of all ranks of the host and what came from other hosts
//   [free]     as [see], of a release line
//
// Within a lane nothing needs an order. Its release line is written with one, because the watchdog reads it from elsewhere.
//
// Order    a rank completes an episode before it arrives at the next.
#pragma once

#include <span>

#include "skein/sync/waiter.hpp"
#include "skein/team/crew.hpp"
#include "skein/team/gathering.hpp"
#include "skein/team/host_exchange.hpp"
#include "skein/team/line.hpp"
#include "skein/team/station.hpp"

namespace skein {

template <class Policy>
class Exchange {
 public:
  /// `stations` outlives the exchange. `crew` is that of the rank's lane, if it carries several. `others` is the way to other
  /// hosts, on the root of a host that has some; `spans_hosts` says on every rank whether it has.
  Exchange(Channels<Policy> channels, const Stations& stations, int seat, Waiter<Policy>& waiter, Bells<Policy>& bells,
           Episode first, Crew<Policy>* crew = nullptr, HostExchange* others = nullptr, bool spans_hosts = false)
      : arrived_(first - 1),
        crew_(crew),
        own_(&channels.arrivals[index(seat)]),
        seat_(seat),
        waiter_(&waiter),
        bells_(&bells),
        channels_(channels),
        stations_(&stations),
        station_(&stations.of_lane[index(stations.lane_of_seat[index(seat)])]),
        gathering_(channels_, stations, *station_),
        others_(others) {
    for (const Station::Child& child : station_->children) {
      children_.push_back(child.leads ? &channels_.ascents[index(child.lane)] : &arrivals_of(child.lane));
      is_deep_ = is_deep_ || child.leads;
    }
    is_deep_ = is_deep_ || station_->ascends || spans_hosts;
    for (const int line : station_->releases) releases_.push_back(&channels_.releases[index(line)]);
    if (station_->released_by >= 0) released_by_ = &channels_.releases[index(station_->released_by)];
    ascends_at_once_ = station_->ascends && released_by_ == nullptr;
    if (crew_ != nullptr) own_release_ = &channels_.releases[index(station_->own_release)];
  }

  /// Posts this rank's line for the next episode, which complete() follows; `bytes` <= kPostBytes.
  [[gnu::always_inline]] inline Episode arrive(Signature signature, const void* payload, std::size_t bytes) {
    const Episode episode = ++arrived_;
    signature_ = signature;
    if (bytes > kInlineBytes) [[unlikely]] {
      std::memcpy(channels_.payload(seat_, episode, bytes), payload, bytes);
      bytes = 0;
    }
    if (crew_ == nullptr) [[likely]] {
      post(*own_, episode, signature, payload, bytes);  // [post]
    } else {
      join(episode, signature);
      if (bytes != 0) std::memcpy(own_->line(episode).payload, payload, bytes);
      if (arrival_ == Arrival::last && !station_->ascends) post_for_all(episode);
    }
    return episode;
  }

  /// Waits until the episode is complete. `combine(out)` may read the payload of every rank and writes `bytes`
  /// of result to `out`; where there are leaders the root alone runs it and its result is passed on. `content()` says what
  /// leaders have to gather in its place. Of long payloads, ranks read what they need when it is complete, and only a fold over
  /// several hosts has a result: the root writes it to `out`, which is folded().
  template <class Combine, class MakeContent>
  [[gnu::always_inline]] inline Progress complete(Combine&& combine, MakeContent&& content, void* out,
                                                  std::size_t bytes) {
    if (crew_ != nullptr) [[unlikely]]
      return arrival_ == Arrival::last ? complete_for_all(combine, content, out, bytes) : follow(arrived_, out, bytes);
    return retire(arrived_, combine, content, out, bytes);
  }

  Episode arrived() const { return arrived_; }

  /// What a rank of this host posted for `episode`, of that many bytes. Valid between the episode's completion and the next
  /// arrival.
  const std::byte* payload(int seat, Episode episode, std::size_t bytes) const {
    return channels_.payload(seat, episode, bytes);
  }

  /// What a rank of another host posted for the newest episode, if it was content of it. Valid until the next arrival.
  const std::byte* remote_payload(int rank, std::size_t bytes) const { return channels_.mirrored(rank, bytes); }

  /// The fold of long payloads over several hosts. Valid as long.
  std::byte* folded() const { return channels_.folded.data(); }

  /// After Progress::mismatched: the seat whose signature differs from this rank's, or -1 when that was another host.
  int mismatched_seat() const { return mismatched_seat_; }
  int mismatched_host() const { return others_->mismatched_host(); }

 private:
  using Arrival = typename Crew<Policy>::Arrival;
  using Whose = typename Gathering<Policy>::Whose;

  static std::size_t index(int seat) { return static_cast<std::size_t>(seat); }
  int lanes() const { return static_cast<int>(stations_->of_lane.size()); }

  /// Where a lane says that the ranks which it carries have arrived.
  Channel<Policy>& arrivals_of(int lane) const {
    const Station& station = stations_->of_lane[index(lane)];
    return station.carried.are_several() ? channels_.ascents[index(lane)]
                                         : channels_.arrivals[index(station.seats.front())];
  }

  /// The last rank of a lane sees to the exchange for all. Not inlined, so that a rank alone on its lane does not carry a second
  /// copy of retire() along, which costs it 3 % (skein-bench allreduce).
  template <class Combine, class MakeContent>
  [[gnu::noinline]] Progress complete_for_all(Combine combine, MakeContent content, void* out, std::size_t bytes) {
    const Progress progress = retire(arrived_, combine, content, out, bytes);
    if (progress == Progress::complete) release_own(arrived_, out, bytes);
    return progress;
  }

  /// One of several ranks of a lane arrives.
  [[gnu::always_inline]] inline void join(Episode episode, Signature signature) {
    arrival_ = crew_->arrive(seat_, episode, signature);
    if (arrival_ == Arrival::mismatched) [[unlikely]]
      is_out_of_step_ = true;
  }

  void post_for_all(Episode episode) {
    post(channels_.ascents[index(station_->lane)], episode, signature_, nullptr, 0);  // [post]
  }

  /// Waits for the rank of the lane that sees to the episode, and takes the result from it.
  [[gnu::noinline]] Progress follow(Episode episode, void* out, std::size_t bytes) {
    if (is_out_of_step_) return out_of_step(episode);
    const Line<Policy>& line = own_release_->line(episode);
    const auto is_released = [&] { return line.episode.load(std::memory_order_relaxed) == episode; };
    while (!is_released()) {
      if (crew_->sleep({&line.episode, episode}) == WaitResult::aborted && !is_released()) return Progress::aborted;
    }
    if (bytes != 0) std::memcpy(out, line.payload, bytes);
    return Progress::complete;
  }

  void release_own(Episode episode, const void* out, std::size_t bytes) {
    Line<Policy>& line = own_release_->line(episode);
    if (bytes != 0) std::memcpy(line.payload, out, bytes);
    line.episode.store(episode, std::memory_order_release);
    crew_->wake();
  }

  Progress out_of_step(Episode episode) {
    mismatched_seat_ = crew_->first_seat_at(episode);
    return Progress::mismatched;
  }

  [[gnu::always_inline]] inline void post(Channel<Policy>& channel, Episode episode, Signature signature,
                                          const void* payload, std::size_t bytes) {
    Line<Policy>& line = channel.line(episode);
    line.signature = signature;
    if (bytes != 0) std::memcpy(line.payload, payload, bytes);
    line.episode.exchange(episode, std::memory_order_seq_cst);  // [post] [ascend] [release]
    bells_->ring(channel.watchers);
  }

  template <class Combine, class MakeContent>
  [[gnu::always_inline]] inline Progress retire(Episode episode, Combine&& combine, MakeContent&& content, void* out,
                                                std::size_t bytes) {
    // The own line is left alone: reading it back while peers fetch it would slow both (skein-bench barrier).
    if (ascends_at_once_) [[unlikely]]
      ascend(episode, content());
    for (std::size_t i = 0; i < children_.size(); ++i) {
      const Progress progress = see_post(*children_[i], station_->children[i].lane, episode);  // [see]
      if (progress != Progress::complete) return progress;
    }
    if (!is_deep_) [[likely]] {
      if (released_by_ == nullptr) combine(out);
    } else {
      const Content gathered = content();
      const Progress progress = pass_on(episode, gathered, out);
      if (progress != Progress::complete) return progress;
      if (released_by_ == nullptr && gathered.need != Content::Need::fold) combine(out);
    }
    if (released_by_ != nullptr) {
      const Progress progress = see(*released_by_, episode);  // [free]
      if (progress != Progress::complete) return progress;
      if (bytes != 0) std::memcpy(out, released_by_->line(episode).payload, bytes);
    }
    for (Channel<Policy>* release : releases_) post(*release, episode, 0, out, bytes);  // [release]
    return Progress::complete;
  }

  /// What a leader does between its children's arrival and its release.
  [[gnu::noinline]] Progress pass_on(Episode episode, const Content& content, void* out) {
    const bool folds = content.need == Content::Need::fold;
    const bool gathers_folds = folds && !content.is_long();
    if (released_by_ != nullptr) {
      if (!station_->ascends) return Progress::complete;
      ascend(episode, content);
      return Progress::complete;
    }
    if (others_ == nullptr) {
      if (!gathers_folds) return Progress::complete;
      Contributions all = gathering_.all_parts(episode);
      gathering_.gather(all, episode, content);
      all.fold_all(content, static_cast<std::byte*>(out));
      return Progress::complete;
    }
    Contributions& known = others_->contributions();
    known.reset(content.bytes);
    if (gathers_folds) {
      gathering_.gather(known, episode, content);
    } else {
      gathering_.gather_lines(known, episode, content);
      if (folds) known.fold_blocks(content);
    }
    const Progress progress = meet_hosts(episode, content);
    if (progress != Progress::complete) return progress;
    if (folds) {
      known.fold_all(content, static_cast<std::byte*>(out));
    } else {
      for (int i = 0; i < known.count(); ++i) {
        std::memcpy(channels_.mirrored(known.block(i).begin, content.bytes), known.payload(i), content.bytes);
      }
    }
    return Progress::complete;
  }

  void ascend(Episode episode, const Content& content) {
    const std::byte* payload = nullptr;
    std::size_t bytes = 0;
    int count = 0;
    if (content.need == Content::Need::fold && !content.is_long()) {
      Contributions own = gathering_.own_parts(episode);
      gathering_.gather(own, episode, content, ascends_at_once_ ? Whose::own_ranks : Whose::all);
      count = own.count();
      payload = station_->block.ranks != 0 ? own.payload(0) : reinterpret_cast<const std::byte*>(&count);
      bytes = station_->block.ranks != 0 ? content.bytes : sizeof(count);
    }
    post(channels_.ascents[index(station_->lane)], episode, signature_, payload, bytes);  // [ascend]
  }

  Progress meet_hosts(Episode episode, const Content& content) {
    others_->start(episode, signature_, content);
    mismatched_seat_ = -1;
    while (true) {
      const Progress progress = others_->advance();
      if (progress != Progress::pending) return progress;
      const auto can_advance = [this] { return others_->can_advance(); };
      if (waiter_->until_polled(can_advance) == WaitResult::aborted) return Progress::aborted;
    }
  }

  [[gnu::always_inline]] inline Progress see_post(Channel<Policy>& peer, int lane, Episode episode) {
    const Progress progress = see(peer, episode);
    if (progress != Progress::complete) return progress;
    if (peer.line(episode).signature == signature_) [[likely]]
      return Progress::complete;
    mismatched_seat_ = stations_->of_lane[index(lane)].seats.front();
    return Progress::mismatched;
  }

  [[gnu::always_inline]] inline Progress see(Channel<Policy>& channel, Episode episode) {
    const auto& theirs = channel.line(episode).episode;
    const auto is_posted = [&] { return theirs.load(std::memory_order_seq_cst) == episode; };
    const WaitResult result = waiter_->until(is_posted, channel.watchers, {&theirs, episode});
    return result == WaitResult::ready ? Progress::complete : Progress::aborted;
  }

  // What every episode touches comes first, that of a rank in a crew before all, and nothing of it is reached through something
  // else.
  Episode arrived_;
  Crew<Policy>* crew_;
  Channel<Policy>* own_;
  Channel<Policy>* own_release_ = nullptr;  ///< of the lane, if it carries several ranks
  int seat_;
  Arrival arrival_ = Arrival::last;
  bool is_out_of_step_ = false;             ///< with another rank of its lane
  bool is_deep_ = false;                    ///< somebody passes on contributions
  bool ascends_at_once_ = false;            ///< all-to-all among lanes, of which this one carries several ranks
  Signature signature_ = 0;                 ///< of the newest own post
  std::vector<Channel<Policy>*> children_;  // in the order of the station's
  Channel<Policy>* released_by_ = nullptr;
  std::vector<Channel<Policy>*> releases_;
  Waiter<Policy>* waiter_;
  Bells<Policy>* bells_;

  Channels<Policy> channels_;
  const Stations* stations_;
  const Station* station_;
  Gathering<Policy> gathering_;
  HostExchange* others_;
  int mismatched_seat_ = -1;
};

}  // namespace skein
