// SPDX-License-Identifier: Apache-2.0
#include "landau/simulation.hpp"

#include <chrono>
#include <cmath>
#include <memory>
#include <optional>

#include <fmt/ranges.h>

#include "support/hdf5_file.hpp"
#include "support/progress.hpp"

namespace landau {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Which steps are looked at, and which of them are kept as a whole.
class Schedule {
 public:
  explicit Schedule(const Config& config)
      : steps_(config.steps()),
        every_(std::max<std::int64_t>(1, std::llround(config.moments_every / config.step))),
        first_snapshot_(std::min(std::llround(config.snapshots_from / config.step), static_cast<long long>(steps_))),
        snapshots_(std::min(config.snapshots, steps_ - first_snapshot_ + 1)) {}

  std::int64_t snapshots() const { return snapshots_; }
  std::int64_t snapshot_step(std::int64_t index) const {
    return snapshots_ < 2 ? steps_ : first_snapshot_ + (steps_ - first_snapshot_) * index / (snapshots_ - 1);
  }
  bool is_snapshot(std::int64_t step, std::int64_t next_snapshot) const {
    return next_snapshot < snapshots_ && step == snapshot_step(next_snapshot);
  }
  bool is_look(std::int64_t step) const { return step % every_ == 0 || step == steps_; }

 private:
  std::int64_t steps_, every_, first_snapshot_, snapshots_;
};

// The file of snapshots, open for the length of the run.
class SnapshotWriter {
 public:
  SnapshotWriter(const std::filesystem::path& folder, const Config& config, const Schedule& schedule)
      : file_(folder / kSnapshotFile) {
    const Problem problem = config.problem();
    const auto count = static_cast<std::size_t>(schedule.snapshots());
    file_.add_attribute("case", config.name);
    file_.add_attribute("model", "Vlasov-Poisson, 1D1V, electrons before fixed ions");
    file_.add_attribute("normalisation",
                        "lengths in Debye lengths, times in inverse plasma frequencies, "
                        "speeds in thermal speeds, densities in mean densities");
    file_.add_attribute("wave_number", config.wave_number);
    file_.add_attribute("amplitude", config.amplitude);
    file_.add_attribute("beam_speed", config.beam_speed);
    file_.add_attribute("time_step", config.step);
    file_.add_array("x", {problem.points_x}, "lambda_D", "position");
    file_.add_array("v", {problem.points_v}, "v_th", "velocity");
    file_.add_array("time", {count}, "1/omega_p", "time of each snapshot");
    file_.add_array("f", {count, problem.points_x, problem.points_v}, "n_0/v_th",
                    "distribution function f(time, x, v)");
    std::vector<double> x(problem.points_x);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = problem.x(i);
    std::vector<double> v(problem.points_v);
    for (std::size_t j = 0; j < v.size(); ++j) v[j] = problem.v(j);
    file_.write("x", x);
    file_.write("v", v);
  }

  void add(double time, std::span<const double> f, Record& record) {
    file_.write_item("f", record.snapshot_times.size(), f);
    record.snapshot_times.push_back(time);
  }

  void finish(Record& record) {
    file_.write("time", record.snapshot_times);
    record.snapshots_offset = file_.offset("f");
    file_.commit();
  }

 private:
  support::Hdf5File file_;
};

// "2 processes x 1 rank", or "1 + 3 ranks in 2 processes".
std::string describe_layout(skein::Team& team) {
  std::vector<int> process_of(static_cast<std::size_t>(team.size()));
  team.allgather(team.process(), std::span<int>(process_of));
  std::vector<int> ranks(static_cast<std::size_t>(team.processes()));
  for (const int process : process_of) ++ranks[static_cast<std::size_t>(process)];
  const auto plural = [](int n, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", n, n == 1 ? one : many);
  };
  const bool equal = std::ranges::all_of(ranks, [&](int n) { return n == ranks[0]; });
  if (!equal) return fmt::format("{} ranks in {} processes", fmt::join(ranks, " + "), team.processes());
  return fmt::format("{} x {}", plural(team.processes(), "process", "processes"), plural(ranks[0], "rank", "ranks"));
}

// What rank 0 does beside its share of the work.
class Reporter {
 public:
  Reporter(const Config& config, const std::filesystem::path& folder, const Schedule& schedule, Record& record)
      : record_(record), progress_(config.steps(), support::Progress::style_here()) {
    record_.field.reserve(static_cast<std::size_t>(config.steps()) + 1);
    if (schedule.snapshots() > 0) snapshots_.emplace(folder, config, schedule);
  }

  void note_field(std::int64_t step, double time, const FieldMoments& moments) {
    record_.field.push_back(moments);
    if (step > 0 && progress_.due(step))
      progress_.update(step, fmt::format("t = {:<8.6g} field energy {:.3e}", time, moments.energy));
  }

  void note_look(const Look& look) { record_.looks.push_back(look); }

  void note_snapshot(double time, std::span<const double> f) {
    const auto start = Clock::now();
    snapshots_->add(time, f, record_);
    writing_s_ += seconds_since(start);
  }

  void finish(Clock::time_point start) {
    record_.elapsed_s = seconds_since(start) - writing_s_;
    if (snapshots_) snapshots_->finish(record_);
  }

 private:
  Record& record_;
  support::Progress progress_;
  std::optional<SnapshotWriter> snapshots_;
  double writing_s_ = 0;
};

}  // namespace

void simulate(skein::Team& team, const Config& config, const std::filesystem::path& folder, Record& record) {
  const Schedule schedule(config);
  const std::int64_t steps = config.steps();
  const std::string layout = describe_layout(team);
  team.log("{}: {} x {} points, {} steps of {:g}, {}", config.name, config.points_x, config.points_v, steps,
           config.step, layout);

  Solver solver(team, config.problem());
  std::unique_ptr<Reporter> reporter;
  if (team.rank() == 0) reporter = std::make_unique<Reporter>(config, folder, schedule, record);

  team.barrier();
  const auto start = Clock::now();
  const double waited_before_s = team.waited_s();
  std::int64_t next_snapshot = 0;
  for (std::int64_t step = 0; step <= steps; ++step) {
    const double time = static_cast<double>(step) * config.step;
    solver.solve_field();
    if (reporter) reporter->note_field(step, time, solver.field_moments());

    // What is looked at is the state at the whole step, half a kick on from where drift() left it.
    const bool snapshot = schedule.is_snapshot(step, next_snapshot);
    const bool look = snapshot || schedule.is_look(step);
    if (look) {
      solver.observe(step == 0 ? 0 : config.step / 2, snapshot ? Solver::Keep::moments_and_f : Solver::Keep::moments);
    }
    solver.kick(step == 0 ? config.step / 2 : config.step);
    if (look && reporter) {
      const Moments moments = solver.moments();
      solver.check_range(moments);
      reporter->note_look({time, moments, record.field.back().energy});
      if (snapshot) reporter->note_snapshot(time, solver.kept_f());
    }
    if (snapshot) ++next_snapshot;
    if (step < steps) solver.drift();
  }
  const double waited_s = team.waited_s() - waited_before_s;
  if (reporter) reporter->finish(start);
  const double elapsed_s = team.allreduce(seconds_since(start), skein::sum);
  const double waited_by_all_s = team.allreduce(waited_s, skein::sum);
  if (reporter) {
    record.layout = layout;
    record.share_waiting = waited_by_all_s / elapsed_s;
  }
}

}  // namespace landau
