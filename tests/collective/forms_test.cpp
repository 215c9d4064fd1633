// SPDX-License-Identifier: Apache-2.0
//
// What may be passed to collectives, and how: operators, several operands, containers and Eigen objects, what rank 0 does for
// all. That the values are right in every layout is what collectives_program shows.
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <string>
#include <vector>

#include "skein/eigen.hpp"
#include "skein/skein.hpp"
#include "team/run_team.hpp"

namespace {

using skein::Team;
using skein_test::on_teams;
using skein_test::Outcome;
using skein_test::run;

// Never a fatal assertion among collectives: it would leave the other ranks alone.
#define SKEIN_EXPECT(condition) EXPECT_TRUE(condition) << "on rank " << team.rank() << " of " << team.size()

// Defect: an operator that is another one, or loses what makes it one for integers.
TEST(Operators, AreThoseOfMpi) {
  on_teams([](Team& team) {
    const int n = team.size();
    const int bit = 1 << team.rank();
    const int all_bits = (1 << n) - 1;
    SKEIN_EXPECT(team.allreduce(bit, skein::sum) == all_bits);
    SKEIN_EXPECT(team.allreduce(2.0, skein::prod) == std::ldexp(1.0, n));
    SKEIN_EXPECT(team.allreduce(team.rank(), skein::min) == 0);
    SKEIN_EXPECT(team.allreduce(team.rank(), skein::max) == n - 1);
    SKEIN_EXPECT(team.allreduce(bit, skein::bit_or) == all_bits);
    SKEIN_EXPECT(team.allreduce(all_bits ^ bit, skein::bit_and) == 0);
    SKEIN_EXPECT(team.allreduce(bit | 64, skein::bit_xor) == (all_bits | (n % 2 == 0 ? 0 : 64)));
    SKEIN_EXPECT(team.allreduce(team.rank() + 1, skein::logical_and) == 1);
    SKEIN_EXPECT(team.allreduce(team.rank(), skein::logical_and) == 0);
    SKEIN_EXPECT(team.allreduce(team.rank() == n - 1 ? 8 : 0, skein::logical_or) == (n == 1 ? 8 : 1));
    SKEIN_EXPECT(team.allreduce(false, skein::logical_or) == false);
    SKEIN_EXPECT(team.allreduce(true, skein::logical_xor) == (n % 2 == 1));
    SKEIN_EXPECT(team.allreduce(bit, std::plus<>()) == all_bits);
  });
}

// Defect: a location that depends on who came first, or that belongs to another value.
TEST(Operators, LocationsOfEqualValuesAreTheLowest) {
  on_teams([](Team& team) {
    const int last = team.size() - 1;
    const skein::Located lowest = team.allreduce(skein::Located{-1.0 * team.rank(), team.rank()}, skein::minloc);
    SKEIN_EXPECT(lowest == (skein::Located<double>{-1.0 * last, last}));
    const skein::Located tie = team.allreduce(skein::Located{7, 100 - team.rank()}, skein::maxloc);
    SKEIN_EXPECT(tie == (skein::Located<int>{7, 100 - last}));
    const skein::Located first = team.allreduce(skein::Located{7.0F, team.rank()}, skein::minloc);
    SKEIN_EXPECT(first.location == 0);
  });
}

// Defect: operands that get each other's operator, or offset, or bits that differ from those of calls one by one.
TEST(Operands, SeveralValuesTravelAsOne) {
  on_teams([](Team& team) {
    const double x = 0.1 * (team.rank() + 1);
    const auto [mass, peak, any, where] =
        team.allreduce(skein::sum(x), skein::max(team.rank()), skein::logical_or(team.rank() == 2),
                       skein::minloc(skein::Located{x, team.rank()}));
    SKEIN_EXPECT(mass == team.allreduce(x, skein::sum));
    SKEIN_EXPECT(peak == team.size() - 1);
    SKEIN_EXPECT(any == (team.size() > 2));
    SKEIN_EXPECT(where.location == 0 && where.value == 0.1);
    const auto [left] = team.allreduce(skein::operand(x, [](double a, double) { return a; }));
    SKEIN_EXPECT(left == 0.1);
    // Element by element, as in the other forms.
    const auto [pair, vector] =
        team.allreduce(skein::max(std::array{team.rank(), -team.rank()}), skein::sum(Eigen::Vector2d(team.rank(), 1)));
    SKEIN_EXPECT(pair[0] == team.size() - 1 && pair[1] == 0);
    SKEIN_EXPECT(vector[1] == team.size());
    // More than fits a line.
    const std::array<double, 9> many{x};
    const auto [firsts, count] = team.allreduce(
        skein::operand(many, [](const std::array<double, 9>& a, const std::array<double, 9>&) { return a; }),
        skein::sum(1));
    SKEIN_EXPECT(firsts[0] == 0.1 && count == team.size());
  });
}

/// As good as trivially copyable, and neither said so nor made from nothing.
struct Weight {
  explicit Weight(double mass) : kg(mass) {}
  Weight(const Weight& other) : kg(other.kg) {}  // NOLINT(modernize-use-equals-default)
  Weight& operator=(const Weight& other) = default;
  ~Weight() {}  // NOLINT(modernize-use-equals-default)
  double kg;
};

}  // namespace

