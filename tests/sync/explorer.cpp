// SPDX-License-Identifier: Apache-2.0
#include "sync/explorer.hpp"

#include <ucontext.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <sstream>
#include <vector>

#include "sync/explored_memory.hpp"
#include "sync/strategies.hpp"

namespace skein_test {
namespace {

constexpr std::size_t kStackBytes = std::size_t{256} * 1024;
constexpr std::uint64_t kMostPoints = 20'000;  // of one schedule: more is a loop that never ends

struct Cancelled {};  // unwinds the fibers of a schedule that failed

class Run {
 public:
  Run(const Explorer::Trial& trial, Strategy& strategy, int stale_reads)
      : trial_(&trial), strategy_(&strategy), stale_reads_(stale_reads) {}

  /// Empty when all fibers ended and the check passed.
  std::string execute();

  std::uint64_t points() const { return points_; }
  std::string choices() const {
    std::ostringstream text;
    for (std::size_t i = 0; i < choices_.size(); ++i) text << (i == 0 ? "" : " ") << choices_[i];
    return text.str();
  }

  static Run*& current() {
    static Run* run = nullptr;
    return run;
  }

  std::uint64_t load(const Explorer::Word& word, std::memory_order order) {
    point();
    if (is_cancelled_) return word.bits;
    Location& location = location_of(word);
    const std::size_t newest = location.stores.size() - 1;
    std::size_t oldest = running().view.of(word.location);
    if (order == std::memory_order_seq_cst) oldest = std::max(oldest, location.newest_seq_cst);
    std::size_t age = 0;
    if (oldest < newest && stale_reads_ > 0) {
      age = strategy_->choose_age(newest - oldest + 1);
      choices_.push_back(age);
    }
    if (age > 0) {
      --stale_reads_;
      running().has_read_stale = true;
    }
    see(word, newest - age, order);
    if (order == std::memory_order_seq_cst) location.newest_seq_cst = std::max(location.newest_seq_cst, newest - age);
    return location.stores[newest - age].bits;
  }
  void loaded_newest(const Explorer::Word& word, std::memory_order order) {
    if (!is_cancelled_) see(word, location_of(word).stores.size() - 1, order);
  }
  void before_write(const Explorer::Word& word) {
    point();
    location_of(word);  // knows what was there before
  }
  // Another may go on behind a write too, and see it without the plain writes that follow.
  void stored(const Explorer::Word& word, std::memory_order order, bool is_update) {
    ++writes_;
    if (is_cancelled_) return;
    Location& location = location_of(word);
    View& view = running().view;
    Store store{word.bits, {}};
    if (is_update) {
      see(word, location.stores.size() - 1, order);
      store.carried = location.stores.back().carried;
    }
    view.raise(word.location, location.stores.size());
    if (releases(order)) store.carried.join(view);
    if (order == std::memory_order_seq_cst) location.newest_seq_cst = location.stores.size();
    location.stores.push_back(std::move(store));
    point();
  }
  void plain_read(const Explorer::Word& word) {
    View& view = running().view;
    if (view.of(word.location) + 1 < location_of(word).stores.size()) {
      fail("a plain variable is read that may be half written");
    }
    if (location_of(word).reads.empty()) {
      std::vector<int> reads;
      for (std::size_t i = 0; i < fibers_.size(); ++i) reads.push_back(new_location(0));
      location_of(word).reads = std::move(reads);
    }
    const int reads = location_of(word).reads[static_cast<std::size_t>(running_)];
    view.raise(reads, count(reads));
  }
  void plain_write(const Explorer::Word& word) {
    const Location& location = location_of(word);
    View& view = running().view;
    bool is_alone = view.of(word.location) + 1 == location.stores.size();
    for (const int reads : location.reads) {
      is_alone = is_alone && view.of(reads) + 1 == locations_[static_cast<std::size_t>(reads)].stores.size();
    }
    if (!is_alone) fail("a plain variable is written that others may be reading or writing");
    view.raise(word.location, count(word.location));
  }
  void kill(int fiber) {
    point();
    fibers_[static_cast<std::size_t>(fiber)].has_ended = true;
  }
  void futex_wait(const void* word, const std::function<bool()>& is_expected) {
    point();
    if (!is_expected()) return;
    running().sleeps_on = word;
    give_way();
  }
  void futex_wake(const void* word) {
    point();
    for (Fiber& fiber : fibers_) {
      if (fiber.sleeps_on == word) fiber.sleeps_on = nullptr;
    }
  }
  // What others wrote since the fiber last came back from here, or before a stale read, it may not have seen yet.
  void pause() {
    Fiber& fiber = running();
    if (writes_ == fiber.seen_writes && !std::exchange(fiber.has_read_stale, false)) {
      fiber.is_paused = true;
      give_way();
      fiber.is_paused = false;
    } else {
      point();
    }
    fiber.seen_writes = writes_;
  }
  std::int64_t now_ns() { return ++clock_us_ * 1000; }
  void fail(const std::string& what) {
    if (failure_.empty()) failure_ = what;
    throw Cancelled();
  }

