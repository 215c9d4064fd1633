// SPDX-License-Identifier: Apache-2.0
//
// The non-blocking forms: each begins the call that has its name without the i.
#pragma once

#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "skein/collective/bytes.hpp"
#include "skein/collective/operands.hpp"
#include "skein/team/team.hpp"

namespace skein {

/// A value that a non-blocking call will return. As Request, whose wait() returns it.
template <class T>
class Pending {
 public:
  using Where = Request::Where;

  /// True when wait() will not block. Does not complete it.
  bool test(Where where = Where::current()) { return request_.go_on(where); }

  /// Blocks until the call is complete on this rank.
  /// Errors  as Request::wait; Error(parallel) the second time.
  [[nodiscard]] T wait(Where where = Where::current()) {
    std::byte value[sizeof(T)];
    request_.wait_for(value, sizeof(T), where);
    return load<T>(value);
  }

 private:
  friend class Team;
  explicit Pending(Request request) : request_(std::move(request)) {}

  Request request_;
};

namespace detail {

/// What forms return that make their containers.
template <class T>
inline constexpr bool kIsMade = false;
template <class T>
inline constexpr bool kIsMade<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsMade<Ragged<T>> = true;

}  // namespace detail

/// The same for containers.
template <class T>
  requires detail::kIsMade<T>
class Pending<T> {
 public:
  using Where = Request::Where;

  bool test(Where where = Where::current()) { return request_.go_on(where); }

  [[nodiscard]] T wait(Where where = Where::current()) {
    request_.require_value(where);
    request_.wait(where);
    return std::move(*result_);
  }

 private:
  friend class Team;
  Pending(std::shared_ptr<T> result, Request request) : result_(std::move(result)), request_(std::move(request)) {}

