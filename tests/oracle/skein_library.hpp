// SPDX-License-Identifier: Apache-2.0
//
// Random programs made with Skein, one rank a rank of the run.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "call.hpp"
#include "skein/skein.hpp"

namespace skein_oracle {

struct SkeinLibrary {
  class Team {
   public:
    explicit Team(skein::Team& run) : team_(&run) {}
    explicit Team(std::unique_ptr<skein::Team> made) : made_(std::move(made)), team_(made_.get()) {}

    int rank() const { return team_->rank(); }
    int size() const { return team_->size(); }
    skein::Team& team() { return *team_; }

    std::unique_ptr<Team> dup() { return of(team_->dup()); }
    std::unique_ptr<Team> subset(const std::vector<int>& ranks) { return of(team_->subset(ranks)); }
    std::unique_ptr<Team> split(std::optional<int> color, int key) {
      return of(team_->split(color.value_or(skein::Team::kNoTeam), key));
    }

   private:
    static std::unique_ptr<Team> of(std::unique_ptr<skein::Team> made) {
      return made ? std::make_unique<Team>(std::move(made)) : nullptr;
    }

    std::unique_ptr<skein::Team> made_;
    skein::Team* team_;
  };

  /// One of the two, or neither when the call was a blocking one.
  template <class T>
  struct Completion {
    void wait(Buffers<T>& buffers) {
      if (request) request->wait();
      if (!pending) return;
      const T value = pending->wait();
      if (is_result) buffers.out[0] = value;
    }

    std::optional<skein::Request> request;
    std::optional<skein::Pending<T>> pending;
    bool is_result = true;  ///< of a value form, on this rank
  };

  template <class T, class Op>
  static void begin(Team& team, const Shape& shape, Buffers<T>& buffers, Op op, Completion<T>& completion) {
    if (shape.form == Form::value) {
      completion.is_result = shape.kind != Kind::reduce || team.rank() == shape.root;
      return with_value(team.team(), shape, buffers, op, completion);
    }
    if (is_fold(shape.kind)) {
      shape.is_nonblocking ? begin_fold(team.team(), shape, buffers, op, completion)
                           : fold(team.team(), shape, buffers, op);
    } else {
      shape.is_nonblocking ? begin_move(team.team(), shape, buffers, completion) : move(team.team(), shape, buffers);
    }
  }

 private:
  template <class T, class Op>
  static void with_value(skein::Team& team, const Shape& shape, Buffers<T>& buffers, Op op, Completion<T>& completion) {
    const T own = shape.kind == Kind::bcast ? buffers.out[0] : buffers.in[0];
    if (shape.is_nonblocking) {
      auto& pending = completion.pending;
      switch (shape.kind) {
        case Kind::bcast:
          pending.emplace(team.ibcast(own, shape.root));
          break;
        case Kind::reduce:
          pending.emplace(team.ireduce(own, op, shape.root));
          break;
        case Kind::allreduce:
          pending.emplace(team.iallreduce(own, op));
          break;
        case Kind::scan:
          pending.emplace(team.iscan(own, op));
          break;
        default:
          pending.emplace(team.iexscan(own, op, buffers.initial));
          break;
      }
      return;
    }
    const T result = [&] {
      switch (shape.kind) {
        case Kind::bcast:
          return team.bcast(own, shape.root);
        case Kind::reduce:
          return team.reduce(own, op, shape.root);
        case Kind::allreduce:
          return team.allreduce(own, op);
        case Kind::scan:
          return team.scan(own, op);
        default:
          return team.exscan(own, op, buffers.initial);
      }
    }();
    if (completion.is_result) buffers.out[0] = result;
  }

