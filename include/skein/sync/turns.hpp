// SPDX-License-Identifier: Apache-2.0
//
// How the ranks of one lane take turns. One runs; it gives way only inside Skein calls: when it has to wait, when it asks to,
// or when it has ended. While none can go on, the lane climbs down the ladder of waiter.hpp for all of them, and sleeps only
// when all of them wait.
//
// Ready     ranks that can go on, in the order in which they became able to; with a seed, drawn from it.
// Queue     ranks that wait for others of their lane, which wake them: nobody polls for them.
// Outside   ranks that wait for words that other lanes write, or for other hosts: their conditions are looked at before every
//           change of rank, by whichever rank is running.
// Helpers   take turns as ranks do, from where a rank starts them until they rest: operations that it has begun and not
//           waited for.
// Abort     makes all ranks ready; they find out by the result of their wait.
// Cost      a wait in a queue: some ten instructions and one switch. Nothing here is atomic but what the conditions read:
//           the ranks of a lane run one at a time, on one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "skein/sync/waiter.hpp"

namespace skein {

/// Used by the ranks of its lane only, which are numbered from 0, and their helpers, which come behind them.
template <class Policy>
class Turns final : public LaneMates<Policy> {
 public:
  /// Goes on with another rank; returns when somebody has gone on with the one that calls.
  struct Switch {
    void (*to)(void* context, int rank) = nullptr;
    void* context = nullptr;
  };

  struct Settings {
    std::vector<WaitNotice<Policy>*> notices;  ///< of the ranks; null for none
    std::optional<std::uint64_t> seed;  ///< of the order in which ready ranks run; none: first come, first served
    std::function<void()> on_deadlock;  ///< every rank waits in a queue, so none will ever go on; may be empty
  };

  /// `lane` is how the lane waits once no rank can go on. Allocates here and in add_helper(), and nowhere else.
  Turns(int ranks, const Waiter<Policy>& lane, Switch switch_hook, Settings settings)
      : lane_(lane), switch_(switch_hook), settings_(std::move(settings)), ranks_(ranks), mates_(index(ranks)) {
    outside_.reserve(mates_.size());
    watched_.reserve(mates_.size());
    settings_.notices.resize(mates_.size());
    if (settings_.seed) random_.seed(*settings_.seed);
  }
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  int ranks() const { return ranks_; }

  /// Makes a helper, which rests. Its number.
  int add_helper() {
    const int helper = static_cast<int>(mates_.size());
    mates_.push_back({.has_ended = true});
    outside_.reserve(mates_.size());
    watched_.reserve(mates_.size());
    return helper;
  }

  /// The last one, which cannot run.
  void take_back_helper() { mates_.pop_back(); }

  /// Goes on with a helper that rests; the rank that calls is `owner`, and the next in turn.
  void start(int helper) {
    mates_[index(helper)] = {.owner = running_};
    push_first(ready_, running_);
    running_ = helper;
    switch_.to(switch_.context, helper);
  }

  /// By a helper: others go on; returns when it is started again.
  void rest() {
    mates_[index(running_)].has_ended = true;
    go_on();
  }

  /// The rank whose helper runs, or that runs itself.
  int running_owner() const { return running_ < ranks_ ? running_ : mates_[index(running_)].owner; }

  /// The one that runs, rank or helper; negative while none does.
  int running() const { return running_; }

  /// All ranks are about to start.
  void begin() {
    ready_ = {};
    outside_.clear();
    ended_ = 0;
    for (int rank = 0; rank < ranks(); ++rank) {
      mates_[index(rank)] = {};
      push(ready_, rank);
    }
  }

  /// At the start, and when a rank has ended: who goes on; negative when all have ended.
  int next() {
    if (running_ >= 0) {
      mates_[index(running_)].has_ended = true;
      ++ended_;
    }
    running_ = ended_ == ranks() ? -1 : pick();
    return running_;
  }

  /// Waits for something that is not of this lane.
  WaitResult wait(const Wait<Policy>& wait) override {
    const int own = running_;
    mates_[index(own)].wait = &wait;
    mates_[index(own)].awaited = wait.awaited;
    mates_[index(own)].waits_for_helpers = false;
    outside_.push_back(own);
    go_on();
    return mates_[index(own)].result;
  }

