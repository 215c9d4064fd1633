// SPDX-License-Identifier: Apache-2.0
#include "rounds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>

#include "block.hpp"
#include "statistics.hpp"

namespace bench {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Rounds that may be rejected for steal time before the bench gives up waiting for a quiet machine.
constexpr int kAttemptsPerRound = 3;
constexpr std::uint64_t kBatches = 20;
constexpr std::uint64_t kMostSkewOps = 2000;
static_assert(kMostSkewOps <= kMaxTimes && kBatches <= kMaxTimes);

bool is_yardstick(Role role) { return role == Role::yardstick || role == Role::second_yardstick; }

// What one round gave: for every series the times of its batches per operation; empty when it failed.
struct Round {
  std::vector<std::vector<double>> batch_ns;
  bool stolen = false;
};

class Session {
 public:
  Session(const Lineup& lineup, const BenchOptions& options, const MachineFacts& facts,
          const ProgressFunction& progress)
      : lineup_(lineup), options_(options), facts_(facts), progress_(progress), random_(options.seed) {}

  Measurement run() {
    start_all();
    calibrate_all();
    std::vector<Round> clean;
    std::vector<Round> stolen;
    while (std::ssize(clean) < options_.rounds && anyone_left() &&
           std::ssize(clean) + std::ssize(stolen) < std::ptrdiff_t{kAttemptsPerRound} * options_.rounds) {
      progress_(static_cast<int>(clean.size()), options_.rounds, "rounds");
      Round round = one_round(clean.size() + stolen.size());
      (round.stolen ? stolen : clean).push_back(std::move(round));
    }
    progress_(options_.rounds, options_.rounds, "ending contenders");
    for (auto& contender : contenders_)
      if (contender) contender->end();
    result_.rejected = static_cast<int>(stolen.size());
    result_.with_steal = clean.empty();
    collect(clean.empty() ? stolen : clean);
    return std::move(result_);
  }

 private:
  struct Plan {
    Command command;
    std::uint64_t ops_per_time = 1;  // operations that one reported time stands for
  };

  // Runs `action` for one entrant; a failure drops the entrant and is recorded.
  template <class Action>
  void guarded(std::size_t entrant, Action&& action) {
    try {
      action();
    } catch (const ContenderError& error) {
      const Entrant& who = lineup_.entrants[entrant];
      result_.failures.push_back({who.spec.name, who.label, error.what()});
      contenders_[entrant].reset();
    }
  }

  bool anyone_left() const {
    return std::any_of(contenders_.begin(), contenders_.end(), [](const auto& c) { return c != nullptr; });
  }

  void start_all() {
    const int count = static_cast<int>(lineup_.entrants.size());
    contenders_.resize(lineup_.entrants.size());
    for (std::size_t e = 0; e < lineup_.entrants.size(); ++e) {
      const Entrant& who = lineup_.entrants[e];
      progress_(static_cast<int>(e), count, "starting " + who.spec.name);
      guarded(e, [&] {
        contenders_[e] = Contender::start(who.spec, static_cast<int>(e) + 1, listener_, options_.timeout);
      });
      if (!contenders_[e]) continue;
      result_.series.push_back({.entrant = e, .kind = is_yardstick(who.role) ? Kind::barrier : options_.kind});
      // An allreduce is also compared with the barrier of the same team.
      if (options_.kind == Kind::allreduce && who.role == Role::subject)
        result_.series.push_back({.entrant = e, .kind = Kind::barrier});
    }
  }

  Command base_command(Kind kind) const {
    Command command{.kind = kind};
    if (kind == Kind::allreduce || is_further_collective(kind)) command.count = options_.count;
    if (kind == Kind::skew) command.skew_ns = options_.skew_ns;
    return command;
  }

  bool large(Kind kind) const {
    return (kind == Kind::allreduce || is_further_collective(kind)) && options_.count > kSmallCount;
  }

  void calibrate_all() {
    plans_.resize(result_.series.size());
    for (std::size_t s = 0; s < result_.series.size(); ++s) {
      Series& series = result_.series[s];
      if (!contenders_[series.entrant]) continue;
      progress_(static_cast<int>(s), static_cast<int>(result_.series.size()),
                "calibrating " + lineup_.entrants[series.entrant].spec.name);
      guarded(series.entrant, [&] {
        Contender& contender = *contenders_[series.entrant];
        contender.resume();
        plans_[s] = calibrate(contender, series.kind);
        contender.stop();
        series.ops_per_block = plans_[s].command.batches * plans_[s].command.ops_per_batch;
      });
    }
  }

