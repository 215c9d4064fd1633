// SPDX-License-Identifier: Apache-2.0
//
// Random programs made with MPI alone, one process a rank of the run. Where the result of a reduction depends on how it is
// nested, MPI does not say which it is: there the inputs of all are gathered, and folded as Skein promises to fold.
#pragma once

#include <mpi.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "call.hpp"
#include "collective/oracle.hpp"

namespace skein_oracle {

struct MpiLibrary {
  class Team {
   public:
    explicit Team(MPI_Comm comm) : comm_(comm) {
      MPI_Comm_rank(comm, &rank_);
      MPI_Comm_size(comm, &size_);
    }
    ~Team() {
      if (comm_ != MPI_COMM_WORLD) MPI_Comm_free(&comm_);
    }
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    int rank() const { return rank_; }
    int size() const { return size_; }
    MPI_Comm comm() const { return comm_; }

    std::unique_ptr<Team> dup() {
      MPI_Comm made;
      MPI_Comm_dup(comm_, &made);
      return of(made);
    }
    std::unique_ptr<Team> subset(const std::vector<int>& ranks) {
      MPI_Group all;
      MPI_Group some;
      MPI_Comm made;
      MPI_Comm_group(comm_, &all);
      MPI_Group_incl(all, static_cast<int>(ranks.size()), ranks.data(), &some);
      MPI_Comm_create(comm_, some, &made);
      MPI_Group_free(&all);
      if (some != MPI_GROUP_EMPTY) MPI_Group_free(&some);
      return of(made);
    }
    std::unique_ptr<Team> split(std::optional<int> color, int key) {
      MPI_Comm made;
      MPI_Comm_split(comm_, color.value_or(MPI_UNDEFINED), key, &made);
      return of(made);
    }

   private:
    static std::unique_ptr<Team> of(MPI_Comm made) {
      return made == MPI_COMM_NULL ? nullptr : std::make_unique<Team>(made);
    }

    MPI_Comm comm_;
    int rank_ = 0;
    int size_ = 0;
  };

  template <class T>
  struct Completion {
    void wait(Buffers<T>& /*buffers*/) {
      MPI_Wait(&request, MPI_STATUS_IGNORE);
      if (afterwards) afterwards();
    }

    MPI_Request request = MPI_REQUEST_NULL;
    std::vector<int> counts, begins, out_counts, out_begins;  ///< which MPI reads until then
    std::function<void()> afterwards;
  };

  template <class T, class Op>
  static void begin(Team& team, const Shape& shape, Buffers<T>& buffers, Op op, Completion<T>& completion) {
    if (!is_fold(shape.kind)) return move(team, shape, buffers, completion);
    if constexpr (kIsExact<T, Op>) {
      fold(team, shape, buffers, op, completion);
    } else {
      fold_all(team, shape, buffers, op);
    }
  }

 private:
  template <class T>
  static MPI_Datatype type() {
    if constexpr (std::is_same_v<T, unsigned char>) return MPI_UNSIGNED_CHAR;
    if constexpr (std::is_same_v<T, int>) return MPI_INT;
    if constexpr (std::is_same_v<T, std::int64_t>) return MPI_INT64_T;
    if constexpr (std::is_same_v<T, std::uint64_t>) return MPI_UINT64_T;
    if constexpr (std::is_same_v<T, float>) return MPI_FLOAT;
    if constexpr (std::is_same_v<T, double>) return MPI_DOUBLE;
    if constexpr (std::is_same_v<T, LocatedDouble>) {  // of whose locations the lower half is in use
      static_assert(sizeof(T) == 16 && std::endian::native == std::endian::little);
      return MPI_DOUBLE_INT;
    }
    static const MPI_Datatype bytes = [] {
      MPI_Datatype made;
      MPI_Type_contiguous(sizeof(T), MPI_BYTE, &made);
      MPI_Type_commit(&made);
      return made;
    }();
    return bytes;
  }

  /// The operators of the library as they are defined, by other code.
  template <class Op>
  static auto plain(Op op) {
    namespace operators = skein::operators;
    if constexpr (std::is_same_v<Op, operators::Sum>) {
      return [](auto left, auto right) { return left + right; };
    } else if constexpr (std::is_same_v<Op, operators::Prod>) {
      return [](auto left, auto right) { return left * right; };
    } else if constexpr (std::is_same_v<Op, operators::Min>) {
      return [](auto left, auto right) { return right < left ? right : left; };
    } else if constexpr (std::is_same_v<Op, operators::Max>) {
      return [](auto left, auto right) { return right > left ? right : left; };
    } else {
      return op;
    }
  }

