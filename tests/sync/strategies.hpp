// SPDX-License-Identifier: Apache-2.0
//
// Who goes on at each point of a schedule that is explored, and which store a load returns: all ways in turn, drawn, by PCT, or
// as written down. explorer.hpp says where these come from.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace skein_test {

class Strategy {
 public:
  virtual ~Strategy() = default;

  /// Who goes on. `enabled` is never empty; the running fiber comes first if it is enabled.
  virtual std::size_t choose(const std::vector<int>& enabled, bool is_preemption_possible) = 0;

  /// How many stores before the newest is the one that is read, of so many that may be.
  virtual std::size_t choose_age(std::size_t stores) = 0;
};

/// Where it is drawn, one in so many of the loads that may return an older store does: so some are left for late ones.
inline constexpr std::size_t kStaleEvery = 8;

/// Depth-first search: repeats a prefix of choices, then stays with the running fiber where it can.
class Search final : public Strategy {
 public:
  explicit Search(int preemptions) : most_preemptions_(preemptions) {}

  std::size_t choose(const std::vector<int>& enabled, bool is_preemption_possible) override {
    const std::size_t step = steps_++;
    if (step == path_.size()) {
      const bool may_switch = !is_preemption_possible || preemptions_ < most_preemptions_;
      path_.push_back({0, may_switch ? enabled.size() : 1, is_preemption_possible});
    }
    const Decision& decision = path_[step];
    if (decision.is_preemption_possible && decision.chosen != 0) ++preemptions_;
    return decision.chosen;
  }

  std::size_t choose_age(std::size_t stores) override {
    const std::size_t step = steps_++;
    if (step == path_.size()) path_.push_back({0, stores, false});
    return path_[step].chosen;
  }

  /// Moves on to the next schedule; false when there is none.
  bool advance() {
    steps_ = 0;
    preemptions_ = 0;
    while (!path_.empty() && path_.back().chosen + 1 == path_.back().options) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().chosen;
    return true;
  }

 private:
  struct Decision {
    std::size_t chosen;
    std::size_t options;
    bool is_preemption_possible;
  };

  int most_preemptions_;
  std::vector<Decision> path_;
  std::size_t steps_ = 0;
  int preemptions_ = 0;
};

/// Schedules drawn at random.
class Dice final : public Strategy {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  std::size_t choose(const std::vector<int>& enabled, bool) override { return draw(enabled.size()); }
  std::size_t choose_age(std::size_t stores) override { return draw(kStaleEvery) == 0 ? draw(stores) : 0; }

 private:
  std::size_t draw(std::size_t options) { return std::uniform_int_distribution<std::size_t>(0, options - 1)(engine_); }

  std::mt19937_64 engine_;
};

/// PCT: the fiber of highest priority goes on; at depth - 1 points, the highest one becomes one of the lowest.
class Priorities final : public Strategy {
 public:
  Priorities(std::uint64_t seed, int fibers, int depth, std::uint64_t expected_points) : engine_(seed) {
    priorities_.resize(static_cast<std::size_t>(fibers));
    std::iota(priorities_.begin(), priorities_.end(), depth);  // above those that are given out at the changes
    std::shuffle(priorities_.begin(), priorities_.end(), engine_);
    std::uniform_int_distribution<std::uint64_t> any(1, std::max<std::uint64_t>(expected_points, 1));
    for (int i = 1; i < depth; ++i) changes_.push_back(any(engine_));
  }

  std::size_t choose(const std::vector<int>& enabled, bool) override {
    ++steps_;
    const auto best = [&] {
      return std::max_element(enabled.begin(), enabled.end(), [this](int a, int b) { return of(a) < of(b); });
    };
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      if (changes_[i] == steps_) of(*best()) = static_cast<int>(i);
    }
    return static_cast<std::size_t>(best() - enabled.begin());
  }

  std::size_t choose_age(std::size_t stores) override {
    const auto draw = [this](std::size_t options) {
      return std::uniform_int_distribution<std::size_t>(0, options - 1)(engine_);
    };
    return draw(kStaleEvery) == 0 ? draw(stores) : 0;
  }

 private:
  int& of(int fiber) { return priorities_[static_cast<std::size_t>(fiber)]; }

  std::mt19937_64 engine_;
  std::vector<int> priorities_;
  std::vector<std::uint64_t> changes_;
  std::uint64_t steps_ = 0;
};

/// The choices of a schedule that failed.
class Replay final : public Strategy {
 public:
  explicit Replay(const std::string& choices) : choices_(choices) {}

  std::size_t choose(const std::vector<int>& enabled, bool) override { return next(enabled.size()); }
  std::size_t choose_age(std::size_t stores) override { return next(stores); }

 private:
  std::size_t next(std::size_t options) {
    std::size_t chosen = 0;
    choices_ >> chosen;
    return std::min(chosen, options - 1);
  }

  std::istringstream choices_;
};

}  // namespace skein_test
