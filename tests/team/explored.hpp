// SPDX-License-Identifier: Apache-2.0
//
// What the explorations of sync and team share: production code on the policy of explorer.hpp, in small teams. What was
// explored is printed, as rows of explored.md.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "sync/explorer.hpp"
#include "team/bare_team.hpp"

namespace skein_test {

inline constexpr skein::Signature kSame = 7;
inline constexpr skein::Episode kFirst = 0xfffffffe;  // crosses 2^32

inline const auto kNothing = [](void*) {};
inline const auto kNoContent = [] { return skein::Content{}; };

/// A team that is explored.
struct SmallTeam {
  int ranks;
  skein::PatternChoice pattern;
  skein::WaitPolicy wait;
};

/// "2_ranks_all_to_all_park"
inline std::string name_of(const SmallTeam& team) {
  std::string pattern(pattern_name(team.pattern.pattern));
  std::replace(pattern.begin(), pattern.end(), '-', '_');
  return std::to_string(team.ranks) + "_ranks_" + pattern + (team.wait == skein::WaitPolicy::park ? "_park" : "_yield");
}

/// What the fibers of one schedule share.
struct State {
  explicit State(const SmallTeam& team)
      : shared(team.ranks, team.pattern),
        rounds(static_cast<std::size_t>(team.ranks)),
        notes(static_cast<std::size_t>(team.ranks)) {}

  Shared<ExplorerAtomics> shared;
  std::vector<std::uint64_t> rounds;  ///< how far each rank has come

  /// What a rank writes before it arrives, in a ring as long as that of its lines, and all read when the episode is
  /// complete: plain variables, as what an exchange orders is the programs' memory and the lines' payload.
  using Note = Explorer::Plain<skein::Episode>;
  std::vector<std::array<Note, skein::kRingLines>> notes;

  void write_note(int rank, skein::Episode episode) {
    notes[static_cast<std::size_t>(rank)][episode % skein::kRingLines].write(episode);
  }
  void require_notes(skein::Episode episode) const {
    for (const auto& ring : notes) {
      Explorer::require(ring[episode % skein::kRingLines].read() == episode, "an exchange completed early");
    }
  }
};

/// Explores all schedules with so many preemptions, all with a stale read and one preemption less, or as many as given, and
/// some drawn at random and by PCT with several stale reads; and says how many those were.
inline void explore(const std::string& what, const Explorer::MakeTrial& make, int preemptions,
                    std::optional<int> preemptions_when_stale = {}, std::uint64_t drawn = 5'000) {
  SCOPED_TRACE(what);
  constexpr std::uint64_t kSeed = 20260101;
  constexpr std::uint64_t kMost = 5'000'000;
  constexpr int kStaleReads = 3;
  const auto complete = [&](int most_preemptions, int stale_reads) {
    Explorer::Result all = Explorer::all(make, most_preemptions, kMost, stale_reads);
    EXPECT_TRUE(all.is_good()) << all.failure;
    EXPECT_TRUE(all.is_complete || !all.is_good()) << "more schedules than expected";
    return all;
  };
  const Explorer::Result all = complete(preemptions, 0);
  const Explorer::Result stale = complete(preemptions_when_stale.value_or(preemptions - 1), 1);
  const Explorer::Result random = Explorer::random(make, kSeed, drawn, kStaleReads);
  EXPECT_TRUE(random.is_good()) << random.failure;
  const Explorer::Result pct = Explorer::pct(make, kSeed, drawn, 3, kStaleReads);
  EXPECT_TRUE(pct.is_good()) << pct.failure;
  std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
  name.resize(std::min(name.size(), name.find('/')));
  std::cout << "| " << name << " | " << what << " | " << preemptions << " | " << all.schedules << " | "
            << stale.schedules << " | " << random.schedules + pct.schedules << " | "
            << all.points + stale.points + random.points + pct.points << " |\n";
}

}  // namespace skein_test
