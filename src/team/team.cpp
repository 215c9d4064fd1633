// SPDX-License-Identifier: Apache-2.0
#include "skein/team/team.hpp"

#include <exception>
#include <utility>

#include "skein/base/report.hpp"

namespace skein {

Request Team::ibarrier(Where where) {
  const Call call{.operation = Operation::ibarrier, .where = where};
  enter(call);
  if (host_->abort().is_set()) throw_failed(Progress::aborted);
  return Request(*this, exchange_.start(signature(call)));
}

void Team::print_line(const std::string& line) { write_output(line + '\n'); }

Request::~Request() {
  if (team_ == nullptr || team_->is_in_child_) return;
  const std::uintptr_t thread = team_->thread_.load(std::memory_order_relaxed);
  const bool is_own = thread == this_thread() && team_->lane_->runs(team_->rank_);
  if (thread != Member::kNobody && !is_own) return;  // the rank's next call completes it
  if (team_->exchange_.retired() >= episode_) return;
  const Progress progress = team_->exchange_.test(episode_);
  if (progress == Progress::complete || team_->host_->abort().is_set()) return;
  team_->drop_request();
}

bool Request::test() {
  if (team_ == nullptr) return true;
  team_->require_caller({.operation = Operation::ibarrier});
  const Progress progress = team_->exchange_.test(episode_);
  if (progress == Progress::pending) return false;
  Team* team = std::exchange(team_, nullptr);
  if (progress != Progress::complete) team->throw_failed(progress);
  return true;
}

void Request::wait() {
  if (team_ == nullptr) return;
  team_->require_caller({.operation = Operation::ibarrier});
  std::exchange(team_, nullptr)->complete_barriers(episode_);
}

}  // namespace skein