  /// For locations.
  static LocatedDouble better(const LocatedDouble& left, const LocatedDouble& right, bool is_least) {
    if (left.value == right.value) return {left.value, std::min(left.location, right.location)};
    return (left.value < right.value) == is_least ? left : right;
  }

  template <class T, class Op>
  static void combine(void* left, void* right, int* n, MPI_Datatype* /*type*/) {
    const T* in = static_cast<const T*>(left);
    T* out = static_cast<T*>(right);
    for (int i = 0; i < *n; ++i) out[i] = Op()(in[i], out[i]);
  }

  template <class T, class Op>
  static MPI_Op operation() {
    namespace operators = skein::operators;
    const auto is = []<class Other>(std::type_identity<Other>) { return std::is_same_v<Op, Other>; };
    if constexpr (std::is_integral_v<T>) {
      if (is(std::type_identity<operators::Prod>())) return MPI_PROD;
      if (is(std::type_identity<operators::Min>())) return MPI_MIN;
      if (is(std::type_identity<operators::Max>())) return MPI_MAX;
      if (is(std::type_identity<operators::LogicalAnd>())) return MPI_LAND;
      if (is(std::type_identity<operators::LogicalOr>()) || is(std::type_identity<std::logical_or<>>())) return MPI_LOR;
      if (is(std::type_identity<operators::LogicalXor>())) return MPI_LXOR;
      if (is(std::type_identity<operators::BitAnd>())) return MPI_BAND;
      if (is(std::type_identity<operators::BitOr>())) return MPI_BOR;
      if (is(std::type_identity<operators::BitXor>()) || is(std::type_identity<std::bit_xor<>>())) return MPI_BXOR;
      return MPI_SUM;
    } else if constexpr (std::is_same_v<T, LocatedDouble>) {
      return is(std::type_identity<operators::MinLoc>()) ? MPI_MINLOC : MPI_MAXLOC;
    } else {
      static const MPI_Op own = [] {
        MPI_Op made;
        MPI_Op_create(&combine<T, Op>, 0, &made);
        return made;
      }();
      return own;
    }
  }

  static void set(std::vector<int>& counts, std::vector<int>& begins, const std::vector<std::size_t>& parts) {
    int begin = 0;
    for (const std::size_t part : parts) {
      counts.push_back(static_cast<int>(part));
      begins.push_back(begin);
      begin += counts.back();
    }
  }

  template <class T, class Op>
  static void fold(Team& team, const Shape& shape, Buffers<T>& b, Op op, Completion<T>& completion) {
    const bool is_in_place = shape.form == Form::in_place;
    const void* in = is_in_place ? MPI_IN_PLACE : b.in.data();
    T* out = b.out.data();
    const int n = static_cast<int>(shape.n);
    const MPI_Datatype of = type<T>();
    const MPI_Op by = operation<T, Op>();
    if constexpr (std::is_same_v<T, LocatedDouble>) {
      completion.afterwards = [&b] {
        for (T& result : b.out) result.location = static_cast<int>(result.location);
      };
    }
    MPI_Request* request = &completion.request;
    switch (shape.kind) {
      case Kind::reduce:
        if (is_in_place && team.rank() != shape.root) in = out;
        MPI_Ireduce(in, out, n, of, by, shape.root, team.comm(), request);
        return;
      case Kind::allreduce:
        MPI_Iallreduce(in, out, n, of, by, team.comm(), request);
        return;
      case Kind::scan:
        MPI_Iscan(in, out, n, of, by, team.comm(), request);
        return;
      case Kind::exscan:
        MPI_Iexscan(in, out, n, of, by, team.comm(), request);
        completion.afterwards = [before = completion.afterwards, out, n, op, initial = b.initial,
                                 is_first = team.rank() == 0]() mutable {
          if (before) before();
          for (int i = 0; i < n; ++i) {
            if (is_first) {
              out[i] = initial;
            } else if constexpr (std::is_same_v<T, LocatedDouble>) {
              out[i] = better(initial, out[i], std::is_same_v<Op, skein::operators::MinLoc>);
            } else {
              out[i] = static_cast<T>(op(initial, out[i]));
            }
          }
        };
        return;
      case Kind::reduce_scatter_block:
        MPI_Ireduce_scatter_block(in, out, n, of, by, team.comm(), request);
        return;
      default:
        set(completion.counts, completion.begins, b.parts);
        MPI_Ireduce_scatter(in, out, completion.counts.data(), of, by, team.comm(), request);
    }
  }