  // How many operations fit into a block: doubles a trial until it takes an eighth of the block's time.
  Plan calibrate(Contender& contender, Kind kind) {
    const double budget_ns = std::chrono::duration<double, std::nano>(options_.block_time).count();
    Command trial = base_command(kind);
    double per_op_ns = 0;
    for (std::uint64_t ops = large(kind) ? kPool : 1;; ops *= 2) {
      trial.warm_ops = ops;
      if (!large(kind))
        trial.ops_per_batch = ops;
      else
        trial.ops_per_batch = kPool;
      const std::int64_t before = now_ns();
      const Reply reply = contender.run(trial, options_.timeout);
      // Injected delays are part of what a block takes, though not of what is reported.
      const double took_ns =
          kind == Kind::skew ? static_cast<double>(now_ns() - before) / 2 : static_cast<double>(reply.times_ns.front());
      per_op_ns = std::max(1.0, took_ns / static_cast<double>(trial.ops_per_batch));
      if (took_ns >= budget_ns / 8 || ops >= options_.block || large(kind) ||
          (kind == Kind::skew && ops * 2 > kMostSkewOps))
        break;
    }
    return plan_for(kind, static_cast<std::uint64_t>(std::max(1.0, budget_ns / per_op_ns)));
  }

  Plan plan_for(Kind kind, std::uint64_t ops_in_budget) const {
    const std::uint64_t ops = std::clamp<std::uint64_t>(ops_in_budget, 1, options_.block);
    Plan plan{.command = base_command(kind)};
    Command& command = plan.command;
    if (kind == Kind::skew) {
      command.ops_per_batch = std::min(ops, kMostSkewOps);
    } else if (large(kind)) {
      command.ops_per_batch = plan.ops_per_time = kPool;
      command.batches = std::clamp<std::uint64_t>(ops / kPool, 1, kBatches);
    } else {
      command.batches = std::min(kBatches, ops);
      command.ops_per_batch = plan.ops_per_time = ops / command.batches;
    }
    command.warm_ops = std::max<std::uint64_t>(1, command.batches * command.ops_per_batch / 4);
    return plan;
  }

  Round one_round(std::size_t number) {
    Round round;
    round.batch_ns.resize(result_.series.size());
    std::vector<std::size_t> order;
    for (std::size_t s = 0; s < result_.series.size(); ++s) order.push_back(s);
    // The yardsticks come first, the others in random order.
    const auto first = std::partition(order.begin(), order.end(), [&](std::size_t s) {
      return is_yardstick(lineup_.entrants[result_.series[s].entrant].role);
    });
    std::shuffle(first, order.end(), random_);
    const std::uint64_t steal_before = steal_ticks(facts_.allowed);
    for (const std::size_t s : order) {
      const std::size_t entrant = result_.series[s].entrant;
      if (!contenders_[entrant]) continue;
      guarded(entrant, [&] {
        Contender& contender = *contenders_[entrant];
        Plan& plan = plans_[s];
        plan.command.seed = options_.seed + number;
        contender.resume();
        const Reply reply = contender.run(plan.command, options_.timeout);
        contender.stop();
        for (const std::int64_t time : reply.times_ns)
          round.batch_ns[s].push_back(static_cast<double>(time) / static_cast<double>(plan.ops_per_time));
      });
    }
    round.stolen = steal_ticks(facts_.allowed) != steal_before;
    return round;
  }

  void collect(const std::vector<Round>& rounds) {
    result_.rounds = static_cast<int>(rounds.size());
    for (std::size_t s = 0; s < result_.series.size(); ++s) {
      Series& series = result_.series[s];
      for (const Round& round : rounds) {
        const std::vector<double>& batches = round.batch_ns[s];
        series.round_ns.push_back(batches.empty() ? kNaN : median(batches));
        series.batch_ns.insert(series.batch_ns.end(), batches.begin(), batches.end());
      }
    }
  }

  const Lineup& lineup_;
  const BenchOptions& options_;
  const MachineFacts& facts_;
  const ProgressFunction& progress_;
  std::mt19937_64 random_;
  Listener listener_;
  std::vector<std::unique_ptr<Contender>> contenders_;  // one per entrant; null once it has failed
  std::vector<Plan> plans_;                             // one per series
  Measurement result_;
};

}  // namespace

Measurement measure(const Lineup& lineup, const BenchOptions& options, const MachineFacts& facts,
                    const ProgressFunction& progress) {
  return Session(lineup, options, facts, progress).run();
}

}  // namespace bench