  std::shared_ptr<T> result_;  ///< the call's as well
  Request request_;
};

/// As start, of a call that returns a container: make(team).
template <class Result, class Make>
Pending<Result> Team::start_making(Operation operation, Where where, Make make) {
  auto result = std::make_shared<Result>();
  Request request = start(operation, where,
                          [result, make = std::move(make)](Team& team, Outstanding&) mutable { *result = make(team); });
  return Pending<Result>(std::move(result), std::move(request));
}

template <Value T>
Pending<T> Team::ibcast(const T& value, int root, Where where) {
  return Pending<T>(start(Operation::bcast, where, [value, root, where](Team& team, Outstanding& own) mutable {
    store(own.result(sizeof(T)), team.bcast(value, root, where));
  }));
}

template <InPlaceBuffer Data>
Request Team::ibcast(Data&& data, int root, Where where) {
  return start(Operation::bcast, where,
               [data = keep(std::forward<Data>(data)), root, where](Team& team, Outstanding&) mutable {
                 team.bcast(data.get(), root, where);
               });
}

template <Value T, class Op>
Pending<T> Team::ireduce(const T& value, Op op, int root, Where where) {
  return Pending<T>(
      start(Operation::reduce, where, [value, op = std::move(op), root, where](Team& team, Outstanding& own) mutable {
        store(own.result(sizeof(T)), team.reduce(value, op, root, where));
      }));
}

template <KeptBuffer In, OutBuffer<BufferValue<In>> Out, class Op>
Request Team::ireduce(In&& in, Out&& out, Op op, int root, Where where) {
  return start(Operation::reduce, where,
               [in = keep(std::forward<In>(in)), out = keep(std::forward<Out>(out)), op = std::move(op), root, where](
                   Team& team, Outstanding&) mutable { team.reduce(in.get(), out.get(), op, root, where); });
}

template <InPlaceBuffer Data, class Op>
Request Team::ireduce(Data&& data, Op op, int root, Where where) {
  return start(Operation::reduce, where,
               [data = keep(std::forward<Data>(data)), op = std::move(op), root, where](
                   Team& team, Outstanding&) mutable { team.reduce(data.get(), op, root, where); });
}

template <Value T, class Op>
Pending<T> Team::iallreduce(const T& value, Op op, Where where) {
  return Pending<T>(
      start(Operation::allreduce, where, [value, op = std::move(op), where](Team& team, Outstanding& own) mutable {
        store(own.result(sizeof(T)), team.allreduce(value, op, where));
      }));
}

template <KeptBuffer In, OutBuffer<BufferValue<In>> Out, class Op>
Request Team::iallreduce(In&& in, Out&& out, Op op, Where where) {
  return start(Operation::allreduce, where,
               [in = keep(std::forward<In>(in)), out = keep(std::forward<Out>(out)), op = std::move(op), where](
                   Team& team, Outstanding&) mutable { team.allreduce(in.get(), out.get(), op, where); });
}

template <InPlaceBuffer Data, class Op>
Request Team::iallreduce(Data&& data, Op op, Where where) {
  return start(Operation::allreduce, where,
               [data = keep(std::forward<Data>(data)), op = std::move(op), where](Team& team, Outstanding&) mutable {
                 team.allreduce(data.get(), op, where);
               });
}

template <class Op, Value T, class... Ops, Value... Ts>
Pending<std::tuple<T, Ts...>> Team::iallreduce(const Operand<Op, T>& first, const Operand<Ops, Ts>&... others) {
  using All = std::tuple<T, Ts...>;
  return Pending<All>(start(Operation::allreduce, first.where,
                            [first = first, ... others = others](Team& team, Outstanding& own) mutable {
                              store(own.result(sizeof(All)), team.allreduce(first, others...));
                            }));
}

template <Value T, class Op>
Pending<T> Team::iscan(const T& value, Op op, Where where) {
  return Pending<T>(
      start(Operation::scan, where, [value, op = std::move(op), where](Team& team, Outstanding& own) mutable {
        store(own.result(sizeof(T)), team.scan(value, op, where));
      }));
}

template <KeptBuffer In, OutBuffer<BufferValue<In>> Out, class Op>
Request Team::iscan(In&& in, Out&& out, Op op, Where where) {
  return start(Operation::scan, where,
               [in = keep(std::forward<In>(in)), out = keep(std::forward<Out>(out)), op = std::move(op), where](
                   Team& team, Outstanding&) mutable { team.scan(in.get(), out.get(), op, where); });
}

template <InPlaceBuffer Data, class Op>
Request Team::iscan(Data&& data, Op op, Where where) {
  return start(Operation::scan, where,
               [data = keep(std::forward<Data>(data)), op = std::move(op), where](Team& team, Outstanding&) mutable {
                 team.scan(data.get(), op, where);
               });
}

template <Value T, class Op>
Pending<T> Team::iexscan(const T& value, Op op, const std::type_identity_t<T>& initial, Where where) {
  return Pending<T>(start(Operation::exscan, where,
                          [value, op = std::move(op), initial, where](Team& team, Outstanding& own) mutable {
                            store(own.result(sizeof(T)), team.exscan(value, op, initial, where));
                          }));
}

template <KeptBuffer In, OutBuffer<BufferValue<In>> Out, class Op>
Request Team::iexscan(In&& in, Out&& out, Op op, const BufferValue<In>& initial, Where where) {
  return start(Operation::exscan, where,
               [in = keep(std::forward<In>(in)), out = keep(std::forward<Out>(out)), op = std::move(op), initial,
                where](Team& team, Outstanding&) mutable { team.exscan(in.get(), out.get(), op, initial, where); });
}

template <InPlaceBuffer Data, class Op>
Request Team::iexscan(Data&& data, Op op, const BufferValue<Data>& initial, Where where) {
  return start(Operation::exscan, where,
               [data = keep(std::forward<Data>(data)), op = std::move(op), initial, where](
                   Team& team, Outstanding&) mutable { team.exscan(data.get(), op, initial, where); });
}

template <KeptBuffer In, OutBuffer<BufferValue<In>> Out, class Op>
Request Team::ireduce_scatter_block(In&& in, Out&& out, Op op, Where where) {
  return start(Operation::reduce_scatter_block, where,
               [in = keep(std::forward<In>(in)), out = keep(std::forward<Out>(out)), op = std::move(op), where](
                   Team& team, Outstanding&) mutable { team.reduce_scatter_block(in.get(), out.get(), op, where); });
}

template <WritableBuffer Data, class Op>
Request Team::ireduce_scatter_block(Data&& data, Op op, Where where) {
  return start(Operation::reduce_scatter_block, where,
               [data = keep(std::forward<Data>(data)), op = std::move(op), where](Team& team, Outstanding&) mutable {
                 team.reduce_scatter_block(data.get(), op, where);
               });
}

template <KeptBuffer In, OutBuffer<BufferValue<In>> Out, class Op>
Request Team::ireduce_scatter(In&& in, Out&& out, KeptParts parts, Op op, Where where) {
  return start(Operation::reduce_scatter, where,
               [in = keep(std::forward<In>(in)), out = keep(std::forward<Out>(out)), parts, op = std::move(op), where](
                   Team& team, Outstanding&) mutable { team.reduce_scatter(in.get(), out.get(), parts, op, where); });
}

template <class T, WritableBuffer Out>
  requires requires(const T& value) { BufferValue<Out>{value}; }
Request Team::iallgather(const T& value, Out&& out, Where where) {
  return start(Operation::allgather, where,
               [value, out = keep(std::forward<Out>(out)), where](Team& team, Outstanding&) mutable {
                 team.allgather(value, out.get(), where);
               });
}

template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
Request Team::iallgather(In&& in, Out&& out, Where where) {
  return start(Operation::allgather, where,
               [in = keep(std::forward<In>(in)), out = keep(std::forward<Out>(out)), where](
                   Team& team, Outstanding&) mutable { team.allgather(in.get(), out.get(), where); });
}

template <WritableBuffer Data>
Request Team::iallgather(Data&& data, Where where) {
  return start(Operation::allgather, where,
               [data = keep(std::forward<Data>(data)), where](Team& team, Outstanding&) mutable {
                 team.allgather(data.get(), where);
               });
}

template <class T, WritableBuffer Out>
  requires requires(const T& value) { BufferValue<Out>{value}; }
Request Team::igather(const T& value, Out&& out, int root, Where where) {
  return start(Operation::gather, where,
               [value, out = keep(std::forward<Out>(out)), root, where](Team& team, Outstanding&) mutable {
                 team.gather(value, out.get(), root, where);
               });
}

template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
Request Team::igather(In&& in, Out&& out, int root, Where where) {
  return start(Operation::gather, where,
               [in = keep(std::forward<In>(in)), out = keep(std::forward<Out>(out)), root, where](
                   Team& team, Outstanding&) mutable { team.gather(in.get(), out.get(), root, where); });
}

template <KeptBuffer In>
Pending<BufferValue<In>> Team::iscatter(In&& in, int root, Where where) {
  using T = BufferValue<In>;
  return Pending<T>(start(Operation::scatter, where,
                          [in = keep(std::forward<In>(in)), root, where](Team& team, Outstanding& own) mutable {
                            store(own.result(sizeof(T)), team.scatter(in.get(), root, where));
                          }));
}

template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
Request Team::iscatter(In&& in, Out&& out, int root, Where where) {
  return start(Operation::scatter, where,
               [in = keep(std::forward<In>(in)), out = keep(std::forward<Out>(out)), root, where](
                   Team& team, Outstanding&) mutable { team.scatter(in.get(), out.get(), root, where); });
}

template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
Request Team::ialltoall(In&& in, Out&& out, Where where) {
  return start(Operation::alltoall, where,
               [in = keep(std::forward<In>(in)), out = keep(std::forward<Out>(out)), where](
                   Team& team, Outstanding&) mutable { team.alltoall(in.get(), out.get(), where); });
}

template <WritableBuffer Data>
Request Team::ialltoall(Data&& data, Where where) {
  return start(Operation::alltoall, where,
               [data = keep(std::forward<Data>(data)), where](Team& team, Outstanding&) mutable {
                 team.alltoall(data.get(), where);
               });
}

template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
Request Team::iallgatherv(In&& in, Out&& out, KeptParts parts, Where where) {
  return start(Operation::allgatherv, where,
               [in = keep(std::forward<In>(in)), out = keep(std::forward<Out>(out)), parts, where](
                   Team& team, Outstanding&) mutable { team.allgatherv(in.get(), out.get(), parts, where); });
}

template <KeptBuffer In>
  requires Returnable<BufferValue<In>>
Pending<Ragged<BufferValue<In>>> Team::iallgatherv(In&& in, Where where) {
  return start_making<Ragged<BufferValue<In>>>(
      Operation::allgatherv, where,
      [in = keep(std::forward<In>(in)), where](Team& team) mutable { return team.allgatherv(in.get(), where); });
}

template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
Request Team::igatherv(In&& in, Out&& out, KeptParts parts, int root, Where where) {
  return start(Operation::gatherv, where,
               [in = keep(std::forward<In>(in)), out = keep(std::forward<Out>(out)), parts, root, where](
                   Team& team, Outstanding&) mutable { team.gatherv(in.get(), out.get(), parts, root, where); });
}

template <KeptBuffer In>
  requires Returnable<BufferValue<In>>
Pending<Ragged<BufferValue<In>>> Team::igatherv(In&& in, int root, Where where) {
  return start_making<Ragged<BufferValue<In>>>(Operation::gatherv, where,
                                               [in = keep(std::forward<In>(in)), root, where](Team& team) mutable {
                                                 return team.gatherv(in.get(), root, where);
                                               });
}

template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
Request Team::iscatterv(In&& in, KeptParts parts, Out&& out, int root, Where where) {
  return start(Operation::scatterv, where,
               [in = keep(std::forward<In>(in)), parts, out = keep(std::forward<Out>(out)), root, where](
                   Team& team, Outstanding&) mutable { team.scatterv(in.get(), parts, out.get(), root, where); });
}

template <KeptBuffer In>
  requires Returnable<BufferValue<In>>
Pending<std::vector<BufferValue<In>>> Team::iscatterv(In&& in, KeptParts parts, int root, Where where) {
  return start_making<std::vector<BufferValue<In>>>(
      Operation::scatterv, where, [in = keep(std::forward<In>(in)), parts, root, where](Team& team) mutable {
        return team.scatterv(in.get(), parts, root, where);
      });
}

template <KeptBuffer In>
  requires Returnable<BufferValue<In>>
Pending<Ragged<BufferValue<In>>> Team::ialltoallv(In&& in, KeptParts in_parts, Where where) {
  return start_making<Ragged<BufferValue<In>>>(Operation::alltoallv, where,
                                               [in = keep(std::forward<In>(in)), in_parts, where](Team& team) mutable {
                                                 return team.alltoallv(in.get(), in_parts, where);
                                               });
}

template <KeptBuffer In, OutBuffer<BufferValue<In>> Out>
Request Team::ialltoallv(In&& in, KeptParts in_parts, Out&& out, KeptParts out_parts, Where where) {
  return start(
      Operation::alltoallv, where,
      [in = keep(std::forward<In>(in)), in_parts, out = keep(std::forward<Out>(out)), out_parts, where](
          Team& team, Outstanding&) mutable { team.alltoallv(in.get(), in_parts, out.get(), out_parts, where); });
}

}  // namespace skein
