// SPDX-License-Identifier: Apache-2.0
#include "skein/team/team_side.hpp"

#include <utility>

#include "skein/team/rank_lane.hpp"

namespace skein {

TeamSide::TeamSide(Host& host, RankLane& lane) : host_(host), board_(&host.board()) { join(lane); }

TeamSide::TeamSide(Host& host, RankLane& lane, RankMap map, Place place) : host_(host), place_(place) {
  own_board_.emplace(std::move(map), host.pattern(), host.seats_of_lanes());
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
  if (ranks_of_lane_ > 1) crew_.emplace(*lane.turns(), ranks_of_lane_);
  if (map.hosts() == 1 || number != 0) return;
  if (board_->relay() != nullptr) {
    own_link_ = std::make_unique<RelayLink<StdAtomics>>(*board_->relay(), host_.bells(), host_.abort());
    host_.open_relay(place_.block, *board_->relay(), place_.channel);
    has_opened_relay_ = true;
  } else if (own_board_) {
    own_link_ = host_.network()->open(place_.channel);
  }
  others_.emplace(own_link_ ? *own_link_ : host_.network()->first_link(), map, board_->known());
}

}  // namespace skein
