// SPDX-License-Identifier: Apache-2.0
//
// The exchange: the one mechanism under every collective. A rank arrives (posts its line), waits until the others have
// arrived, and leaves with what they posted. Arriving and completing are separate, which gives the split-phase forms.
//
// Who      every rank of a team, once per episode, in the same order.
// How      the ranks of a lane meet first (crew.hpp); the last of them goes on for all. It waits for the lines of the lane's
//          children in the formation (pattern.hpp). If the lane is led, it then posts an ascent and waits for a release; if
//          it is the root and there are other hosts, it meets their leaders (host_exchange.hpp). At last it releases whom
//          the lane leads, and its own. All-to-all is the case where all are children of all and nobody is led: there a lane
//          of several ranks posts its ascent, their folded contributions, at once.
// Cost     all-to-all: one line transfer, plus two overlapped ones for each rank beyond the second. Gather and release:
//          two hops; levels: two hops each. Each rank beyond the first of its lane: one change of fiber. No write that two
//          lanes contend for; no clock, no system call while peers are in step.
// Memory   the channels of line.hpp; allocates nothing.
// Source   all-to-all flags: Hoefler et al., "Fast Barrier Synchronization for InfiniBand", IPDPS 2006 (n-way
//          dissemination with n = p - 1). Sense reversal by monotone episodes: Mellor-Crummey and Scott, ACM TOCS 9(1),
//          1991, doi:10.1145/103727.103729, section 3.
//
// Edges
//   [post]     seq_cst exchange of `episode`: releases signature and payload to [see], and comes before [bell] of
//              doorbell.hpp in the total order, so a poster that finds no watcher cannot have been missed by a sleeper
//   [see]      seq_cst load (a plain mov on x86) of a peer's `episode`: acquires what the peer posted, and is also the
//              re-check after announcing to sleep, which an acquire load would not order
//   [ascend]   as [post], by a leader that has seen its children: passes their posts on to its own leader
//   [release]  as [post], by a leader: passes on every post that the root has seen, so a released rank may read the lines
//              of all ranks of the host and what came from other hosts
//   [free]     as [see], of a release line
//
// Within a lane nothing needs an order. Its release line is written with one, because the watchdog reads it from elsewhere.
//
// Order    episodes are retired in order. Seeing a peer's post of episode e means that it has posted all before e.
#pragma once

