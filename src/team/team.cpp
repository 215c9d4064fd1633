// SPDX-License-Identifier: Apache-2.0
#include "skein/team/team.hpp"

#include <exception>
#include <utility>

#include "skein/base/report.hpp"

namespace skein {

Request Team::ibarrier(Where where) {
  const Call call{.operation = Operation::ibarrier, .where = where};
  enter(call);
  if (context_->host().abort().is_set()) throw_failed(Progress::aborted);
  const Episode episode = exchange_.start(signature(call));
  ++requests_;
  return Request(*this, *context_, episode);
}

void Team::print_line(const std::string& line) { write_output(line + '\n'); }

Request::~Request() {
  if (team_ == nullptr || context_->is_leaving()) return;
  if (context_->is_inside_run() && !context_->is_its_turn()) return;  // the rank's next call completes it
  --team_->requests_;
  if (team_->exchange_.retired() >= episode_) return;
  const Progress progress = team_->exchange_.test(episode_);
  if (progress == Progress::complete || context_->host().abort().is_set()) return;
  context_->lose_track("a request was destroyed before its completion");
}

bool Request::test() {
  if (team_ == nullptr) return true;
  require_team();
  const Progress progress = team_->exchange_.test(episode_);
  if (progress == Progress::pending) return false;
  Team* team = std::exchange(team_, nullptr);
  --team->requests_;
  if (progress != Progress::complete) team->throw_failed(progress);
  return true;
}

void Request::wait() {
  if (team_ == nullptr) return;
  require_team();
  Team* team = std::exchange(team_, nullptr);
  --team->requests_;
  team->complete_barriers(episode_);
}

/// The team is there, unless the rank has to leave.
void Request::require_team() const {
  if (context_->is_leaving() && !context_->is_in_child()) context_->throw_must_leave();
  team_->require_caller({.operation = Operation::ibarrier});
}

}  // namespace skein
