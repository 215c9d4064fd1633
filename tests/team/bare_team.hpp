// SPDX-License-Identifier: Apache-2.0
//
// The exchange, the failure path and the reader flags of one host without lanes, segment and Team, for tests that bring
// their own threads and their own policy.
#pragma once

#include <cstddef>
#include <numeric>
#include <vector>

#include "skein/team/exchange.hpp"
#include "skein/team/failure.hpp"
#include "skein/team/readers.hpp"

namespace skein_test {

/// What the ranks of a host share, outside any segment.
template <class Policy>
struct Shared {
  explicit Shared(int ranks, skein::PatternChoice pattern = {})
      : size(static_cast<std::size_t>(ranks)),
        stations(skein::choose_formation(pattern, std::vector<skein::Seat>(size), 1), numbers(ranks)),
        doorbells(size),
        bells(doorbells, skein::FutexScope::process_private),
        arrivals(size),
        ascents(size),
        releases(static_cast<std::size_t>(stations.release_channels)),
        parts(stations.parts * skein::Contributions::kLargestStride),
        flags(size),
        failure(record, abort, bells) {}

  static std::vector<int> numbers(int ranks) {
    std::vector<int> all(static_cast<std::size_t>(ranks));
    std::iota(all.begin(), all.end(), 0);
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
  std::vector<skein::ReaderFlag<Policy>> flags;
  skein::FailureRecord<Policy> record;
  skein::FailurePath<Policy> failure;
};

/// One rank's side.
template <class Policy>
struct Rank {
  Rank(Shared<Policy>& shared, int number, skein::WaitPolicy wait, skein::Episode first,
       skein::WaitNotice<Policy>* notice = nullptr)
      : waiter(shared.abort, shared.bells, number, wait_budget(wait, skein::Crowding::oversubscribed), {}, {}, notice),
        exchange({shared.arrivals, shared.ascents, shared.releases, shared.parts, {}}, shared.stations, number, waiter,
                 shared.bells, first) {}

  skein::Waiter<Policy> waiter;
  skein::Exchange<Policy> exchange;
};

}  // namespace skein_test
