// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "check.hpp"
#include "stagger.hpp"
#include "values.hpp"

namespace skein_test {
namespace {

using Ranks = std::vector<int>;  // of the run, in the order of their team

/// Where the ranks of a run are, as they tell each other.
struct Places {
  explicit Places(skein::Team& team) {
    const auto gather = [&team](std::uint64_t own) {
      std::vector<std::uint64_t> all(static_cast<std::size_t>(team.size()));
      team.allgather(own, all);
      return all;
    };
    host = gather(static_cast<std::uint64_t>(team.host()));
    process = gather(static_cast<std::uint64_t>(team.process()));
    lane = gather(
        mix(static_cast<std::uint64_t>(team.process()), std::hash<std::thread::id>()(std::this_thread::get_id())));
  }
  std::vector<std::uint64_t> host, process, lane;
};

/// The teams that one call made of some of the run's, all of which every rank knows, and this rank's part.
struct Family {
  std::vector<Ranks> teams;
  std::unique_ptr<skein::Team> own;  ///< none for ranks that are in none, and for the run's first team
};

class TeamChecks {
 public:
  TeamChecks(skein::Team& run, const TeamProgram& program)
      : run_(run), program_(program), places_(run), most_bytes_(program.most_bytes) {
    Ranks all(static_cast<std::size_t>(run.size()));
    for (int rank = 0; rank < run.size(); ++rank) all[static_cast<std::size_t>(rank)] = rank;
    families_.push_back({{all}, nullptr});
  }

  // What is done, is the same on all ranks; when they come to it, is not.
  void step(std::uint64_t number) {
    step_ = number;
    stagger(run_.rank(), draw(0));
    const std::uint64_t what = draw(1) % 8;
    const std::size_t at = draw(2) % families_.size();
    if (what < 2 && families_.size() < kMostFamilies) return make(families_[at]);
    if (what == 2 && at > 0) return drop(at);
    check(families_[at]);
  }

  const std::string& wrong() const { return wrong_; }

 private:
  static constexpr std::size_t kMostFamilies = 8;

  std::uint64_t draw(std::uint64_t about) const { return mix(program_.seed, step_ * 16 + about); }
  std::uint64_t draw_of(int run_rank) const { return mix(draw(3), static_cast<std::uint64_t>(run_rank)); }

  void require(bool holds, const std::string& what) {
    if (!holds && wrong_.empty()) wrong_ = fmt::format("rank {} of the run, step {}: {}", run_.rank(), step_, what);
  }

  skein::Team* own_team(Family& family) { return &family == &families_.front() ? &run_ : family.own.get(); }

  const Ranks* own_ranks(const Family& family) const {
    for (const Ranks& ranks : family.teams) {
      if (std::ranges::find(ranks, run_.rank()) != ranks.end()) return &ranks;
    }
    return nullptr;
  }

  /// Whether this rank does otherwise now. Nobody would notice in a team of one.
  bool deviates(TeamProgram::Deviation how, const skein::Team& team) {
    if (how != program_.deviation || run_.rank() != program_.rank || team.size() == 1 || has_deviated_) return false;
    if (step_ < static_cast<std::uint64_t>(program_.from_step)) return false;
    return has_deviated_ = *program_.has_deviated = true;
  }

  void check(Family& family) {
    skein::Team* team = own_team(family);
    if (team == nullptr || deviates(TeamProgram::Deviation::call_less, *team)) return;
    if (deviates(TeamProgram::Deviation::call_more, *team)) team->barrier();
    if (deviates(TeamProgram::Deviation::other_call, *team)) {
      (void)team->allreduce(std::array<char, 7>(), [](const auto& a, const auto&) { return a; });
      return;
    }
    const std::vector<Check>& checks = checks_of(team->size());
    const std::uint64_t which = mix(draw(4), static_cast<std::uint64_t>(own_ranks(family)->front()));
    const std::string wrong = run_check(*team, checks[which % checks.size()], which);
    require(wrong.empty(), wrong);
  }

  const std::vector<Check>& checks_of(int size) {
    std::vector<Check>& checks = checks_[size];
    for (int kind = 0; checks.empty() && kind < kKinds; ++kind) {
      std::vector<Check> more = all_checks(static_cast<Kind>(kind), size);
      std::erase_if(more, [&](const Check& check) { return weight(check, size) > most_bytes_; });
      all_.insert(all_.end(), more.begin(), more.end());
      if (kind + 1 == kKinds) checks = std::exchange(all_, {});
    }
    return checks;
  }