  /// Ranks that wait for others of their lane.
  class Queue {
   public:
    bool is_empty() const { return first_ < 0; }

   private:
    friend class Turns;
    int first_ = -1;
    int last_ = -1;
    std::uint64_t drains_ = 0;  ///< how often all ranks had been made ready when it was last used
  };

  /// Waits until woken. `awaited` is what will be written then.
  WaitResult sleep_in(Queue& queue, Awaited<Policy> awaited = {}) { return sleep(queue, awaited, false); }

  /// The same, for what helpers of the rank will do.
  WaitResult sleep_for_helpers(Queue& queue) { return sleep(queue, {}, true); }

  /// Makes all ready that wait in the queue. The rank that calls runs on.
  void wake(Queue& queue) {
    refresh(queue);
    if (queue.is_empty()) return;
    if (ready_.is_empty()) {
      ready_.first_ = queue.first_;
    } else {
      mates_[index(ready_.last_)].next = queue.first_;
    }
    ready_.last_ = queue.last_;
    queue = {};
  }

  bool can_go_on() const override { return !ready_.is_empty() || !outside_.empty(); }

  void give_way() override {
    lane_.idle();
    look_outside();
    if (ready_.is_empty() && lane_.is_aborted()) end_waits_outside();
    if (ready_.is_empty()) return;
    push(ready_, running_);
    go_on();
  }

  /// With a seed: anybody may run next, this rank too. Without one: nothing.
  void shake() {
    if (!settings_.seed) return;
    look_outside();
    push(ready_, running_);
    go_on();
  }

  std::int64_t waited_ns() const { return lane_.waited_ns(); }

 private:
  static constexpr int kNobody = -1;

  struct Mate {
    const Wait<Policy>* wait = nullptr;  ///< outside of the lane
    Awaited<Policy> awaited = {};
    WaitResult result = WaitResult::ready;
    int next = kNobody;              ///< in the queue that it is in
    int owner = kNobody;             ///< of a helper
    bool waits_for_helpers = false;  ///< of its own rank, and so for what these wait for
    bool has_ended = false;          ///< or rests
  };

  /// All ranks that wait, as one target.
  struct Everybody {
    const Turns& turns;

    // Some of them may be polled, for which the lane wakes up in time.
    bool is_polled() const { return false; }

    // As long as the lanes are nearly in step, telling for every rank would take longer than the wait.
    static constexpr std::int64_t kNoticeAfter_ns = 50'000;

    void announce(int lane) const {
      for (const int rank : turns.watched_) {
        if (auto* watchers = turns.mates_[index(rank)].wait->watchers; watchers != nullptr) watchers->announce(lane);
      }
    }
    void retract(int lane) const {
      for (const int rank : turns.watched_) {
        if (auto* watchers = turns.mates_[index(rank)].wait->watchers; watchers != nullptr) watchers->retract(lane);
      }
    }
    void begin_notice(std::int64_t now_ns) const {
      for (int rank = 0; rank < turns.ranks(); ++rank) {
        auto* notice = turns.settings_.notices[index(rank)];
        if (notice != nullptr && !turns.mates_[index(rank)].has_ended)
          notice->begin_for_any(now_ns, turns.awaited_by(rank));
      }
    }
    void end_notice() const {
      for (auto* notice : turns.settings_.notices) {
        if (notice != nullptr) notice->end();
      }
    }
  };

  static std::size_t index(int rank) { return static_cast<std::size_t>(rank); }

  /// The words that the rank and its helpers wait for; none if these are not known, or too many.
  typename WaitNotice<Policy>::Words awaited_by(int rank) const {
    typename WaitNotice<Policy>::Words words{};
    std::size_t count = 0;
    for (std::size_t i = 0; i < mates_.size(); ++i) {
      const Mate& mate = mates_[i];
      if ((i != index(rank) && mate.owner != rank) || mate.has_ended || mate.waits_for_helpers) continue;
      if (mate.awaited.word == nullptr || count == words.size()) return {};
      words[count++] = mate.awaited;
    }
    return words;
  }

