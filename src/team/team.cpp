// SPDX-License-Identifier: Apache-2.0
#include "skein/team/team.hpp"

#include <fmt/format.h>

#include <utility>

#include "skein/base/report.hpp"

namespace skein {

Team::Team(RankContext& context) : Member(context) {}

Team::Team(RankContext& context, HeapHandle block, std::shared_ptr<TeamSide> side, int rank, TeamName name,
           Strand strand)
    : Member(context, std::move(block), std::move(side), rank, name, strand) {}

Team::~Team() {
  if (operations_ == nullptr) return;
  const bool is_others = context_->is_inside_run() && !context_->is_its_turn();
  if (is_others || context_->is_in_child()) {
    keep_for_ever(std::move(operations_));
    return;
  }
  if (const int requests = operations_->outstanding(); requests > 0 && !context_->is_leaving()) {
    if (context_->is_inside_run()) {
      context_->lose_track(fmt::format("a team was destroyed before {} of its requests", requests));
    } else {
      context_->must_leave();
    }
  }
  if (context_->is_leaving()) context_->stop_operations();
}

Operations& Team::operations_for(const Call& call) {
  enter_beside(call);
  if (context_->host().abort().is_set()) throw_failed(Progress::aborted);
  if (operations_ == nullptr) operations_ = std::make_shared<Operations>(static_cast<Member&>(*this), *context_);
  return *operations_;
}

Request Team::ibarrier(Where where) {
  return start(Operation::barrier, where, [where](Team& team, Outstanding&) { team.barrier(where); });
}

void Team::print_line(const std::string& line) { write_output(line + '\n'); }

}  // namespace skein
