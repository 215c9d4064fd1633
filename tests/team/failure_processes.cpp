// SPDX-License-Identifier: Apache-2.0
// Many failures one after the other across processes: a new team for each, on an MPI that this program starts and
// keeps.
// All processes must see the same code, one of them prints the one report, and the exception stays in its process.
//
//   failure_processes EPISODES
#include <mpi.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "team/failure_episode.hpp"

namespace {

using namespace failure_test;

int sum_of_all(int value) {
  int sum = 0;
  MPI_Allreduce(&value, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  return sum;
}

/// What the process writes to stderr while it lives.
class CapturedStderr {
 public:
  CapturedStderr() : file_(std::tmpfile()), original_(dup(STDERR_FILENO)) { dup2(fileno(file_), STDERR_FILENO); }
  CapturedStderr(const CapturedStderr&) = delete;
  CapturedStderr& operator=(const CapturedStderr&) = delete;
  ~CapturedStderr() {
    dup2(original_, STDERR_FILENO);
    close(original_);
    std::fclose(file_);
  }
  std::string text() const {
    std::string result;
    std::array<char, 4096> part{};
    std::rewind(file_);
    while (const std::size_t got = std::fread(part.data(), 1, part.size(), file_)) result.append(part.data(), got);
    return result;
  }

 private:
  std::FILE* file_;
  int original_;
};

/// Complaints about one episode, the same number in every process.
int wrongs_of(const Plan& plan, const skein::Options& options) {
  std::string report;
  int code = -1;
  bool is_original = false;
  {
    skein::Runtime runtime(options);
    const auto body = [&](skein::Team& team) { run_plan(team, plan); };
    if (plan.seed % 2 == 1) {
      const CapturedStderr captured;
      code = runtime.run(body);
      report = captured.text();
    } else {
      try {
        runtime.run_throwing(body);
      } catch (const Broken& broken) {
        is_original = true;
        code = broken.what() == plan.message() ? 5 : -2;
      } catch (const skein::TeamAborted& aborted) {
        code = std::string(aborted.what()).find(plan.message()) != std::string::npos ? 5 : -3;
      }
    }
  }
  const std::string wanted = fmt::format("rank {} failed: {}", plan.rank, plan.message());
  const int wrong_codes = sum_of_all(code == 5 ? 0 : 1);
  const int reports = sum_of_all(count_of(report, " failed: "));
  const int good_reports = sum_of_all(count_of(report, wanted));
  const int originals = sum_of_all(is_original ? 1 : 0);
  const int left = sum_of_all(living.load());
  const bool prints = plan.seed % 2 == 1;
  const bool is_well = wrong_codes == 0 && left == 0 && reports == (prints ? 1 : 0) &&
                       good_reports == (prints ? 1 : 0) && originals == (prints ? 0 : 1);
  if (!is_well) {
    fmt::print(
        stderr,
        "{}, rank {}: {} wrong codes (here {}), {} reports, {} of them right, {} original exceptions, {} objects "
        "left\n{}",
        plan.message(), plan.rank, wrong_codes, code, reports, good_reports, originals, left, report);
  }
  return is_well ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  int level = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
  const int episodes = argc > 1 ? std::atoi(argv[1]) : 1;
  int process = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &process);
  unsigned seed = process == 0 ? first_seed() : 0;
  MPI_Bcast(&seed, 1, MPI_UNSIGNED, 0, MPI_COMM_WORLD);
  std::minstd_rand random(seed);
  int size = 0;
  int wrongs = 0;
  {
    skein::Runtime runtime{skein::Options{}};
    size = runtime.size();
  }
  for (int episode = 0; episode < episodes; ++episode) {
    Plan plan;
    do {
      plan.inside = static_cast<Inside>(random() % kInsides);
      plan.moment = static_cast<Moment>(random() % kMoments);
    } while (plan.moment == Moment::in_operator && !has_operator(plan.inside));
    plan.rank = static_cast<int>(random() % static_cast<unsigned>(size));
    plan.seed = static_cast<unsigned>(random());
    skein::Options options;
    options.pattern = random() % 2 == 0 ? skein::Pattern::all_to_all : skein::Pattern::gather_release;
    wrongs += wrongs_of(plan, options);
  }
  if (process == 0) std::printf("%d episodes, %d went wrong\n", episodes, wrongs);
  MPI_Finalize();
  return wrongs == 0 ? 0 : 1;
}