#include <span>
#include <type_traits>

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
        retired_(first - 1),
        crew_(crew),
        own_(&channels.arrivals[index(seat)]),
        seat_(seat),
        waiter_(&waiter),
        bells_(&bells),
        channels_(channels),
        stations_(&stations),
        station_(&stations.of_lane[index(stations.lane_of_seat[index(seat)])]),
        gathering_(channels_, stations, *station_),
        others_(others),
        spans_hosts_(spans_hosts) {
    for (const Station::Child& child : station_->children) {
      children_.push_back(child.leads ? &channels_.ascents[index(child.lane)] : &arrivals_of(child.lane));
      is_deep_ = is_deep_ || child.leads;
    }
    is_deep_ = is_deep_ || station_->ascends || spans_hosts;
    ascends_at_once_ = station_->ascends && station_->released_by < 0;
    for (const int line : station_->releases) releases_.push_back(&channels_.releases[index(line)]);
    if (station_->released_by >= 0) released_by_ = &channels_.releases[index(station_->released_by)];
    if (crew_ != nullptr) own_release_ = &channels_.releases[index(station_->own_release)];
  }

  /// Posts this rank's line for the next episode, which complete() follows. Needs fewer than kMaxOutstanding outstanding
  /// episodes.
  [[gnu::always_inline]] inline Episode arrive(Signature signature, const void* payload, std::size_t bytes) {
    const Episode episode = ++arrived_;
    signatures_[episode % kRingLines] = signature;
    if (crew_ == nullptr) [[likely]] {
      post(*own_, episode, signature, payload, bytes);  // [post]
    } else {
      join(episode, signature);
      if (bytes != 0) std::memcpy(own_->line(episode).payload, payload, bytes);
      if (arrival_ == Arrival::last && !station_->ascends) post_for_all(episode);
    }
    return episode;
  }

  /// The same for a split-phase barrier.
  Episode start(Signature signature) {
    if (crew_ == nullptr) return arrive(signature, nullptr, 0);
    const Episode episode = ++arrived_;
    signatures_[episode % kRingLines] = signature;
    join(episode, signature);
    if (arrival_ == Arrival::last) post_for_all(episode);
    return episode;
  }

  /// Waits until the newest episode is complete. `combine(out)` may read the payload of every rank and writes `bytes`
  /// of result to `out`; where there are leaders the root alone runs it and its result is passed on. `content()` says what
  /// leaders have to gather in its place.
  template <class Combine, class MakeContent>
  [[gnu::always_inline]] inline Progress complete(Combine&& combine, MakeContent&& content, void* out,
                                                  std::size_t bytes) {
    if (retired_ + 1 < arrived_) [[unlikely]] {
      const Progress progress = wait(arrived_ - 1);
      if (progress != Progress::complete) return progress;
    }
    if (crew_ != nullptr) [[unlikely]]
      return arrival_ == Arrival::last ? complete_for_all(combine, content, out, bytes) : follow(arrived_, out, bytes);
    return retire(arrived_, combine, content, out, bytes);
  }

  /// Retires outstanding split-phase episodes, all of them barriers, up to `episode`; waits for none.
  Progress test(Episode episode) { return retire_barriers<Testing>(episode); }

  /// As test, and waits.
  Progress wait(Episode episode) { return retire_barriers<Blocking>(episode); }

  Episode arrived() const { return arrived_; }
  Episode retired() const { return retired_; }
  int outstanding() const { return static_cast<int>(arrived_ - retired_); }

  /// What a rank of this host posted for `episode`. Valid between the episode's completion and kMaxOutstanding episodes
  /// later.
  const std::byte* payload(int seat, Episode episode) const {
    return channels_.arrivals[index(seat)].line(episode).payload;
  }

  /// What a rank of another host posted for the newest episode, if it was content of it. Valid until the next arrival.
  const std::byte* remote_payload(int rank) const { return channels_.mirror.data() + index(rank) * kInlineBytes; }

  /// After Progress::mismatched: the seat whose signature differs from this rank's, or -1 when that was another host.
  int mismatched_seat() const { return mismatched_seat_; }
  int mismatched_host() const { return others_->mismatched_host(); }

 private:
  struct Blocking {};
  struct Testing {};

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
    post(channels_.ascents[index(station_->lane)], episode, signatures_[episode % kRingLines], nullptr, 0);  // [post]
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
    retired_ = episode;
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
      const Progress progress = see_post<Blocking>(*children_[i], station_->children[i].lane, episode);  // [see]
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
      const Progress progress = see<Blocking>(*released_by_, episode);  // [free]
      if (progress != Progress::complete) return progress;
      if (bytes != 0) std::memcpy(out, released_by_->line(episode).payload, bytes);
    }
    for (Channel<Policy>* release : releases_) post(*release, episode, 0, out, bytes);  // [release]
    retired_ = episode;
    return Progress::complete;
  }

  /// What a leader does between its children's arrival and its release.
  [[gnu::noinline]] Progress pass_on(Episode episode, const Content& content, void* out) {
    const bool folds = content.need == Content::Need::fold;
    if (released_by_ != nullptr) {
      if (!station_->ascends) return Progress::complete;
      ascend(episode, content);
      return Progress::complete;
    }
    if (others_ == nullptr) {
      if (!folds) return Progress::complete;
      Contributions all = gathering_.all_parts(episode);
      gathering_.gather(all, episode, content);
      all.fold_all(content, static_cast<std::byte*>(out));
      return Progress::complete;
    }
    Contributions& known = others_->contributions();
    known.reset(content.bytes);
    if (folds) {
      gathering_.gather(known, episode, content);
    } else {
      gathering_.gather_lines(known, episode, content);
    }
    const Progress progress = meet_hosts<Blocking>(episode, content);
    if (progress != Progress::complete) return progress;
    if (folds) {
      known.fold_all(content, static_cast<std::byte*>(out));
    } else {
      for (int i = 0; i < known.count(); ++i) {
        std::memcpy(channels_.mirror.data() + index(known.block(i).begin) * kInlineBytes, known.payload(i),
                    content.bytes);
      }
    }
    return Progress::complete;
  }

  void ascend(Episode episode, const Content& content) {
    const std::byte* payload = nullptr;
    std::size_t bytes = 0;
    int count = 0;
    if (content.need == Content::Need::fold) {
      Contributions own = gathering_.own_parts(episode);
      gathering_.gather(own, episode, content, ascends_at_once_ ? Whose::own_ranks : Whose::all);
      count = own.count();
      payload = station_->block.ranks != 0 ? own.payload(0) : reinterpret_cast<const std::byte*>(&count);
      bytes = station_->block.ranks != 0 ? content.bytes : sizeof(count);
    }
    post(channels_.ascents[index(station_->lane)], episode, signatures_[episode % kRingLines], payload,
         bytes);  // [ascend]
  }

  template <class Mode>
  Progress meet_hosts(Episode episode, const Content& content) {
    if (!others_->is_under_way()) others_->start(episode, signatures_[episode % kRingLines], content);
    Progress progress = Progress::pending;
    const auto is_over = [&] { return (progress = others_->advance()) != Progress::pending; };
    mismatched_seat_ = -1;
    if constexpr (std::is_same_v<Mode, Testing>) {
      if (is_over()) return progress;
      waiter_->idle();
      return waiter_->is_aborted() ? Progress::aborted : Progress::pending;
    } else {
      return waiter_->until_polled(is_over) == WaitResult::ready ? progress : Progress::aborted;
    }
  }

  // Split-phase barriers are seen by each rank of a host for itself in every pattern, by the lines of all lanes: a release
  // would wait for a leader to call. Between hosts there is no other way than through the root, where some rank frees all.
  template <class Mode>
  [[gnu::noinline]] Progress retire_barriers(Episode episode) {
    if (is_out_of_step_) return out_of_step(arrived_);
    while (retired_ < episode) {
      const Progress progress = retire_barrier<Mode>(retired_ + 1);
      if (progress != Progress::complete) return progress;
      retired_ += 1;
      next_lane_ = 0;
    }
    return Progress::complete;
  }

  template <class Mode>
  Progress retire_barrier(Episode episode) {
    if (!spans_hosts_) return see_all_lanes<Mode>(episode);
    Channel<Policy>& wide = channels_.releases[index(station_->wide_release)];
    if (others_ == nullptr) return see<Mode>(wide, episode);  // [free]
    if (crew_ == nullptr) return retire_wide_barrier<Mode>(episode);
    const auto is_over = [&] { return wide.line(episode).episode.load(std::memory_order_seq_cst) == episode; };
    while (!is_over()) {
      if (!crew_->is_meeting_hosts) {
        const Meeting meeting(*crew_);
        return retire_wide_barrier<Mode>(episode);
      }
      if constexpr (std::is_same_v<Mode, Testing>) {
        waiter_->idle();
        return is_over() ? Progress::complete : waiter_->is_aborted() ? Progress::aborted : Progress::pending;
      } else {
        const auto may_go_on = [&] { return is_over() || !crew_->is_meeting_hosts; };
        if (waiter_->until(may_go_on, wide.watchers) == WaitResult::aborted) return Progress::aborted;
      }
    }
    return Progress::complete;
  }

  /// While it lives, a rank of the crew sees to a barrier between hosts.
  struct Meeting {
    explicit Meeting(Crew<Policy>& meeting_crew) : crew(meeting_crew) { crew.is_meeting_hosts = true; }
    ~Meeting() { crew.is_meeting_hosts = false; }
    Meeting(const Meeting&) = delete;
    Meeting& operator=(const Meeting&) = delete;
    Crew<Policy>& crew;
  };

  /// On the root.
  template <class Mode>
  Progress retire_wide_barrier(Episode episode) {
    Progress progress = see_all_lanes<Mode>(episode);
    if (progress != Progress::complete) return progress;
    if (!others_->is_under_way()) others_->contributions().reset(0);
    progress = meet_hosts<Mode>(episode, {});
    if (progress != Progress::complete) return progress;
    for (Channel<Policy>& release : channels_.releases.subspan(index(stations_->wide_releases_at))) {
      post(release, episode, 0, nullptr, 0);  // [release]
    }
    return Progress::complete;
  }

  template <class Mode>
  Progress see_all_lanes(Episode episode) {
    for (; next_lane_ < lanes(); ++next_lane_) {  // how far earlier tests of this episode came
      if (next_lane_ == station_->lane && crew_ == nullptr) continue;
      const Progress progress = see_post<Mode>(arrivals_of(next_lane_), next_lane_, episode);  // [see]
      if (progress != Progress::complete) return progress;
    }
    return Progress::complete;
  }

  template <class Mode>
  [[gnu::always_inline]] inline Progress see_post(Channel<Policy>& peer, int lane, Episode episode) {
    const Progress progress = see<Mode>(peer, episode);
    if (progress != Progress::complete) return progress;
    if (peer.line(episode).signature == signatures_[episode % kRingLines]) [[likely]]
      return Progress::complete;
    mismatched_seat_ = stations_->of_lane[index(lane)].seats.front();
    return Progress::mismatched;
  }

  template <class Mode>
  [[gnu::always_inline]] inline Progress see(Channel<Policy>& channel, Episode episode) {
    const auto& theirs = channel.line(episode).episode;
    const auto is_posted = [&] { return theirs.load(std::memory_order_seq_cst) == episode; };
    if constexpr (std::is_same_v<Mode, Testing>) {
      if (is_posted()) return Progress::complete;
      waiter_->idle();
      if (!waiter_->is_aborted()) return Progress::pending;
      return is_posted() ? Progress::complete : Progress::aborted;
    } else {
      const WaitResult result = waiter_->until(is_posted, channel.watchers, {&theirs, episode});
      return result == WaitResult::ready ? Progress::complete : Progress::aborted;
    }
  }

  // What every episode touches comes first, that of a rank in a crew before all, and nothing of it is reached through something
  // else.
  Episode arrived_;
  Episode retired_;
  Crew<Policy>* crew_;
  Channel<Policy>* own_;
  Channel<Policy>* own_release_ = nullptr;  ///< of the lane, if it carries several ranks
  int seat_;
  Arrival arrival_ = Arrival::last;
  bool is_out_of_step_ = false;             ///< with another rank of its lane
  bool is_deep_ = false;                    ///< somebody passes on contributions
  bool ascends_at_once_ = false;            ///< all-to-all among lanes, of which this one carries several ranks
  Signature signatures_[kRingLines]{};      ///< of the own posts
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
  bool spans_hosts_;
  int next_lane_ = 0;
  int mismatched_seat_ = -1;
};

}  // namespace skein
