// SPDX-License-Identifier: Apache-2.0
#include "skein/team/board.hpp"

#include <algorithm>
#include <utility>

#include "skein/team/heap.hpp"

namespace skein {
namespace {

/// Memory of one staging area for all ranks of a team, once these are more than fit it with a whole piece each.
constexpr std::size_t kAreaBytes = std::size_t{32} << 20U;
constexpr std::size_t kLeastPieceBytes = 256;

Formation formation_of(const RankMap& map, const BoardSettings& settings) {
  std::vector<Seat> seats;
  for (int lane = 0; lane < static_cast<int>(map.lanes().size()); ++lane) {
    seats.push_back(settings.seats[static_cast<std::size_t>(map.run_lane(lane))]);
  }
  return choose_formation(settings.pattern, seats, map.hosts());
}

template <class T>
std::span<T> objects(std::byte* at, std::size_t count) {
  return {reinterpret_cast<T*>(at), count};
}

}  // namespace

std::size_t Staging::piece_bytes(int ranks, std::size_t most) {
  const std::size_t fitting = std::min(kAreaBytes / static_cast<std::size_t>(ranks), most);
  return std::max(fitting / kLeastPieceBytes, std::size_t{1}) * kLeastPieceBytes;
}

Board::Board(RankMap map, const BoardSettings& settings)
    : map_(std::move(map)),
      formation_(formation_of(map_, settings)),
      stations_(formation_, map_.lanes()),
      piece_bytes_(Staging::piece_bytes(map_.size(), settings.piece_bytes)),
      parts_bytes_(stations_.parts * Contributions::kInlineStride),
      buffers_bytes_(static_cast<std::size_t>(map_.seats()) * kRingLines * kPostBytes),
      mirror_bytes_(map_.hosts() > 1 ? static_cast<std::size_t>(map_.size()) * kPostBytes : 0),
      folded_bytes_(map_.hosts() > 1 ? kPostBytes : 0),
      staging_bytes_(map_.processes() > 1 ? Staging::kAreas * static_cast<std::size_t>(map_.size()) * piece_bytes_ : 0),
      known_bytes_(map_.hosts() > 1 ? static_cast<std::size_t>(map_.size()) * Contributions::kLargestStride : 0),
      has_relay_(map_.hosts() > 1 && map_.run_lane(0) != kLeaderLane) {
  std::size_t offset = 0;
  const auto place = [&offset](std::size_t alignment, std::size_t bytes) {
    const std::size_t begin = round_up(offset, alignment);
    offset = begin + bytes;
    return begin;
  };
  arrivals_at_ = place(kStride, static_cast<std::size_t>(map_.seats()) * sizeof(Channel<StdAtomics>));
  ascents_at_ = place(kStride, map_.lanes().size() * sizeof(Channel<StdAtomics>));
  releases_at_ = place(kStride, static_cast<std::size_t>(stations_.release_channels) * sizeof(Channel<StdAtomics>));
  relay_at_ = place(kStride, has_relay_ ? sizeof(RelayBox<StdAtomics>) : 0);
  parts_at_ = place(kStride, parts_bytes_);
  buffers_at_ = place(kPostBytes, buffers_bytes_);
  mirror_at_ = place(kPostBytes, mirror_bytes_);
  folded_at_ = place(kPostBytes, folded_bytes_);
  known_at_ = place(kStride, known_bytes_);
  staging_at_ = place(kPageBytes, staging_bytes_);
  strand_bytes_ = round_up(offset, kPageBytes);
}

void Board::attach(std::byte* base) {
  for (std::size_t strand = 0; strand < parts_.size(); ++strand)
    parts_[strand] = part_at(base + strand * strand_bytes_);
}

Board::Part Board::part_at(std::byte* base) const {
  Part part;
  part.channels = {
      objects<Channel<StdAtomics>>(base + arrivals_at_, static_cast<std::size_t>(map_.seats())),
      objects<Channel<StdAtomics>>(base + ascents_at_, map_.lanes().size()),
      objects<Channel<StdAtomics>>(base + releases_at_, static_cast<std::size_t>(stations_.release_channels)),
      {base + parts_at_, parts_bytes_},
      {base + buffers_at_, buffers_bytes_},
      {base + mirror_at_, mirror_bytes_},
      {base + folded_at_, folded_bytes_}};
  part.staging = Staging(base + staging_at_, piece_bytes_, map_.size());
  part.known = {base + known_at_, known_bytes_};
  part.relay = has_relay_ ? reinterpret_cast<RelayBox<StdAtomics>*>(base + relay_at_) : nullptr;
  return part;
}

std::vector<const Channel<StdAtomics>*> Board::arrivals_of_lanes() const {
  std::vector<const Channel<StdAtomics>*> result;
  for (const Station& station : stations_.of_lane) {
    result.push_back(station.carried.are_several()
                         ? &channels(Strand::calls).ascents[static_cast<std::size_t>(station.lane)]
                         : &channels(Strand::calls).arrivals[static_cast<std::size_t>(station.seats.front())]);
  }
  return result;
}

}  // namespace skein