  template <class T, class Op>
  static void fold(skein::Team& team, const Shape& shape, Buffers<T>& b, Op op) {
    const bool is_in_place = shape.form == Form::in_place;
    switch (shape.kind) {
      case Kind::reduce:
        return is_in_place ? team.reduce(b.out, op, shape.root) : team.reduce(b.in, b.out, op, shape.root);
      case Kind::allreduce:
        return is_in_place ? team.allreduce(b.out, op) : team.allreduce(b.in, b.out, op);
      case Kind::scan:
        return is_in_place ? team.scan(b.out, op) : team.scan(b.in, b.out, op);
      case Kind::exscan:
        return is_in_place ? team.exscan(b.out, op, b.initial) : team.exscan(b.in, b.out, op, b.initial);
      case Kind::reduce_scatter_block:
        return is_in_place ? team.reduce_scatter_block(b.out, op) : team.reduce_scatter_block(b.in, b.out, op);
      default:
        return team.reduce_scatter(b.in, b.out, b.parts, op);
    }
  }

  template <class T, class Op>
  static void begin_fold(skein::Team& team, const Shape& shape, Buffers<T>& b, Op op, Completion<T>& completion) {
    const bool is_in_place = shape.form == Form::in_place;
    completion.request.emplace([&] {
      switch (shape.kind) {
        case Kind::reduce:
          return is_in_place ? team.ireduce(b.out, op, shape.root) : team.ireduce(b.in, b.out, op, shape.root);
        case Kind::allreduce:
          return is_in_place ? team.iallreduce(b.out, op) : team.iallreduce(b.in, b.out, op);
        case Kind::scan:
          return is_in_place ? team.iscan(b.out, op) : team.iscan(b.in, b.out, op);
        case Kind::exscan:
          return is_in_place ? team.iexscan(b.out, op, b.initial) : team.iexscan(b.in, b.out, op, b.initial);
        case Kind::reduce_scatter_block:
          return is_in_place ? team.ireduce_scatter_block(b.out, op) : team.ireduce_scatter_block(b.in, b.out, op);
        default:
          return team.ireduce_scatter(b.in, b.out, b.parts, op);
      }
    }());
  }

  template <class T>
  static void move(skein::Team& team, const Shape& shape, Buffers<T>& b) {
    const bool is_in_place = shape.form == Form::in_place;
    switch (shape.kind) {
      case Kind::barrier:
        return team.barrier();
      case Kind::bcast:
        return team.bcast(b.out, shape.root);
      case Kind::gather:
        return team.gather(b.in, b.out, shape.root);
      case Kind::allgather:
        return is_in_place ? team.allgather(b.out) : team.allgather(b.in, b.out);
      case Kind::scatter:
        return team.scatter(b.in, b.out, shape.root);
      case Kind::alltoall:
        return is_in_place ? team.alltoall(b.out) : team.alltoall(b.in, b.out);
      case Kind::gatherv:
        return team.gatherv(b.in, b.out, b.parts, shape.root);
      case Kind::allgatherv:
        return team.allgatherv(b.in, b.out, b.parts);
      case Kind::scatterv:
        return team.scatterv(b.in, b.parts, b.out, shape.root);
      default:
        return team.alltoallv(b.in, b.parts, b.out, b.out_parts);
    }
  }

  template <class T>
  static void begin_move(skein::Team& team, const Shape& shape, Buffers<T>& b, Completion<T>& completion) {
    const bool is_in_place = shape.form == Form::in_place;
    completion.request.emplace([&] {
      switch (shape.kind) {
        case Kind::barrier:
          return team.ibarrier();
        case Kind::bcast:
          return team.ibcast(b.out, shape.root);
        case Kind::gather:
          return team.igather(b.in, b.out, shape.root);
        case Kind::allgather:
          return is_in_place ? team.iallgather(b.out) : team.iallgather(b.in, b.out);
        case Kind::scatter:
          return team.iscatter(b.in, b.out, shape.root);
        case Kind::alltoall:
          return is_in_place ? team.ialltoall(b.out) : team.ialltoall(b.in, b.out);
        case Kind::gatherv:
          return team.igatherv(b.in, b.out, b.parts, shape.root);
        case Kind::allgatherv:
          return team.iallgatherv(b.in, b.out, b.parts);
        case Kind::scatterv:
          return team.iscatterv(b.in, b.parts, b.out, shape.root);
        default:
          return team.ialltoallv(b.in, b.parts, b.out, b.out_parts);
      }
    }());
  }
};

}  // namespace skein_oracle