  /// The ranks of a team, in groups of those with the same `color`, ordered by `key`.
  template <class Color, class Key>
  void divide(const Ranks& ranks, const Color& color, const Key& key, std::vector<Ranks>& out) {
    std::map<std::uint64_t, std::vector<std::pair<int, int>>> groups;
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      if (const std::optional<std::uint64_t> own = color(ranks[i])) {
        groups[*own].emplace_back(key(ranks[i]), static_cast<int>(i));
      }
    }
    for (auto& [group, members] : groups) {
      std::ranges::sort(members);
      Ranks& team = out.emplace_back();
      for (const auto& member : members) team.push_back(ranks[static_cast<std::size_t>(member.second)]);
    }
  }

  void make(Family& family) {
    skein::Team* team = own_team(family);
    if (team != nullptr && deviates(TeamProgram::Deviation::team_less, *team)) team = nullptr;
    const std::uint64_t how = draw(5) % 8;
    Family made;
    const auto no_key = [](int) { return 0; };
    const auto by = [&](skein::Level level, const std::vector<std::uint64_t>& place) {
      for (const Ranks& ranks : family.teams) {
        divide(
            ranks, [&](int rank) { return std::optional(place[static_cast<std::size_t>(rank)]); }, no_key, made.teams);
      }
      if (team != nullptr) made.own = team->split_by(level);
    };
    if (how < 4) {
      const std::uint64_t colors = 1 + draw(6) % 3;
      const auto color = [&](int rank) -> std::optional<std::uint64_t> {
        const std::uint64_t drawn = draw_of(rank) % (colors + 1);  // one in so many is left out
        return drawn == colors ? std::nullopt : std::optional(drawn);
      };
      const auto key = [&](int rank) { return static_cast<int>(draw_of(rank) >> 8U) % 4 - 2; };
      for (const Ranks& ranks : family.teams) divide(ranks, color, key, made.teams);
      if (team != nullptr) {
        const auto own = color(run_.rank());
        made.own = team->split(own ? static_cast<int>(*own) : skein::Team::kNoTeam, key(run_.rank()));
      }
    } else if (how == 4) {
      made.teams = family.teams;
      if (team != nullptr) made.own = team->dup();
    } else if (how == 5) {
      subset(family, team, made);
    } else if (how == 6) {
      by(skein::Level::process, places_.process);
    } else {
      draw(7) % 2 == 0 ? by(skein::Level::host, places_.host) : by(skein::Level::lane, places_.lane);
    }
    if (!has_deviated_) compare(made);
    families_.push_back(std::move(made));
  }

  void subset(const Family& family, skein::Team* team, Family& made) {
    for (const Ranks& ranks : family.teams) {
      std::vector<int> chosen;
      for (std::size_t i = 0; i < ranks.size(); ++i) {
        if (draw_of(ranks[i]) % 3 != 0) chosen.push_back(static_cast<int>(i));
      }
      std::ranges::sort(chosen, {}, [&](int i) { return draw_of(ranks[static_cast<std::size_t>(i)]); });
      Ranks& taken = made.teams.emplace_back();
      for (const int i : chosen) taken.push_back(ranks[static_cast<std::size_t>(i)]);
      if (taken.empty()) made.teams.pop_back();
      const bool is_own = std::ranges::find(ranks, run_.rank()) != ranks.end();
      if (is_own && team != nullptr) made.own = team->subset(chosen);
    }
  }

  void compare(const Family& made) {
    const Ranks* ranks = own_ranks(made);
    require((made.own != nullptr) == (ranks != nullptr), "a rank is in a team that it should not be in, or in none");
    if (made.own == nullptr || ranks == nullptr) return;
    skein::Team& team = *made.own;
    require(team.size() == static_cast<int>(ranks->size()),
            fmt::format("{} ranks where {} should be: {}", team.size(), ranks->size(), *ranks));
    for (int rank = 0; rank < team.size() && wrong_.empty(); ++rank) {
      const int run_rank = (*ranks)[static_cast<std::size_t>(rank)];
      require(team.translate(rank, run_) == run_rank, fmt::format("rank {} is not rank {} of the run", rank, run_rank));
      require(run_.translate(run_rank, team) == rank, "and the other way round");
    }
    require((*ranks)[static_cast<std::size_t>(team.rank())] == run_.rank(), "this rank has another number");
  }

  void drop(std::size_t at) { families_.erase(families_.begin() + static_cast<std::ptrdiff_t>(at)); }

  skein::Team& run_;
  TeamProgram program_;
  Places places_;
  std::size_t most_bytes_;
  std::uint64_t step_ = 0;
  std::vector<Family> families_;  ///< of the run first
  std::map<int, std::vector<Check>> checks_;
  std::vector<Check> all_;
  std::string wrong_;
  bool has_deviated_ = false;
};

}  // namespace

std::string check_teams(skein::Team& team, const TeamProgram& program) {
  TeamChecks checks(team, program);
  for (int step = 0; step < program.steps; ++step) checks.step(static_cast<std::uint64_t>(step));
  return checks.wrong();
}

}  // namespace skein_test