  WaitResult sleep(Queue& queue, Awaited<Policy> awaited, bool waits_for_helpers) {
    const int own = running_;
    mates_[index(own)].wait = nullptr;
    mates_[index(own)].awaited = awaited;
    mates_[index(own)].waits_for_helpers = waits_for_helpers;
    mates_[index(own)].result = WaitResult::ready;
    refresh(queue);
    push(queue, own);
    go_on();
    return mates_[index(own)].result;
  }

  void push_first(Queue& queue, int rank) {
    mates_[index(rank)].next = queue.first_;
    queue.first_ = rank;
    if (queue.last_ < 0) queue.last_ = rank;
  }

  void push(Queue& queue, int rank) {
    mates_[index(rank)].next = -1;
    if (queue.is_empty()) {
      queue.first_ = rank;
    } else {
      mates_[index(queue.last_)].next = rank;
    }
    queue.last_ = rank;
  }

  /// Takes out the first rank, or with a seed any.
  int pop_ready() {
    if (settings_.seed) [[unlikely]]
      return draw_ready();
    const int rank = ready_.first_;
    ready_.first_ = mates_[index(rank)].next;
    if (ready_.first_ < 0) ready_.last_ = -1;
    return rank;
  }

  [[gnu::noinline]] int draw_ready() {
    int count = 0;
    for (int i = ready_.first_; i >= 0; i = mates_[index(i)].next) ++count;
    int before = -1;
    int rank = ready_.first_;
    for (auto steps = random_() % static_cast<std::uint64_t>(count); steps > 0; --steps) {
      before = std::exchange(rank, mates_[index(rank)].next);
    }
    const int after = mates_[index(rank)].next;
    (before < 0 ? ready_.first_ : mates_[index(before)].next) = after;
    if (after < 0) ready_.last_ = before;
    return rank;
  }

  // All ranks were made ready since, those in this queue too.
  void refresh(Queue& queue) const {
    if (queue.drains_ == drains_) return;
    queue = {};
    queue.drains_ = drains_;
  }

  void go_on() {
    const int own = running_;
    running_ = pick();
    if (running_ != own) switch_.to(switch_.context, running_);
  }

  /// Who runs next; climbs down the ladder while nobody can.
  int pick() {
    if (!outside_.empty()) look_outside();
    while (ready_.is_empty()) [[unlikely]]
      wait_for_somebody();
    return pop_ready();
  }

  [[gnu::noinline]] void look_outside() {
    for (std::size_t i = 0; i < outside_.size();) {
      Mate& mate = mates_[index(outside_[i])];
      if (!mate.wait->is_ready(mate.wait->condition)) {
        ++i;
        continue;
      }
      mate.result = WaitResult::ready;
      push(ready_, outside_[i]);
      outside_.erase(outside_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  [[gnu::noinline]] void wait_for_somebody() {
    if (outside_.empty() && settings_.on_deadlock) settings_.on_deadlock();
    std::chrono::nanoseconds longest_sleep = kForever;
    for (const int rank : outside_) longest_sleep = std::min(longest_sleep, mates_[index(rank)].wait->longest_sleep);
    watched_ = outside_;
    const auto somebody = [this] {
      look_outside();
      return !ready_.is_empty();
    };
    if (lane_.until_any(somebody, Everybody{*this}, longest_sleep) == WaitResult::aborted) make_all_ready();
  }

  // Whatever was posted before the abort has been looked at, here and in the next.
  void end_waits_outside() {
    for (const int rank : outside_) {
      mates_[index(rank)].result = WaitResult::aborted;
      push(ready_, rank);
    }
    outside_.clear();
  }

  void make_all_ready() {
    ++drains_;
    outside_.clear();
    for (std::size_t i = 0; i < mates_.size(); ++i) {
      if (mates_[i].has_ended) continue;
      mates_[i].result = WaitResult::aborted;
      push(ready_, static_cast<int>(i));
    }
  }

  Waiter<Policy> lane_;
  Switch switch_;
  Settings settings_;
  std::mt19937_64 random_;
  int ranks_;
  std::vector<Mate> mates_;
  Queue ready_;
  std::vector<int> outside_;
  std::vector<int> watched_;  ///< as outside_, when the lane began to wait
  int running_ = -1;
  int ended_ = 0;
  std::uint64_t drains_ = 0;
};

}  // namespace skein
