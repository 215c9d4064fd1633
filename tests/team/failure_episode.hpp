// SPDX-License-Identifier: Apache-2.0
//
// One run that ends in a failure: every rank makes the same calls with memory that disappears when it unwinds, and one
// rank throws at a chosen moment. Shared by the tests of one process and of several.
#pragma once

#include <fmt/format.h>
#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "skein/skein.hpp"

namespace failure_test {

/// What the others are inside of, or about to enter, when a rank fails.
enum class Inside {
  barrier,
  ibarrier,
  allreduce_value,
  allreduce_line,
  allreduce_large,
  iallreduce_line,
  iallreduce_large,
  outstanding_large,
  reduce_line,
  reduce_large,
  scan_line,
  scan_large,
  exscan_in_place,
  reduce_scatter_large,
  bcast_line,
  bcast_large,
  gather_large,
  allgather_line,
  allgather_large,
  scatter_large,
  alltoall_line,
  alltoall_large,
  gatherv_large,
  scatterv_large,
  alltoallv_large,
  once_large,
  shared,
  sleep,
};
inline constexpr int kInsides = static_cast<int>(Inside::sleep) + 1;

inline constexpr const char* kInsideNames[kInsides] = {"barrier",
                                                       "ibarrier",
                                                       "allreduce of a value",
                                                       "allreduce in the line",
                                                       "allreduce of 1 MiB",
                                                       "iallreduce in the line",
                                                       "iallreduce of 1 MiB",
                                                       "two outstanding calls of 1 MiB",
                                                       "reduce in the line",
                                                       "reduce of 1 MiB",
                                                       "scan in the line",
                                                       "scan of 1 MiB",
                                                       "exscan of 1 MiB in place",
                                                       "reduce_scatter of 1 MiB",
                                                       "bcast in the line",
                                                       "bcast of 1 MiB",
                                                       "gather of 1 MiB",
                                                       "allgather in the line",
                                                       "allgather of 1 MiB",
                                                       "scatter of 1 MiB",
                                                       "alltoall in the line",
                                                       "alltoall of 1 MiB",
                                                       "gatherv of up to 1 MiB",
                                                       "scatterv of up to 1 MiB",
                                                       "alltoallv of up to 1 MiB",
                                                       "once with 1 MiB",
                                                       "shared",
                                                       "sleep"};

enum class Moment {
  compute,      ///< before the rank's first Skein call
  between,      ///< after some rounds of the call went well
  in_operator,  ///< in the rank's own operator; as `last` where that is never called
  last,         ///< after the others' last call, while they leave
};
inline constexpr int kMoments = 4;
inline constexpr const char* kMomentNames[kMoments] = {"computing", "between calls", "in the operator", "at the end"};

constexpr bool has_operator(Inside inside) {
  return inside >= Inside::allreduce_value && inside <= Inside::reduce_scatter_large;
}

struct Plan {
  Inside inside = Inside::barrier;
  Moment moment = Moment::compute;
  int rank = 0;  ///< that fails
  unsigned seed = 0;

  std::string message() const {
    return fmt::format("broken {} around {}, seed {}", kMomentNames[static_cast<int>(moment)],
                       kInsideNames[static_cast<int>(inside)], seed);
  }
};

/// The exception of a failing rank, which remembers the rank.
class Broken : public std::runtime_error {
 public:
  Broken(const Plan& plan, int rank) : std::runtime_error(plan.message()), rank_(rank) {}
  int rank() const { return rank_; }

 private:
  int rank_;
};

/// Objects of ranks that live; 0 when every destructor has run.
inline std::atomic<int> living{0};

struct Counted {
  Counted() { living.fetch_add(1, std::memory_order_relaxed); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { living.fetch_sub(1, std::memory_order_relaxed); }
};

/// Numbers in pages of their own, unmapped by the destructor: whoever still reads them ends with a signal.
class Pages {
 public:
  Pages(std::size_t count, double first) : bytes_((count * sizeof(double) + 4095) / 4096 * 4096) {
    void* pages = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    values_ = {static_cast<double*>(pages), count};
    for (double& value : values_) value = first;
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() { munmap(values_.data(), bytes_); }

  double* begin() const { return values_.data(); }
  double* end() const { return values_.data() + values_.size(); }
  double operator[](std::size_t i) const { return values_[i]; }

 private:
  Counted counted_;
  std::size_t bytes_;
  std::span<double> values_;
};

/// A sum that throws at its n-th use. Not a lambda, so that all ranks name the same operator.
struct BreakingSum {
  const Plan* plan;
  int rank;
  long* uses_left;

