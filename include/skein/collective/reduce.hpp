// SPDX-License-Identifier: Apache-2.0
//
// reduce and allreduce, and what the other collectives that fold share with them: the fold of fold.hpp, element by element.
//
// Cost  what ranks post (Member::fits_post): one exchange; every reader folds, so there is no second hop among few ranks.
//       Larger: large_reduce.hpp.
#pragma once

#include "skein/collective/large_reduce.hpp"
#include "skein/team/team.hpp"

namespace skein {

namespace detail {

/// Folds `count` elements that every rank posted in its line, as `combine` of an exchange.
template <class T, class Posted, class Op>
[[gnu::always_inline]] inline void fold_posted(int end, const Posted& posted, std::size_t count, std::byte* out,
                                               Op& op) {
  for (std::size_t i = 0; i < count; ++i) {
    store(out + i * sizeof(T), fold<T>(
                                   end, [&](int rank) { return load<T>(posted(rank) + i * sizeof(T)); }, op));
  }
}

/// Folds the elements of `range` of what the first `end` ranks posted beside their lines, once the exchange is complete.
template <class T, class Op>
void fold_long_posts(const Member& member, int end, BlockRange range, std::size_t bytes, T* out, Op& op) {
  TileFold<T> tiles;
  const auto known = [&](int a, int b) -> const T* {
    return b - a == 1 ? reinterpret_cast<const T*>(member.posted(a, bytes)) + range.begin : nullptr;
  };
  tiles(0, end, known, range.size(), out, op);
}

/// How a leader folds two payloads.
template <class T, class Op>
void merge_elements(const Content& content, const std::byte* left, const std::byte* right, std::byte* out) {
  Op& op = *static_cast<Op*>(content.op);
  for (std::size_t at = 0; at < content.bytes; at += sizeof(T)) {
    store(out + at, static_cast<T>(op(load<T>(left + at), load<T>(right + at))));
  }
}

template <class T, class Op>
Content content_of_fold(std::size_t bytes, Op& op) {
  return {.need = Content::Need::fold,
          .bytes = bytes,
          .merge = &merge_elements<T, Op>,
          .op = &op,
          .is_any_order = kIsAnyOrder<Op>};
}

/// As reduce_elements, for payloads beside the line. Ranks of one host each fold what they own.
template <class T, class Op>
void reduce_long_posts(Member& member, const Call& call, const Owners& owners, const T* in, T* out, Op& op) {
  const std::size_t bytes = call.count * sizeof(T);
  std::byte* const folded = member.folded();
  member.exchange(
      signature(call), in, bytes, [&] { return content_of_fold<T>(bytes, op); }, Member::kNothing, folded, 0);
  owners.for_each({0, call.count}, [&](int owner, BlockRange owned, std::size_t at) {
    if (owner != kNoRoot && owner != member.rank()) return;
    if (folded == nullptr) return fold_long_posts(member, member.size(), owned, bytes, out + at, op);
    std::memcpy(static_cast<void*>(out + at), folded + owned.begin * sizeof(T), owned.size() * sizeof(T));
  });
}

/// Folds `call.count` elements; each rank gets in `out` what it owns of the result.
template <class T, class Op>
void reduce_elements(Member& member, const Call& call, const Owners& owners, const T* in, T* out, Op& op) {
  const std::size_t bytes = call.count * sizeof(T);
  if (!member.fits_fold(bytes)) {
    return LargeReduce<T, Op>(member, call, owners, in, out, op).run(call.count);
  }
  if constexpr (sizeof(T) <= kPostBytes) {
    if (!fits_line(bytes)) return reduce_long_posts(member, call, owners, in, out, op);
  }
  std::byte result[kInlineBytes];
  member.exchange(
      signature(call), in, bytes, [&] { return content_of_fold<T>(bytes, op); },
      [&](void* folded) {
        fold_posted<T>(member.size(), member.posted_with_own(bytes_of(in)), call.count, static_cast<std::byte*>(folded),
                       op);
      },
      result, bytes);
  owners.for_each({0, call.count}, [&](int owner, BlockRange owned, std::size_t at) {
    if (owner != kNoRoot && owner != member.rank()) return;
    copy_bytes(writable_bytes_of(out + at), result + owned.begin * sizeof(T), owned.size() * sizeof(T));
  });
}

/// What an operator works on of a value: its elements, or all of it as one.
template <class Op, class T>
auto operand_of(T& value) {
  if constexpr (Elementwise<std::remove_const_t<T>, Op>) {
    return std::span(value.data(), static_cast<std::size_t>(value.size()));
  } else {
    return std::span<T>(&value, 1);
  }
}

}  // namespace detail

// The call that steps are made of: everything but the value is known when it is compiled.
template <Value T, class Op>
T Team::allreduce(const T& value, Op op, Where where) {
  if constexpr (Elementwise<T, Op>) {
    T result = value;
    allreduce(detail::operand_of<Op>(result), op, where);
    return result;
  } else if constexpr (fits_line(sizeof(T))) {
    constexpr Signature kSignature = signature(Call{
        .operation = Operation::allreduce, .operator_name = kOperatorName<Op>, .element_bytes = sizeof(T), .count = 1});
    const Call call{.operation = Operation::allreduce,
                    .operator_name = kOperatorName<Op>,
                    .element_bytes = sizeof(T),
                    .count = 1,
                    .where = where};
    check(call);
    try {  // not guarded(): a closure costs a stall
      [[maybe_unused]] const std::conditional_t<kRunsProgram<T, Op>, RankContext::Busy, NotBusy> busy(*context_);
      std::byte result[sizeof(T)];
      exchange(
          kSignature, &value, sizeof(T), [&] { return detail::content_of_fold<T>(sizeof(T), op); },
          [&](void* folded) {
            detail::fold_posted<T>(size_, posted_with_own(bytes_of(&value)), 1, static_cast<std::byte*>(folded), op);
          },
          result, sizeof(T), &call);
      return load<T>(result);
    } catch (...) {
      context_->leave_by_exception();
      throw;
    }
  } else {
    T result = value;
    allreduce(std::span<T>(&result, 1), op, where);
    return result;
  }
}

template <InPlaceBuffer Data, class Op>
void Team::allreduce(Data&& data, Op op, Where where) {
  BufferOut<Data> access(data);
  allreduce(access.span(), access.span(), op, where);
}

template <Buffer In, OutBuffer<BufferValue<In>> Out, class Op>
void Team::allreduce(const In& in, Out&& out, Op op, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  BufferOut<Out> out_access(out);
  const std::span<const T> from = in_access.span();
  const std::span<T> to = out_access.span();
  const Call call{.operation = Operation::allreduce,
                  .operator_name = kOperatorName<Op>,
                  .element_bytes = sizeof(T),
                  .count = from.size(),
                  .where = where};
  enter(call);
  guarded([&] {
    require(from.size() == to.size(), call, "in and out must have the same size");
    detail::reduce_elements(*this, call, Owners(), from.data(), to.data(), op);
  });
}

template <Value T, class Op>
T Team::reduce(const T& value, Op op, int root, Where where) {
  T result = value;
  reduce(detail::operand_of<Op>(result), op, root, where);
  return result;
}

template <InPlaceBuffer Data, class Op>
void Team::reduce(Data&& data, Op op, int root, Where where) {
  BufferOut<Data> access(data);
  reduce(access.span(), access.span(), op, root, where);
}

template <Buffer In, OutBuffer<BufferValue<In>> Out, class Op>
void Team::reduce(const In& in, Out&& out, Op op, int root, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  BufferOut<Out> out_access(out);
  const std::span<const T> from = in_access.span();
  const std::span<T> to = out_access.span();
  const Call call{.operation = Operation::reduce,
                  .root = root,
                  .operator_name = kOperatorName<Op>,
                  .element_bytes = sizeof(T),
                  .count = from.size(),
                  .where = where};
  enter(call);
  guarded([&] {
    require_root(call);
    require(rank_ != root || from.size() == to.size(), call, "at root, in and out must have the same size");
    detail::reduce_elements(*this, call, Owners(root), from.data(), to.data(), op);
  });
}

}  // namespace skein
