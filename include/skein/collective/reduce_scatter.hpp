// SPDX-License-Identifier: Apache-2.0
//
// reduce_scatter and reduce_scatter_block: as reduce, with an owner for each part of the result.
//
// Cost  as allreduce, without the copies of what others own.
#pragma once

#include "skein/collective/in_place.hpp"
#include "skein/collective/reduce.hpp"

namespace skein {

template <Buffer In, OutBuffer<BufferValue<In>> Out, class Op>
void Team::reduce_scatter(const In& in, Out&& out, Parts parts, Op op, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  BufferOut<Out> out_access(out);
  const std::span<const T> from = in_access.span();
  const std::span<T> to = out_access.span();
  const Call call{.operation = Operation::reduce_scatter,
                  .operator_name = kOperatorName<Op>,
                  .element_bytes = sizeof(T),
                  .count = from.size(),
                  .where = where,
                  .parts = parts.hash()};
  enter(call);
  guarded([&] {
    require_parts(parts, from.size(), call);
    require(!parts.has_begins(), call, "its parts follow each other: pass counts only");
    require(parts.total() == from.size(), call, "the counts must add up to the size of in");
    require(to.size() == parts.of(rank_).count, call, "out must have the size that the counts give its rank");
    detail::require_apart(*this, call, from, to);
    detail::reduce_elements(*this, call, Owners::of(parts), from.data(), to.data(), op);
  });
}

template <Buffer In, OutBuffer<BufferValue<In>> Out, class Op>
void Team::reduce_scatter_block(const In& in, Out&& out, Op op, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  BufferOut<Out> out_access(out);
  const std::span<const T> from = in_access.span();
  const std::span<T> to = out_access.span();
  const auto ranks = static_cast<std::size_t>(size_);
  const Call call{.operation = Operation::reduce_scatter_block,
                  .operator_name = kOperatorName<Op>,
                  .element_bytes = sizeof(T),
                  .count = from.size(),
                  .where = where};
  enter(call);
  guarded([&] {
    require(from.size() % ranks == 0, call, "the size must be a multiple of the number of ranks");
    const std::size_t part = from.size() / ranks;
    require(from.data() == to.data() || to.size() == part, call, "out must hold one part of in for each rank");
    const T* values = detail::steady(*this, call, from, to);
    detail::reduce_elements(*this, call, Owners::blocks(part), values, to.data(), op);
  });
}

template <WritableBuffer Data, class Op>
void Team::reduce_scatter_block(Data&& data, Op op, Where where) {
  BufferOut<Data> access(data);
  reduce_scatter_block(access.span(), access.span(), op, where);
}

}  // namespace skein
