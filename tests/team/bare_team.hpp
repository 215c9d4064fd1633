// SPDX-License-Identifier: Apache-2.0
//
// The exchange, the failure path and the reader flags of one host without lanes, segment and Team, for tests that bring
// their own threads and their own policy.
#pragma once

#include <cstddef>
#include <vector>

#include "skein/team/exchange.hpp"
#include "skein/team/failure.hpp"
#include "skein/team/readers.hpp"

namespace skein_test {

/// What the ranks of a host share, outside any segment.
template <class Policy>
struct Shared {
  explicit Shared(int ranks, skein::PatternChoice pattern = {}) : Shared(one_to_a_lane(ranks), pattern) {}

  explicit Shared(const std::vector<skein::LaneRanks>& lanes, skein::PatternChoice pattern = {})
      : size(static_cast<std::size_t>(lanes.back().last() + 1)),
        stations(skein::choose_formation(pattern, std::vector<skein::Seat>(lanes.size()), 1), lanes),
        doorbells(lanes.size()),
        bells(doorbells, skein::FutexScope::process_private),
        arrivals(size),
        ascents(lanes.size()),
        releases(static_cast<std::size_t>(stations.release_channels)),
        parts(stations.parts * skein::Contributions::kInlineStride),
        buffers(size * skein::kRingLines * skein::kPostBytes),
        flags(size),
        failure(record, abort, bells) {}

  static std::vector<skein::LaneRanks> one_to_a_lane(int ranks) {
    std::vector<skein::LaneRanks> all;
    for (int rank = 0; rank < ranks; ++rank) all.emplace_back(rank);
    return all;
  }

  std::size_t size;
  skein::Stations stations;
  std::vector<skein::Doorbell<Policy>> doorbells;
  skein::AbortWord<Policy> abort;
  skein::Bells<Policy> bells;
  std::vector<skein::Channel<Policy>> arrivals;
  std::vector<skein::Channel<Policy>> ascents;
  std::vector<skein::Channel<Policy>> releases;
  std::vector<std::byte> parts;
  std::vector<std::byte> buffers;
  std::vector<skein::ReaderFlag<Policy>> flags;
  skein::FailureRecord<Policy> record;
  skein::FailurePath<Policy> failure;
};

/// One rank's side.
template <class Policy>
struct Rank {
  Rank(Shared<Policy>& shared, int number, skein::WaitPolicy wait, skein::Episode first,
       skein::WaitNotice<Policy>* notice = nullptr)
      : Rank(shared, number, wait, first, notice, number) {}

  /// Alone on a lane that has another number.
  Rank(Shared<Policy>& shared, int number, skein::WaitPolicy wait, skein::Episode first,
       skein::WaitNotice<Policy>* notice, int lane)
      : waiter(shared.abort, shared.bells, lane, wait_budget(wait, skein::Crowding::oversubscribed), {}, {}, notice),
        exchange({shared.arrivals, shared.ascents, shared.releases, shared.parts, shared.buffers, {}, {}},
                 shared.stations, number, waiter, shared.bells, first) {}

  /// One of several of a lane.
  Rank(Shared<Policy>& shared, int number, int lane, skein::Turns<Policy>& turns, skein::Crew<Policy>& crew,
       skein::Episode first)
      : waiter(shared.abort, shared.bells, lane, {}, {}, {}, nullptr, &turns),
        exchange({shared.arrivals, shared.ascents, shared.releases, shared.parts, shared.buffers, {}, {}},
                 shared.stations, number, waiter, shared.bells, first, &crew) {}

  skein::Waiter<Policy> waiter;
  skein::Exchange<Policy> exchange;
};

}  // namespace skein_test
