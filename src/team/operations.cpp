// SPDX-License-Identifier: Apache-2.0
#include "skein/team/operations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "skein/team/team.hpp"

namespace skein {

Operations::Operations(Member& team, RankContext& rank)
    : calls_(team),
      rank_(rank),
      context_(rank, line_),
      team_(new Team(context_, {}, team.side_, team.rank(), team.name_, Strand::operations)) {}

Operations::~Operations() = default;

Outstanding& Operations::free_one(const Call& call) {
  const auto free = std::ranges::find_if(outstanding_, [](const Outstanding& one) { return !one.is_taken; });
  calls_.require(free != outstanding_.end(), call,
                 "8 non-blocking calls of the team are outstanding, which is the most: complete one first");
  static_assert(kMaxOutstanding == 8);
  return *free;
}

void Operations::take(Outstanding& free) {
  free.helper = &rank_.lane().take_helper();
  free.is_taken = true;
  free.is_over = false;
  free.has_failed = false;
  free.number = started_++;
  ++taken_;
  rank_.begin_operation();
}

void Operations::run_helper(Outstanding& own, void (*work)(void*), void* context) {
  own.helper->work = work;
  own.helper->context = context;
  rank_.lane().turns()->start(own.helper->number);
}

// Those before it end, whatever happens: this one has to come after them only.
void Operations::wait_for_turn(const Outstanding& own) {
  while (finished_ != own.number) rank_.lane().turns()->sleep_for_helpers(in_order_);
}

void Operations::finish(Outstanding& own) {
  own.is_over = true;
  ++finished_;
  rank_.lane().turns()->wake(in_order_);
}

// Nobody waits for what ends the helper's wait, so an abort has to.
bool Operations::test(Outstanding& own, Where where) {
  calls_.require_caller({.operation = Operation::test, .where = where});
  if (own.is_over) return true;
  rank_.waiter().idle();
  if (rank_.host().abort().is_set()) rank_.stop_operations();
  return own.is_over;
}

void Operations::enter_wait(Where where) { calls_.enter_beside({.operation = Operation::wait, .where = where}); }

void Operations::wait(Outstanding& own, Where where) {
  enter_wait(where);
  while (!own.is_over) rank_.wait_for_operations();
}

void Operations::complete(Outstanding& own) {
  const std::exception_ptr failure = std::exchange(own.failure, nullptr);
  release(own);
  if (!own.has_failed) return;
  if (failure == nullptr) {
    rank_.must_leave();
    rank_.throw_aborted();
  }
  rank_.leave_with_operation();
  std::rethrow_exception(failure);
}

void Operations::release(Outstanding& own) {
  own.is_taken = false;
  rank_.lane().give_back(*own.helper);
  --taken_;
  rank_.end_operation();
}

void Operations::drop(Outstanding& own) {
  if (!own.is_over) rank_.waiter().idle();
  if (!own.is_over) rank_.lose_track("a request was destroyed before its completion");
  own.failure = nullptr;
  release(own);
}

// A rank that has to leave has stopped its operations, or does so now; its team may be gone.
Request::~Request() {
  if (operations_ == nullptr || rank_->is_in_child()) return;
  if (rank_->is_inside_run() && !rank_->is_its_turn()) return;  // it stays outstanding
  if (rank_->is_leaving()) {
    rank_->stop_operations();
  } else {
    operations_->drop(*outstanding_);
  }
}

bool Request::go_on(Where where) {
  if (operations_ == nullptr) return true;
  require_team(Operation::test, where);
  return operations_->test(*outstanding_, where);
}

bool Request::test(Where where) {
  if (!go_on(where)) return false;
  complete();
  return true;
}

// What keeps the Runtime's memory goes as well.
void Request::complete() {
  const std::shared_ptr<RankContext> rank = std::move(rank_);
  if (operations_ != nullptr) std::exchange(operations_, nullptr)->complete(*outstanding_);
}

void Request::wait(Where where) { wait_for(nullptr, 0, where); }

void Request::wait_for(void* value, std::size_t bytes, Where where) {
  if (bytes != 0) require_value(where);
  if (operations_ == nullptr) return;
  require_team(Operation::wait, where);
  operations_->wait(*outstanding_, where);
  if (bytes != 0) std::memcpy(value, outstanding_->result(bytes), bytes);
  complete();
}

void Request::require_value(Where where) const {
  if (operations_ != nullptr) return;
  throw Error(ExitCode::parallel, fmt::format("wait at {}:{}: the value of the call has been taken already, or moved",
                                              where.file_name(), where.line()));
}

void Request::require_team(Operation operation, Where where) const {
  if (rank_->is_leaving()) rank_->throw_must_leave({.operation = operation, .where = where});
}

void wait_all(std::span<Request> requests, Request::Where where) {
  for (Request& request : requests) request.wait(where);
}

std::optional<std::size_t> wait_any(std::span<Request> requests, Request::Where where) {
  Request* first = nullptr;
  for (Request& request : requests) {
    if (request.operations_ == nullptr) continue;
    request.require_team(Operation::wait, where);
    if (first == nullptr) first = &request;
  }
  if (first == nullptr) return std::nullopt;
  first->operations_->enter_wait(where);
  while (true) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (requests[i].operations_ == nullptr || !requests[i].outstanding_->is_over) continue;
      requests[i].wait(where);
      return i;
    }
    first->rank_->wait_for_operations();
  }
}

}  // namespace skein
