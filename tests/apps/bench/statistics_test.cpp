// SPDX-License-Identifier: Apache-2.0
// The figures: quantiles, ratios within rounds, the A/A band, verdicts, and which setting gets the plain name.
#include "statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "command_line.hpp"
#include "evaluation.hpp"
#include "machine_facts.hpp"

namespace {

const double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Quantile, InterpolatesBetweenNeighboursOfAnUnsortedList) {
  // Defect: taking the nearest value, or forgetting to sort.
  EXPECT_DOUBLE_EQ(bench::quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(bench::quantile({4, 1, 3, 2}, 0.25), 1.75);
  EXPECT_DOUBLE_EQ(bench::quantile({4, 1, 3, 2}, 0), 1);
  EXPECT_DOUBLE_EQ(bench::quantile({4, 1, 3, 2}, 1), 4);
  EXPECT_DOUBLE_EQ(bench::quantile({7}, 0.99), 7);
  EXPECT_TRUE(std::isnan(bench::quantile({}, 0.5)));
}

TEST(Ratios, UseOnlyRoundsInWhichBothWereMeasured) {
  // Defect: a contender that failed in round 2 shifts its later rounds against the reference.
  const std::vector<double> result = bench::ratios({10, kNaN, 30, 40}, {5, 5, kNaN, 4});
  EXPECT_EQ(result, (std::vector<double>{2, 10}));
}

TEST(Control, IsInconclusiveWithFewRatiosOrAWideBand) {
  // Defect: claiming something from three quick rounds, or on a machine on which nothing repeats.
  EXPECT_FALSE(bench::control(std::vector<double>(29, 1.0)).conclusive());
  EXPECT_TRUE(bench::control(std::vector<double>(30, 1.0)).conclusive());
  std::vector<double> wide(100, 1.0);
  std::fill(wide.begin(), wide.begin() + 10, 1.06);
  EXPECT_FALSE(bench::control(wide).conclusive());
  std::vector<double> low(100, 1.0);
  std::fill(low.begin(), low.begin() + 10, 0.94);
  EXPECT_FALSE(bench::control(low).conclusive());
  std::vector<double> outlier(100, 1.0);
  outlier[3] = 9;  // outside the central 95 %
  EXPECT_TRUE(bench::control(outlier).conclusive());
}

TEST(Judge, ClaimsNothingInsideTheBandAndNothingWithoutControl) {
  // Defect: a verdict that would flip when the same program ran again.
  const bench::Control band{.low = 0.96, .high = 1.04, .ratios = 100, .inconclusive = ""};
  using bench::Outcome;
  EXPECT_EQ(bench::judge("", 0.80, 0.9, 0, band).outcome, Outcome::met);
  EXPECT_EQ(bench::judge("", 0.88, 0.9, 0, band).outcome, Outcome::inconclusive);
  EXPECT_EQ(bench::judge("", 0.92, 0.9, 0, band).outcome, Outcome::inconclusive);
  EXPECT_EQ(bench::judge("", 0.98, 0.9, 0, band).outcome, Outcome::missed);
  EXPECT_EQ(bench::judge("", kNaN, 0.9, 0, band).outcome, Outcome::inconclusive);
  EXPECT_EQ(bench::judge("", 0.1, 0.9, 0, bench::control({})).outcome, Outcome::inconclusive);
}

TEST(Evaluation, NamesTheFastestSettingPlainAndComparesWithinRounds) {
  // Defect: the slow default of a peer is taken for the peer, or ratios are made of medians of different rounds.
  bench::Lineup lineup;
  const auto add = [&](bench::Role role, const char* name, const char* label, int processes) {
    bench::ContenderSpec spec{.name = name, .processes = processes};
    lineup.entrants.push_back({role, label, spec});
  };
  add(bench::Role::yardstick, "line", "pinned", 1);
  add(bench::Role::subject, "skein", "", 1);
  add(bench::Role::control, "skein", "control", 1);
  add(bench::Role::subject, "skein", "", 2);
  add(bench::Role::peer, "libgomp", "default", 1);
  add(bench::Role::peer, "libgomp", "active", 1);
  add(bench::Role::peer, "mpi", "default", 2);
  bench::Measurement measurement;
  measurement.rounds = 3;
  const std::vector<std::vector<double>> times{{50, 100, 200},  {40, 80, 160},   {40, 80, 160}, {44, 88, 176},
                                               {900, 900, 900}, {200, 400, 800}, {88, 176, 352}};
  for (std::size_t e = 0; e < times.size(); ++e)
    measurement.series.push_back(
        {.entrant = e, .kind = bench::Kind::barrier, .round_ns = times[e], .batch_ns = times[e]});
  bench::MachineFacts facts;
  facts.allowed = {0, 1};
  const bench::Evaluation result = bench::evaluate(lineup, measurement, bench::BenchOptions{}, facts);
  ASSERT_EQ(result.rows.size(), 6U);
  EXPECT_EQ(result.line_ns, 100);
  EXPECT_EQ(result.rows[0].contender, "skein");
  EXPECT_DOUBLE_EQ(result.rows[0].per_line.median, 0.8);
  EXPECT_EQ(result.rows[1].contender, "skein/control");
  EXPECT_EQ(result.rows[2].contender, "skein");
  EXPECT_DOUBLE_EQ(result.rows[2].to_skein.median, 1.1);
  EXPECT_EQ(result.rows[3].contender, "libgomp/default");
  EXPECT_EQ(result.rows[4].contender, "libgomp");
  EXPECT_DOUBLE_EQ(result.rows[4].to_skein.median, 5);
  EXPECT_EQ(result.rows[5].contender, "mpi");
  EXPECT_DOUBLE_EQ(result.rows[5].to_skein.median, 2);  // of Skein in as many processes
  EXPECT_EQ(result.verdicts.size(), 4U);                // line, libgomp, mpi, processes to threads
}

TEST(Evaluation, BetweenHostsTeamsOfAsManyRanksAreCompared) {
  // Defect: MPI's four processes are set beside Skein's two ranks, or its slower team is taken for a setting of the other.
  bench::Lineup lineup;
  const auto add = [&](bench::Role role, const char* name, const char* label, int ranks, int processes) {
    bench::ContenderSpec spec{.name = name, .ranks = ranks, .processes = processes};
    lineup.entrants.push_back({role, label, spec});
  };
  add(bench::Role::subject, "skein", "", 2, 2);
  add(bench::Role::control, "skein", "control", 2, 2);
  add(bench::Role::peer, "mpi", "default", 2, 2);
  add(bench::Role::subject, "skein", "", 4, 2);
  add(bench::Role::peer, "mpi", "default", 4, 4);
  bench::Measurement measurement;
  measurement.rounds = 3;
  const std::vector<std::vector<double>> times{
      {100, 200, 400}, {100, 200, 400}, {80, 160, 320}, {1000, 2000, 4000}, {4000, 8000, 16000}};
  for (std::size_t e = 0; e < times.size(); ++e)
    measurement.series.push_back(
        {.entrant = e, .kind = bench::Kind::barrier, .round_ns = times[e], .batch_ns = times[e]});
  bench::BenchOptions options;
  options.hosts = 2;
  bench::MachineFacts facts;
  facts.allowed = {0, 1};
  const bench::Evaluation result = bench::evaluate(lineup, measurement, options, facts);
  ASSERT_EQ(result.rows.size(), 5U);
  EXPECT_EQ(result.control.ratios, 3U);
  EXPECT_EQ(result.rows[2].contender, "mpi");
  EXPECT_DOUBLE_EQ(result.rows[2].to_skein.median, 0.8);
  EXPECT_EQ(result.rows[4].contender, "mpi");
  EXPECT_DOUBLE_EQ(result.rows[4].to_skein.median, 4);
  ASSERT_EQ(result.verdicts.size(), 2U);
  EXPECT_DOUBLE_EQ(result.verdicts[0].measured, 1.25);
  EXPECT_DOUBLE_EQ(result.verdicts[0].must, 1.3);
  EXPECT_DOUBLE_EQ(result.verdicts[1].measured, 0.25);
  EXPECT_DOUBLE_EQ(result.verdicts[1].must, 1.0);
}

TEST(CommandLine, CountsAreDoublesOrBytes) {
  // Defect: 1MiB taken for a million doubles.
  EXPECT_EQ(bench::parse_count("5"), 5U);
  EXPECT_EQ(bench::parse_count("1MiB"), 131072U);
  EXPECT_EQ(bench::parse_count("64KiB"), 8192U);
  EXPECT_FALSE(bench::parse_count("1MB"));
  EXPECT_FALSE(bench::parse_count(""));
  EXPECT_FALSE(bench::parse_count("-1"));
  EXPECT_FALSE(bench::parse_count("99999999999999999999"));
}

}  // namespace