 private:
  struct Fiber {
    ucontext_t context{};
    bool has_ended = false;
    bool is_paused = false;
    bool has_read_stale = false;  ///< since the last pause
    std::uint64_t seen_writes = UINT64_MAX;
    const void* sleeps_on = nullptr;
    View view;
  };

  static std::vector<std::unique_ptr<std::byte[]>>& stacks() {
    static std::vector<std::unique_ptr<std::byte[]>> all;
    return all;
  }

  Fiber& running() { return fibers_[static_cast<std::size_t>(running_)]; }

  bool is_enabled(const Fiber& fiber) const {
    if (fiber.has_ended) return false;
    if (is_cancelled_) return true;
    return fiber.sleeps_on == nullptr && (!fiber.is_paused || writes_ != fiber.seen_writes);
  }

  int new_location(std::uint64_t bits) {
    locations_.push_back({.stores = {Store{bits, {}}}, .newest_seq_cst = 0, .reads = {}});
    return static_cast<int>(locations_.size()) - 1;
  }
  Location& location_of(const Explorer::Word& word) {
    if (word.location < 0) word.location = new_location(word.bits);
    return locations_[static_cast<std::size_t>(word.location)];
  }
  /// One more store, of which nothing is kept but the number.
  std::size_t count(int location) {
    std::vector<Store>& stores = locations_[static_cast<std::size_t>(location)].stores;
    stores.emplace_back();
    return stores.size() - 1;
  }
  void see(const Explorer::Word& word, std::size_t store, std::memory_order order) {
    View& view = running().view;
    view.raise(word.location, store);
    if (acquires(order)) view.join(location_of(word).stores[store].carried);
  }

  static void enter();
  void point();
  void give_way();
  int next();
  void switch_to(int fiber);

