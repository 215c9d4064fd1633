// SPDX-License-Identifier: Apache-2.0
//
// What a lane gathers of the payloads that were posted on its host: those of its own ranks, and of the lanes that it leads or
// sees, folded as far as the shape of the fold allows (contributions.hpp).
//
// Who      a lane that speaks for others, between their posts and its own.
// Memory   part memory in the segment (pattern.hpp says how much), which those above read after [ascend] of exchange.hpp.
#pragma once

#include <cstring>
#include <span>

#include "skein/team/contributions.hpp"
#include "skein/team/line.hpp"
#include "skein/team/station.hpp"

namespace skein {

/// The channels of one team on one host, in its segment.
template <class Policy>
struct Channels {
  std::span<Channel<Policy>> arrivals;  ///< one per rank; those of ranks that share a lane hold payloads only
  std::span<Channel<Policy>> ascents;   ///< one per lane; written by those that speak for several ranks
  std::span<Channel<Policy>> releases;  ///< written by leaders; Stations counts them
  std::span<std::byte> parts;           ///< part memory of the leaders: written by them before [ascend]
  std::span<std::byte> buffers;         ///< kRingLines per rank, for payloads that its line has no room for
  std::span<std::byte> mirror;  ///< payloads of ranks on other hosts, by rank: written by the root before [release]
  std::span<std::byte> folded;  ///< the same for the fold of such payloads, where there are other hosts

  /// Where a rank of the host posts that many bytes for an episode.
  std::byte* payload(int seat, Episode episode, std::size_t bytes) const {
    const auto at = static_cast<std::size_t>(seat);
    if (bytes <= kInlineBytes) [[likely]]
      return arrivals[at].line(episode).payload;
    return buffers.data() + (at * kRingLines + episode % kRingLines) * kPostBytes;
  }

  /// Where the root puts the payload of a rank on another host.
  std::byte* mirrored(int rank, std::size_t bytes) const {
    return mirror.data() + static_cast<std::size_t>(rank) * (bytes <= kInlineBytes ? kInlineBytes : kPostBytes);
  }
};

template <class Policy>
class Gathering {
 public:
  /// `stations` outlive it.
  Gathering(const Channels<Policy>& channels, const Stations& stations, const Station& station)
      : channels_(channels), stations_(&stations), station_(&station) {}

  enum class Whose { own_ranks, all };

  /// The folded contributions of the lane's ranks, and of all that it leads or sees.
  void gather(Contributions& set, Episode episode, const Content& content, Whose whose = Whose::all) const {
    set.reset(content.bytes);
    add_carried(set, *station_, episode);
    if (content.is_any_order) set.fold_blocks(content);  // as the peers see this lane, so that all fold the same parts
    for (const Station::Child& child : station_->children) {
      if (whose == Whose::own_ranks) break;
      const Station& station = stations_->of_lane[index(child.lane)];
      if (!child.leads) {
        add_carried(set, station, episode);
        continue;
      }
      const std::byte* posted = channels_.ascents[index(child.lane)].line(episode).payload;
      if (station.block.ranks != 0) {
        set.add(station.block, posted);
      } else {
        int count = 0;
        std::memcpy(&count, posted, sizeof(count));
        set.append(part_memory(station, episode).first(index(count) * Contributions::stride(content.bytes)));
      }
    }
    set.fold_blocks(content);
  }

  /// The payloads of this host that other hosts need.
  void gather_lines(Contributions& set, Episode episode, const Content& content) const {
    if (content.need == Content::Need::nothing) return;
    for (const Station& station : stations_->of_lane) {
      auto seat = station.seats.begin();
      for (const int rank : station.carried) {
        const std::byte* posted = channels_.payload(*seat++, episode, content.bytes);
        if (content.need != Content::Need::one_rank || rank == content.rank) set.add({rank, 1}, posted);
      }
    }
  }

  Contributions own_parts(Episode episode) const { return Contributions(part_memory(*station_, episode)); }
  Contributions all_parts(Episode episode) const {
    if (station_->all_parts == 0) return own_parts(episode);
    return Contributions(channels_.parts.subspan(station_->all_parts_at * Contributions::kInlineStride,
                                                 station_->all_parts * Contributions::kInlineStride));
  }

 private:
  static std::size_t index(int seat) { return static_cast<std::size_t>(seat); }

  void add_carried(Contributions& set, const Station& station, Episode episode) const {
    auto seat = station.seats.begin();
    for (const int rank : station.carried) set.add({rank, 1}, channels_.payload(*seat++, episode, set.bytes()));
  }

  std::span<std::byte> part_memory(const Station& station, Episode episode) const {
    const std::size_t at = station.parts_at + episode % index(station.part_buffers) * station.most_parts;
    return channels_.parts.subspan(at * Contributions::kInlineStride,
                                   station.most_parts * Contributions::kInlineStride);
  }

  Channels<Policy> channels_;
  const Stations* stations_;
  const Station* station_;
};

}  // namespace skein
