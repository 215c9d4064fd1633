// SPDX-License-Identifier: Apache-2.0
#include "skein/team/team_side.hpp"

#include <utility>

#include "skein/team/rank_lane.hpp"

namespace skein {

TeamSide::TeamSide(Host& host, RankLane& lane) : host_(host), board_(&host.board()) { join(lane); }

TeamSide::TeamSide(Host& host, RankLane& lane, RankMap map, Place place) : host_(host), place_(place) {
  own_board_.emplace(std::move(map), host.boards());
  own_board_->attach(host.heap().data(place.block));
  board_ = &*own_board_;
  join(lane);
}

TeamSide::~TeamSide() {
  if (has_opened_relay_) host_.close_relay(place_.block);
}

void TeamSide::join(RankLane& lane) {
  const RankMap& map = board_->map();
  int number = 0;
  while (map.run_lane(number) != lane.number()) ++number;
  ranks_of_lane_ = map.lanes()[static_cast<std::size_t>(number)].count();
  const bool is_root = map.hosts() > 1 && number == 0;
  for (const Strand strand : {Strand::calls, Strand::operations}) {
    if (ranks_of_lane_ > 1) of(strand).crew.emplace(*lane.turns(), ranks_of_lane_);
    if (is_root) of(strand).others.emplace(link(strand), map, board_->known(strand));
  }
  if (!is_root || !board_->has_relay()) return;
  host_.open_relay(place_.block, *board_, place_.channel);
  has_opened_relay_ = true;
}

Link& TeamSide::link(Strand strand) {
  if (!own_board_ && strand == Strand::calls) return host_.network()->first_link();
  std::unique_ptr<Link>& own = of(strand).own_link;
  if (RelayBox<StdAtomics>* relay = board_->relay(strand); relay != nullptr) {
    own = std::make_unique<RelayLink<StdAtomics>>(*relay, host_.bells(), host_.abort());
  } else {
    own = host_.network()->open(channel_of(place_.channel, strand));
  }
  return *own;
}

}  // namespace skein