  const Explorer::Trial* trial_;
  Strategy* strategy_;
  int stale_reads_;  // that are left
  std::vector<Fiber> fibers_;
  std::vector<Location> locations_;
  ucontext_t main_{};
  int running_ = -1;
  bool is_cancelled_ = false;
  std::string failure_;
  std::uint64_t points_ = 0;
  std::uint64_t writes_ = 0;
  std::int64_t clock_us_ = 0;
  std::vector<std::size_t> choices_;
  std::vector<int> enabled_;
};

void Run::enter() {
  Run& run = *current();
  try {
    if (!run.is_cancelled_) run.trial_->body(run.running_);
  } catch (const Cancelled&) {
    run.is_cancelled_ = true;
  } catch (const std::exception& error) {
    run.failure_ = std::string("an exception left a fiber: ") + error.what();
    run.is_cancelled_ = true;
  }
  run.running().has_ended = true;
  run.switch_to(run.next());
}

/// The fiber that goes on, or -1 when none can.
int Run::next() {
  enabled_.clear();
  const bool may_stay = running_ >= 0 && is_enabled(running());
  if (may_stay) enabled_.push_back(running_);
  for (int i = 0; i < static_cast<int>(fibers_.size()); ++i) {
    if (i != running_ && is_enabled(fibers_[static_cast<std::size_t>(i)])) enabled_.push_back(i);
  }
  if (enabled_.empty()) return -1;
  if (enabled_.size() == 1 || is_cancelled_) return enabled_.front();
  choices_.push_back(strategy_->choose(enabled_, may_stay));
  return enabled_[choices_.back()];
}

void Run::switch_to(int fiber) {
  ucontext_t* from = running_ >= 0 ? &running().context : &main_;
  running_ = fiber;
  ucontext_t* to = fiber >= 0 ? &running().context : &main_;
  if (from != to) swapcontext(from, to);
}

void Run::give_way() {
  switch_to(next());
  if (is_cancelled_ && std::uncaught_exceptions() == 0) throw Cancelled();
}

void Run::point() {
  if (is_cancelled_) {
    if (std::uncaught_exceptions() == 0) throw Cancelled();
    return;
  }
  if (++points_ > kMostPoints) fail("it does not end");
  give_way();
}

std::string Run::execute() {
  current() = this;
  fibers_ = std::vector<Fiber>(static_cast<std::size_t>(trial_->fibers));
  while (stacks().size() < fibers_.size()) stacks().push_back(std::make_unique<std::byte[]>(kStackBytes));
  for (std::size_t i = 0; i < fibers_.size(); ++i) {
    ucontext_t& context = fibers_[i].context;
    getcontext(&context);
    context.uc_stack.ss_sp = stacks()[i].get();
    context.uc_stack.ss_size = kStackBytes;
    context.uc_link = nullptr;
    makecontext(&context, &Run::enter, 0);
  }
  switch_to(next());
  const auto has_ended = [](const Fiber& fiber) { return fiber.has_ended; };
  if (!std::all_of(fibers_.begin(), fibers_.end(), has_ended)) {
    if (failure_.empty()) {
      std::ostringstream text;
      text << "nobody can go on:";
      for (std::size_t i = 0; i < fibers_.size(); ++i) {
        const Fiber& fiber = fibers_[i];
        text << " fiber " << i
             << (fiber.has_ended              ? " has ended;"
                 : fiber.sleeps_on != nullptr ? " sleeps;"
                                              : " polls;");
      }
      failure_ = text.str();
    }
    is_cancelled_ = true;
    running_ = -1;
    while (!std::all_of(fibers_.begin(), fibers_.end(), has_ended)) switch_to(next());
  }
  current() = nullptr;
  if (failure_.empty()) failure_ = trial_->check();
  return failure_;
}

/// Runs one schedule and counts it; false when it failed.
bool run_one(const Explorer::MakeTrial& make, Strategy& strategy, int stale_reads, Explorer::Result& result) {
  const Explorer::Trial trial = make();
  Run run(trial, strategy, stale_reads);
  const std::string failure = run.execute();
  ++result.schedules;
  result.points += run.points();
  if (!failure.empty()) {
    result.failure = failure + "; schedule " + std::to_string(result.schedules) +
                     ", seen again with Explorer::replay(make, \"" + run.choices() + "\"" +
                     (stale_reads > 0 ? ", " + std::to_string(stale_reads) : "") + ")";
  }
  return failure.empty();
}

}  // namespace

Explorer::Result Explorer::all(const MakeTrial& make, int preemptions, std::uint64_t most, int stale_reads) {
  Result result;
  Search search(preemptions);
  while (result.schedules < most) {
    if (!run_one(make, search, stale_reads, result)) return result;
    if (!search.advance()) {
      result.is_complete = true;
      return result;
    }
  }
  return result;
}

Explorer::Result Explorer::random(const MakeTrial& make, std::uint64_t seed, std::uint64_t schedules, int stale_reads) {
  Result result;
  for (std::uint64_t i = 0; i < schedules; ++i) {
    Dice dice(seed + i);
    if (!run_one(make, dice, stale_reads, result)) break;
  }
  return result;
}

Explorer::Result Explorer::pct(const MakeTrial& make, std::uint64_t seed, std::uint64_t schedules, int depth,
                               int stale_reads) {
  Result result;
  const int fibers = make().fibers;
  std::uint64_t longest = 100;
  for (std::uint64_t i = 0; i < schedules; ++i) {
    Priorities priorities(seed + i, fibers, depth, longest);
    const std::uint64_t points = result.points;
    if (!run_one(make, priorities, stale_reads, result)) break;
    longest = std::max(longest, result.points - points);
  }
  return result;
}

Explorer::Result Explorer::replay(const MakeTrial& make, const std::string& choices, int stale_reads) {
  Result result;
  Replay strategy(choices);
  run_one(make, strategy, stale_reads, result);
  return result;
}

// Outside a schedule, as when a team is built, an operation is what it is.
std::uint64_t Explorer::load(const Word& word, std::memory_order order) {
  Run* run = Run::current();
  return run != nullptr ? run->load(word, order) : word.bits;
}
void Explorer::loaded_newest(const Word& word, std::memory_order order) {
  if (Run* run = Run::current()) run->loaded_newest(word, order);
}
void Explorer::before_write(const Word& word) {
  if (Run* run = Run::current()) run->before_write(word);
}
void Explorer::stored(Word& word, std::memory_order order, bool is_update) {
  if (Run* run = Run::current()) run->stored(word, order, is_update);
}
void Explorer::plain_read(const Word& word) {
  if (Run* run = Run::current()) run->plain_read(word);
}
void Explorer::plain_write(const Word& word) {
  if (Run* run = Run::current()) run->plain_write(word);
}
void Explorer::kill(int fiber) { Run::current()->kill(fiber); }
void Explorer::futex_wait(const void* word, const std::function<bool()>& is_expected) {
  if (Run* run = Run::current()) run->futex_wait(word, is_expected);
}
void Explorer::futex_wake(const void* word) {
  if (Run* run = Run::current()) run->futex_wake(word);
}
void Explorer::pause() {
  if (Run* run = Run::current()) run->pause();
}
std::int64_t Explorer::now_ns() { return Run::current() != nullptr ? Run::current()->now_ns() : 0; }
void Explorer::require(bool holds, const std::string& what) {
  if (!holds) Run::current()->fail(what);
}

}  // namespace skein_test