  /// What this rank gets of the fold of all inputs, in the order and the nesting of ranks that Skein promises.
  template <class T, class Op>
  static void fold_all(Team& team, const Shape& shape, Buffers<T>& b, Op op) {
    const std::vector<T>& own = shape.form == Form::in_place ? b.out : b.in;
    std::vector<T> all(own.size() * static_cast<std::size_t>(team.size()), b.initial);
    MPI_Allgather(own.data(), static_cast<int>(own.size()), type<T>(), all.data(), static_cast<int>(own.size()),
                  type<T>(), team.comm());
    if (shape.kind == Kind::reduce && team.rank() != shape.root) return;
    std::size_t begin = 0;
    if (shape.kind == Kind::reduce_scatter_block) begin = shape.n * static_cast<std::size_t>(team.rank());
    if (shape.kind == Kind::reduce_scatter) {
      for (int q = 0; q < team.rank(); ++q) begin += b.parts[static_cast<std::size_t>(q)];
    }
    const int end = shape.kind == Kind::scan ? team.rank() + 1 : shape.kind == Kind::exscan ? team.rank() : team.size();
    const auto by = plain(op);
    const std::size_t stride = all.size() / static_cast<std::size_t>(team.size());
    for (std::size_t i = 0; i < b.results; ++i) {
      const auto fold = [&] {
        return skein_test::oracle_fold<T>(
            0, end, [&](int rank) { return all[static_cast<std::size_t>(rank) * stride + begin + i]; }, by);
      };
      if (shape.kind == Kind::exscan) {
        b.out[i] = end == 0 ? b.initial : static_cast<T>(by(b.initial, fold()));
      } else {
        b.out[i] = fold();
      }
    }
  }

  template <class T>
  static void move(Team& team, const Shape& shape, Buffers<T>& b, Completion<T>& completion) {
    const bool is_in_place = shape.form == Form::in_place;
    const void* in = is_in_place ? MPI_IN_PLACE : b.in.data();
    void* out = b.out.data();
    const int n = static_cast<int>(shape.n);
    const int root = shape.root;
    const auto own = static_cast<std::size_t>(team.rank());
    const MPI_Datatype of = type<T>();
    const MPI_Comm comm = team.comm();
    MPI_Request* request = &completion.request;
    set(completion.counts, completion.begins, b.parts);
    set(completion.out_counts, completion.out_begins, b.out_parts);
    const int* counts = completion.counts.data();
    const int* begins = completion.begins.data();
    switch (shape.kind) {
      case Kind::barrier:
        MPI_Ibarrier(comm, request);
        return;
      case Kind::bcast:
        MPI_Ibcast(out, n, of, root, comm, request);
        return;
      case Kind::gather:
        MPI_Igather(in, n, of, out, n, of, root, comm, request);
        return;
      case Kind::allgather:
        MPI_Iallgather(in, n, of, out, n, of, comm, request);
        return;
      case Kind::scatter:
        MPI_Iscatter(in, n, of, out, n, of, root, comm, request);
        return;
      case Kind::alltoall:
        MPI_Ialltoall(in, n, of, out, n, of, comm, request);
        return;
      case Kind::gatherv:
        MPI_Igatherv(in, counts[own], of, out, counts, begins, of, root, comm, request);
        return;
      case Kind::allgatherv:
        MPI_Iallgatherv(in, counts[own], of, out, counts, begins, of, comm, request);
        return;
      case Kind::scatterv:
        MPI_Iscatterv(in, counts, begins, of, out, counts[own], of, root, comm, request);
        return;
      default:
        MPI_Ialltoallv(in, counts, begins, of, out, completion.out_counts.data(), completion.out_begins.data(), of,
                       comm, request);
    }
  }
};

}  // namespace skein_oracle