template <>
inline constexpr bool skein::kCopiesAsBytes<Weight> = true;

namespace {

// Defect: a form that asks more of a value than that it can travel as bytes.
TEST(Values, NeedNoMoreThanToTravelAsBytes) {
  on_teams([](Team& team) {
    const auto add = [](const Weight& left, const Weight& right) { return Weight(left.kg + right.kg); };
    const double all = team.size();
    SKEIN_EXPECT(team.allreduce(Weight(1), add).kg == all);
    SKEIN_EXPECT(team.iallreduce(Weight(1), add).wait().kg == all);
    SKEIN_EXPECT(team.ibcast(Weight(team.rank()), 0).wait().kg == 0);
    SKEIN_EXPECT(std::get<0>(team.allreduce(skein::operand(Weight(2), add))).kg == 2 * all);
    SKEIN_EXPECT(std::get<0>(team.iallreduce(skein::operand(Weight(3), add)).wait()).kg == 3 * all);
  });
}

// Defect: any_order that is not the operator.
TEST(Operators, AnyOrderIsTheSameOperator) {
  on_teams([](Team& team) {
    SKEIN_EXPECT(team.allreduce(team.rank(), skein::any_order(skein::sum)) == team.size() * (team.size() - 1) / 2);
    std::vector<long> many(5000, team.rank());
    team.allreduce(many, skein::any_order([](long a, long b) { return a + b; }));
    SKEIN_EXPECT(many.back() == team.size() * (team.size() - 1) / 2);
  });
}

// Defect: lanes that combine the same parts in different ways, so that ranks of one call get different bits.
TEST(Operators, AnyOrderGivesAllRanksTheSameBits) {
  for (const int lanes : {1, 2, 3, 8}) {
    SCOPED_TRACE(std::to_string(lanes) + " lanes");
    skein::Options options;
    options.ranks = 8;
    options.lanes = lanes;
    options.mpi = skein::MpiUse::off;
    skein::Runtime runtime(options);
    const int code = runtime.run([](Team& team) {
      for (int i = 0; i < 50; ++i) {
        const double mine = std::sin(1.0 + team.rank() + 10.0 * i) * std::pow(10.0, team.rank() % 4);
        const double sum = team.allreduce(mine, skein::any_order(skein::sum));
        std::vector<double> sums(static_cast<std::size_t>(team.size()));
        team.allgather(sum, sums);
        for (const double other : sums) SKEIN_EXPECT(other == sum);
      }
    });
    EXPECT_EQ(code, 0);
  }
}

// Defect: an initial value that is left out, added twice, or added on rank 0 to what is not there.
TEST(Exscan, BeginsWithTheInitialValue) {
  on_teams([](Team& team) {
    SKEIN_EXPECT(team.exscan(team.rank() + 1, skein::sum, 1000) == 1000 + team.rank() * (team.rank() + 1) / 2);
    const std::array<int, 2> pair =
        team.exscan(std::array{1, team.rank()}, skein::max, std::array{-5, std::numeric_limits<int>::min()});
    SKEIN_EXPECT(pair[0] == (team.rank() == 0 ? -5 : 1));
    SKEIN_EXPECT(pair[1] == (team.rank() == 0 ? std::numeric_limits<int>::min() : team.rank() - 1));
  });
}

// Defect: a container that is taken for a value, or whose size is not seen.
TEST(Buffers, ContainersServeAsTheyAre) {
  on_teams([](Team& team) {
    const auto n = static_cast<std::size_t>(team.size());
    const std::vector<int> mine = {team.rank(), 1};
    std::vector<int> out(2);
    team.allreduce(mine, out, skein::sum);
    SKEIN_EXPECT(out[1] == team.size());
    team.allreduce(out, skein::max);
    team.reduce(out, skein::min, 0);
    SKEIN_EXPECT(out[1] == team.size());
    std::vector<int> all(2 * n);
    team.allgather(mine, all);
    SKEIN_EXPECT(all[2 * n - 2] == team.size() - 1);
    double raw[3] = {1.0 * team.rank(), 0, 0};
    team.bcast(raw, team.size() - 1);
    SKEIN_EXPECT(raw[0] == team.size() - 1);
    // A std::array is one value.
    const std::array<double, 2> sums = team.allreduce(std::array{1.0, 2.0}, skein::sum);
    SKEIN_EXPECT(sums[1] == 2.0 * team.size());
    std::array<double, 2> array = {1.0, 0.0};
    team.allreduce(std::span(array), skein::sum);
    SKEIN_EXPECT(array[0] == team.size());
    std::string text = team.rank() == 0 ? "abc" : "xyz";
    team.bcast(text, 0);
    SKEIN_EXPECT(text == "abc");
    const std::vector<int> counts(n, 1);
    const skein::Ragged<int> dealt = team.alltoallv(std::vector<int>(n, team.rank()), counts);
    SKEIN_EXPECT(dealt[team.size() - 1][0] == team.size() - 1);
  });
}

// Defect: coefficients of a block that come from, or go to, their neighbours; a matrix taken in another order.
TEST(Buffers, EigenObjectsServeAsTheyAre) {
  on_teams([](Team& team) {
    const double r = team.rank();
    const double n = team.size();
    const double sum = n * (n - 1) / 2;
    const Eigen::Vector3d total = team.allreduce(Eigen::Vector3d(r, 1, -r), skein::sum);
    SKEIN_EXPECT(total == Eigen::Vector3d(sum, n, -sum));
    const Eigen::Array22d product = team.allreduce(Eigen::Array22d::Constant(2).eval(), skein::prod);
    SKEIN_EXPECT((product == std::ldexp(1.0, team.size())).all());

    Eigen::MatrixXd matrix = Eigen::MatrixXd::Constant(4, 5, r);
    team.allreduce(matrix, skein::sum);
    SKEIN_EXPECT((matrix.array() == sum).all());
    matrix.setConstant(r);
    team.allreduce(matrix.row(2), skein::sum);             // not contiguous
    team.allreduce(matrix.block(0, 1, 2, 2), skein::max);  // nor this
    team.allreduce(matrix.col(4), skein::max);             // but this
    Eigen::MatrixXd expected = Eigen::MatrixXd::Constant(4, 5, r);
    expected.row(2).setConstant(sum);
    expected.block(0, 1, 2, 2).setConstant(n - 1);
    expected.col(4) = expected.col(4).cwiseMax(n - 1);
    SKEIN_EXPECT(matrix == expected);

    Eigen::VectorXd parts = Eigen::VectorXd::Constant(5, r);
    team.allreduce(parts.segment(1, 2), skein::sum);
    team.allreduce(parts.tail<1>(), skein::max);
    SKEIN_EXPECT(parts[0] == r && parts[2] == sum && parts[3] == r && parts[4] == n - 1);
    const Eigen::Vector3d before = team.exscan(Eigen::Vector3d(r, 1, 0), skein::sum, Eigen::Vector3d(0, 0, 7));
    SKEIN_EXPECT(before == Eigen::Vector3d(r * (r - 1) / 2, r, 7));
    const Eigen::Vector3d so_far = team.scan(Eigen::Vector3d(r, 1, 0), skein::sum);
    SKEIN_EXPECT(so_far == before + Eigen::Vector3d(r, 1, -7));

    std::vector<double> memory(6, r);
    Eigen::Map<Eigen::VectorXd, 0, Eigen::InnerStride<2>> every_other(memory.data(), 3);
    team.allreduce(every_other, skein::sum);
    SKEIN_EXPECT(memory == (std::vector<double>{sum, r, sum, r, sum, r}));
    Eigen::Map<Eigen::VectorXd> plain(memory.data(), 6);
    team.bcast(plain, team.size() - 1);
    SKEIN_EXPECT(memory[1] == n - 1);
    Eigen::VectorXd doubled(6);
    team.allreduce(2 * plain, doubled, skein::max);  // an expression
    SKEIN_EXPECT(doubled[1] == 2 * (n - 1));

    const std::vector<Eigen::Vector3d> particles(2, Eigen::Vector3d(r, 0, 0));
    const skein::Ragged<Eigen::Vector3d> everyone = team.allgatherv(particles);
    SKEIN_EXPECT(everyone[team.size() - 1][1] == Eigen::Vector3d(n - 1, 0, 0));
    std::vector<Eigen::Vector3d> sums = particles;
    team.allreduce(sums, skein::sum);
    SKEIN_EXPECT(sums[1] == Eigen::Vector3d(sum, 0, 0));
  });
}

// Defect: a function that runs on more ranks than one, or whose result only some of them get.
TEST(Once, RunsOnRankZeroForAll) {
  on_teams([](Team& team) {
    static std::atomic<int> runs{0};
    if (team.root()) runs = 0;
    team.barrier();
    SKEIN_EXPECT(team.root() == (team.rank() == 0));
    const double value = team.once([] { return ++runs * 1.5; });
    SKEIN_EXPECT(value == 1.5);
    static_assert(!skein::Transferable<std::array<int*, 1>> && !skein::Transferable<std::reference_wrapper<int>>);
    const std::string text = team.once([] { return std::string(100'000, static_cast<char>('a' + runs++)); });
    SKEIN_EXPECT(text == std::string(100'000, 'b'));
    const std::vector<int> none = team.once([] {
      ++runs;
      return std::vector<int>();
    });
    SKEIN_EXPECT(none.empty());
    team.once([] { ++runs; });
    SKEIN_EXPECT(runs == 4);
  });
}

// Defect: a failure of the one rank that leaves the others waiting.
TEST(Once, WhatItThrowsEndsTheRun) {
  for (const int ranks : {1, 2, 5}) {
    const Outcome outcome = run(ranks, [](Team& team) {
      team.once([]() -> int { throw skein::Error(skein::ExitCode::usage, "no such file"); });
    });
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.report.find("no such file"), std::string::npos) << outcome.report;
  }
}

// Defect: where the call stands is that of a wrapper, or of the library.
TEST(Where, IsTheLineOfTheCallOrOfTheWrappersCaller) {
  const auto wrapper = [](Team& team, std::source_location where = std::source_location::current()) {
    std::vector<int> out(1);
    team.alltoallv(std::vector<int>(7), std::vector<int>(2), out, std::vector<int>(2, 1), where);
  };
  const unsigned line = __LINE__ + 1;
  const auto body = [&](Team& team) { wrapper(team); };
  const Outcome outcome = run(2, body);
  EXPECT_EQ(outcome.code, 5);
  EXPECT_NE(outcome.report.find("forms_test.cpp:" + std::to_string(line)), std::string::npos) << outcome.report;
}

}  // namespace