  double operator()(double left, double right) const {
    if (--*uses_left == 0) throw Broken(*plan, rank);
    return left + right;
  }
};

/// Not an exception, which would look like the failure that is wanted.
inline void expect(const Plan& plan, bool holds) {
  if (holds) return;
  fmt::print(stderr, "wrong result: {}\n", plan.message());
  std::abort();
}

inline constexpr std::size_t kLarge = 4 * skein::kPieceBytes / sizeof(double);
inline constexpr std::size_t kInLine = 6;

inline std::size_t rank_of(const skein::Team& team) { return static_cast<std::size_t>(team.rank()); }

/// One call of the kind, on fresh memory. With the rank's number + 1 as every input, all results are known.
inline void make_call(skein::Team& team, const Plan& plan, long* uses_left) {
  const int size = team.size();
  const auto ranks = static_cast<std::size_t>(size);
  const double mine = team.rank() + 1;
  const double all = 0.5 * size * (size + 1);
  const int root = static_cast<int>(plan.seed % static_cast<unsigned>(size));
  const BreakingSum op{&plan, team.rank(), uses_left};
  const Counted counted;
  switch (plan.inside) {
    case Inside::barrier:
      team.barrier();
      break;
    case Inside::ibarrier: {
      skein::Request first = team.ibarrier();
      skein::Request second = team.ibarrier();
      if (!first.test()) first.wait();
      second.wait();
      break;
    }
    case Inside::allreduce_value:
      expect(plan, team.allreduce(mine, op) == all);
      break;
    case Inside::allreduce_line:
    case Inside::allreduce_large: {
      const std::size_t count = plan.inside == Inside::allreduce_line ? kInLine : kLarge;
      const Pages in(count, mine);
      const Pages out(count, 0);
      team.allreduce(in, out, op);
      expect(plan, out[0] == all && out[count - 1] == all);
      break;
    }
    case Inside::iallreduce_line:
    case Inside::iallreduce_large: {
      const std::size_t count = plan.inside == Inside::iallreduce_line ? kInLine : kLarge;
      const Pages in(count, mine);
      const Pages out(count, 0);
      skein::Request first = team.ibarrier();
      skein::Request second = team.iallreduce(in, out, op);
      second.wait();
      first.wait();
      expect(plan, out[0] == all && out[count - 1] == all);
      break;
    }
    case Inside::outstanding_large: {  // its failing rank throws before it waits
      const Pages in(kLarge, mine);
      const Pages sums(kLarge, 0);
      const Pages own(kLarge / ranks * ranks, mine);
      const Pages parts(kLarge / ranks * ranks, 0);
      skein::Request sum = team.iallreduce(in, sums, std::plus<>());
      skein::Request exchange = team.ialltoall(own, parts);
      if (plan.seed % 3 == 0) team.barrier();
      if (*uses_left > 0) throw Broken(plan, team.rank());
      sum.wait();
      exchange.wait();
      expect(plan, sums[0] == all && sums[kLarge - 1] == all && parts[0] == 1);
      break;
    }
    case Inside::reduce_line:
    case Inside::reduce_large: {
      const std::size_t count = plan.inside == Inside::reduce_line ? kInLine : kLarge;
      const Pages in(count, mine);
      const Pages out(count, 0);
      team.reduce(in, out, op, root);
      expect(plan, team.rank() != root || (out[0] == all && out[count - 1] == all));
      break;
    }
    case Inside::scan_line:
    case Inside::scan_large: {
      const std::size_t count = plan.inside == Inside::scan_line ? kInLine : kLarge;
      const Pages in(count, mine);
      const Pages out(count, 0);
      team.scan(in, out, op);
      expect(plan, out[0] == 0.5 * mine * (mine + 1) && out[count - 1] == out[0]);
      break;
    }
    case Inside::exscan_in_place: {
      const Pages data(kLarge, mine);
      team.exscan(data, op, 0.0);
      expect(plan, data[0] == 0.5 * mine * (mine - 1) && data[kLarge - 1] == data[0]);
      break;
    }
    case Inside::reduce_scatter_large: {
      const std::size_t part = kLarge / ranks;
      const Pages in(part * ranks, mine);
      const Pages out(part, 0);
      team.reduce_scatter(in, out, std::vector<std::size_t>(ranks, part), op);
      expect(plan, out[0] == all && out[part - 1] == all);
      break;
    }
    case Inside::bcast_line:
    case Inside::bcast_large: {
      const std::size_t count = plan.inside == Inside::bcast_line ? kInLine : kLarge;
      const Pages data(count, mine);
      team.bcast(data, root);
      expect(plan, data[0] == root + 1 && data[count - 1] == root + 1);
      break;
    }
    case Inside::gather_large:
    case Inside::allgather_line:
    case Inside::allgather_large: {
      const std::size_t count = plan.inside == Inside::allgather_line ? kInLine : kLarge / ranks;
      const Pages in(count, mine);
      const Pages out(count * ranks, 0);
      if (plan.inside == Inside::gather_large) {
        team.gather(in, out, root);
      } else {
        team.allgather(in, out);
      }
      const bool is_wanted = plan.inside != Inside::gather_large || team.rank() == root;
      expect(plan, !is_wanted || (out[0] == 1 && out[count * ranks - 1] == size));
      break;
    }
    case Inside::scatter_large: {
      const std::size_t count = kLarge / ranks;
      const Pages in(count * ranks, mine);
      const Pages out(count, 0);
      team.scatter(in, out, root);
      expect(plan, out[0] == root + 1 && out[count - 1] == root + 1);
      break;
    }
    case Inside::alltoall_line:
    case Inside::alltoall_large: {
      const std::size_t count = plan.inside == Inside::alltoall_line ? 1 : kLarge / ranks;
      const Pages in(count * ranks, mine);
      const Pages out(count * ranks, 0);
      team.alltoall(in, out);
      expect(plan, out[0] == 1 && out[count * ranks - 1] == size);
      break;
    }
    case Inside::gatherv_large: {
      const Pages in(kLarge / (1 + rank_of(team)), mine);
      const auto everyone = team.gatherv(in, root);
      expect(plan, team.rank() != root || everyone.values.back() == size);
      break;
    }
    case Inside::scatterv_large:
    case Inside::alltoallv_large: {
      std::vector<std::size_t> counts(ranks, kLarge / ranks);
      counts[0] /= 2;
      const Pages in(kLarge, mine);
      if (plan.inside == Inside::scatterv_large) {
        const std::vector<double> own = team.scatterv(in, counts, root);
        expect(plan, own.size() == counts[rank_of(team)] && own.back() == root + 1);
      } else {
        const auto everyone = team.alltoallv(in, counts);
        expect(plan, everyone.values.front() == 1 && everyone.values.back() == size);
      }
      break;
    }
    case Inside::once_large: {
      const std::vector<double> values = team.once([&] { return std::vector<double>(kLarge, all); });
      expect(plan, values.size() == kLarge && values.back() == all);
      break;
    }
    case Inside::shared: {
      const auto array = team.shared<double>(1000);
      for (double& value : array.block()) value = mine;
      team.barrier();
      expect(plan, array[0] == 1 && array[999] == size);
      break;
    }
    case Inside::sleep:
      std::this_thread::sleep_for(std::chrono::milliseconds(1 + team.rank() % 7));
      team.barrier();
      break;
  }
}

/// What every rank runs. Ranks other than the failing one never leave it well.
inline void run_plan(skein::Team& team, const Plan& plan) {
  const Counted counted;
  const bool fails = team.rank() == plan.rank;
  const auto fail_at = [&](Moment moment) {
    if (fails && plan.moment == moment) throw Broken(plan, team.rank());
  };
  std::minstd_rand random(plan.seed + 1);
  const int good_rounds = static_cast<int>(random() % 3);
  const long uses = 1 + static_cast<long>(random() % (plan.seed % 2 == 0 ? 6 : 40'000));
  fail_at(Moment::compute);
  for (int round = 0; round <= good_rounds; ++round) {
    if (round == good_rounds) fail_at(Moment::between);
    long uses_left = fails && plan.moment == Moment::in_operator && round == good_rounds ? uses : -1;
    make_call(team, plan, &uses_left);
  }
  if (fails) throw Broken(plan, team.rank());
}

/// Seeds of a test: different in every run, printed, and repeatable through SKEIN_TEST_SEED.
inline unsigned first_seed() {
  const char* given = std::getenv("SKEIN_TEST_SEED");  // NOLINT(concurrency-mt-unsafe): before any thread
  const unsigned seed =
      given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
  std::printf("SKEIN_TEST_SEED=%u\n", seed);
  std::fflush(stdout);
  return seed;
}

/// How often `what` occurs in `text`.
inline int count_of(const std::string& text, const std::string& what) {
  int count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

}  // namespace failure_test
