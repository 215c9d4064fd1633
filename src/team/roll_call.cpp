// SPDX-License-Identifier: Apache-2.0
#include "skein/team/roll_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "skein/base/environment.hpp"

namespace skein {
namespace {

constexpr std::size_t kMostLines = 24;
constexpr std::size_t kMostRankBytes = 60;
constexpr std::int64_t kLeastAge_ns = 50'000'000;  // what is less says nothing: ages are sampled

/// "rank 3", "ranks 0-2,4 (4 of 8)".
std::string who(const std::vector<int>& ranks, int size) {
  if (ranks.size() == 1) return fmt::format("rank {}", ranks.front());
  std::string list = number_ranges(ranks);
  if (list.size() > kMostRankBytes) list = list.substr(0, list.rfind(',', kMostRankBytes) + 1) + "...";
  return fmt::format("ranks {} ({} of {})", list, ranks.size(), size);
}

/// "allreduce #1041 (sum, 8 values of 8 bytes) of team 4.1 at heat.cpp:88".
std::string what(const RollCallEntry& call) {
  std::string arguments;
  const auto add = [&arguments](const std::string& text) { arguments += (arguments.empty() ? " (" : ", ") + text; };
  if (has_operator(call.operation)) add(std::string(call.operator_name.view()));
  if (has_elements(call.operation)) add(fmt::format("{} values of {} bytes", call.elements, call.element_bytes));
  if (call.root != kNoRoot) add(fmt::format("root {}", call.root));
  const bool has_number = !is_nonblocking(call.operation) && call.operation != Operation::wait;
  return fmt::format("{}{}{}{}{} at {}:{}", operation_name(call.operation),
                     has_number ? fmt::format(" #{}", call.episode) : "", arguments, arguments.empty() ? "" : ")",
                     of_team(call.team), call.file.view(), call.line);
}

/// What one rank does, or several that do the same; the ages follow.
std::string doing(const RankStatus& status, bool is_one) {
  const std::optional<RollCallEntry>& call = status.call;
  const auto verb = [is_one](std::string_view one, std::string_view more) { return is_one ? one : more; };
  if (!call) return fmt::format("{} moving on", verb("is", "are"));
  const std::string_view has = verb("has", "have");
  const std::string_view waits = verb("waits", "wait");
  if (call->state == RunState::not_started) return fmt::format("{} not started", has);
  if (call->state == RunState::left) return fmt::format("{} left run {}", has, call->runs);
  if (call->operation == Operation::none) return fmt::format("{} made no Skein call yet", has);
  if (call->operation == Operation::leave) {
    return fmt::format("{} finished{}", has, call->waits() ? fmt::format(" and {} for the others", waits) : "");
  }
  if (call->waits()) return fmt::format("{} in {}", waits, what(*call));
  if (status.is_inside) return fmt::format("{} in {}", verb("is", "are"), what(*call));
  if (is_nonblocking(call->operation)) return fmt::format("{} called {} and computed since", has, what(*call));
  if (call->operation == Operation::barrier && call->team == 0)
    return fmt::format("left {} and {} computed since", what(*call), has);
  return fmt::format("{} in {}, or behind it, and {} not wait", verb("is", "are"), what(*call), verb("does", "do"));
}

struct Group {
  std::vector<int> ranks;
  std::int64_t oldest_ns = -1;
};

}  // namespace

std::string of_team(TeamName team) {
  return team == 0 ? "" : fmt::format(" of team {}.{}", team >> 32U, team & 0xffffffffU);
}

std::string describe(std::vector<RankStatus> ranks, int size, std::size_t longest) {
  std::sort(ranks.begin(), ranks.end(), [](const auto& left, const auto& right) { return left.rank < right.rank; });
  std::map<std::string, Group> groups;  // by what they do
  for (const RankStatus& status : ranks) {
    Group& group = groups[doing(status, false)];
    group.ranks.push_back(status.rank);
    group.oldest_ns = std::max(group.oldest_ns, status.age_ns);
  }
  // Those that few do come last: there the reason is.
  std::vector<std::pair<std::string, Group>> ordered(groups.begin(), groups.end());
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& left, const auto& right) {
    return left.second.ranks.size() > right.second.ranks.size();
  });
  std::string text;
  std::size_t lines = 0;
  std::size_t ranks_left = ranks.size();
  for (const auto& [what_they_do, group] : ordered) {
    const auto first = std::find_if(ranks.begin(), ranks.end(),
                                    [&](const RankStatus& status) { return status.rank == group.ranks.front(); });
    std::string line = fmt::format("  {} {}", who(group.ranks, size), doing(*first, group.ranks.size() == 1));
    if (group.oldest_ns >= kLeastAge_ns)
      line += fmt::format(", for {:.3g} s", static_cast<double>(group.oldest_ns) * 1e-9);
    if (lines > 0) text += '\n';
    constexpr std::size_t kLastLineBytes = 64;
    if (lines == kMostLines || text.size() + line.size() + kLastLineBytes > longest) {
      return text + fmt::format("  and {} ranks in {} other places", ranks_left, ordered.size() - lines);
    }
    text += line;
    ++lines;
    ranks_left -= group.ranks.size();
  }
  return text;
}

}  // namespace skein
