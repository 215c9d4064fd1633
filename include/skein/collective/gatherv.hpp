// SPDX-License-Identifier: Apache-2.0
//
// gatherv and allgatherv: as gather and allgather, with inputs of different sizes.
//
// Cost  allgatherv: as allgather, for the largest input. gatherv: two exchanges more, in which root learns the sizes and says
//       which is the largest; with inferred counts allgatherv: one more.
#pragma once

#include <algorithm>

#include "skein/collective/bcast.hpp"
#include "skein/collective/gather.hpp"
#include "skein/collective/ragged.hpp"
#include "skein/team/team.hpp"

namespace skein {

namespace detail {

/// What one rank sends, and where it goes, in bytes.
struct Slot {
  std::uint64_t begin = 0;
  std::uint64_t bytes = 0;
};

inline std::span<Slot> scratch_slots(Member& member) {
  const auto ranks = static_cast<std::size_t>(member.size());
  return {reinterpret_cast<Slot*>(member.scratch(ranks * sizeof(Slot))), ranks};
}

/// What every rank sends, one behind the other, where it is needed: on the ranks that receive, and on leaders of hosts.
inline std::span<Slot> exchange_sizes(Member& member, const Call& call, std::uint64_t own) {
  const std::span<Slot> slots = scratch_slots(member);
  member.exchange(signature(call), &own, sizeof(own), Member::content_of_all(sizeof(own)), Member::kNothing, nullptr,
                  0);
  if (call.root == kNoRoot || call.root == member.rank() || member.others() != nullptr) {
    std::uint64_t begin = 0;
    for (std::size_t rank = 0; rank < slots.size(); ++rank) {
      slots[rank] = {begin, load<std::uint64_t>(member.posted(static_cast<int>(rank), sizeof(own)))};
      begin += slots[rank].bytes;
    }
  }
  return slots;
}

inline std::uint64_t longest_of(std::span<const Slot> slots) {
  std::uint64_t longest = 0;
  for (const Slot& slot : slots) longest = std::max(longest, slot.bytes);
  return longest;
}

/// Everything that a rank sends goes to all that receive.
inline void gather_streams(Member& member, const Call& call, std::span<const std::byte> in, std::size_t longest,
                           bool receives, std::span<const Slot> slots, std::byte* out) {
  const auto slot = [&](int rank) -> const Slot& { return slots[static_cast<std::size_t>(rank)]; };
  move_streams(
      member, call, in.data(), longest,
      // One part, which stands for those of all receivers.
      [&](int receiver) { return receiver == member.rank() ? Extent{.bytes = in.size()} : Extent{.at = in.size()}; },
      [&](int sender) { return receives ? Extent{.bytes = slot(sender).bytes} : Extent{}; },
      [&](int sender, int host, const auto& send) {
        if (call.root == kNoRoot || member.map().host_of(call.root) == host) {
          send(Extent{.bytes = slot(sender).bytes});
        }
      },
      [&](int sender) { return out + slot(sender).begin; });
}

/// `prepare(slots)` is called at root, and says where the slots lie.
template <class Prepare>
void gatherv_bytes(Member& member, const Call& call, std::span<const std::byte> in, const Prepare& prepare) {
  const bool is_root = member.rank() == call.root;
  const std::span<Slot> slots = exchange_sizes(member, call, in.size());
  std::byte* const out = is_root ? prepare(slots) : nullptr;
  std::uint64_t longest = is_root ? longest_of(slots) : 0;
  bcast_bytes(member, {.operation = Operation::piece, .root = call.root, .element_bytes = sizeof(longest), .count = 1},
              writable_bytes_of(&longest));
  gather_streams(member, {.operation = Operation::piece, .root = call.root}, in, longest, is_root, slots, out);
}

/// Makes room for values of that many bytes from each rank.
template <class T>
std::byte* divide(Ragged<T>& ragged, std::span<const Slot> slots) {
  for (const Slot& slot : slots) ragged.begins.push_back((slot.begin + slot.bytes) / sizeof(T));
  ragged.values.resize(ragged.begins.back());
  return writable_bytes_of(ragged.values.data());
}

}  // namespace detail

template <Buffer In, OutBuffer<BufferValue<In>> Out>
void Team::allgatherv(const In& in, Out&& out, Parts parts, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  BufferOut<Out> out_access(out);
  const std::span<const T> from = in_access.span();
  const std::span<T> to = out_access.span();
  const Call call{.operation = Operation::allgatherv,
                  .element_bytes = sizeof(T),
                  .count = parts.total(),
                  .where = where,
                  .parts = parts.hash()};
  enter(call);
  guarded([&] {
    require_parts(parts, to.size(), call);
    require(from.size() == parts.of(rank_).count, call, "in must have the size that the counts give its rank");
    const std::span<detail::Slot> slots = detail::scratch_slots(*this);
    parts.for_each([&](int rank, Parts::Part part) {
      slots[static_cast<std::size_t>(rank)] = {part.begin * sizeof(T), part.count * sizeof(T)};
    });
    detail::gather_streams(*this, call, std::as_bytes(from), detail::longest_of(slots), true, slots,
                           writable_bytes_of(to.data()));
  });
}

template <Buffer In>
  requires Returnable<BufferValue<In>>
Ragged<BufferValue<In>> Team::allgatherv(const In& in, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  const std::span<const T> from = in_access.span();
  const Call call{.operation = Operation::allgatherv, .element_bytes = sizeof(T), .count = from.size(), .where = where};
  Ragged<T> result;
  enter(call);
  guarded([&] {
    const std::span<detail::Slot> slots = detail::exchange_sizes(
        *this, {.operation = Operation::allgatherv, .element_bytes = sizeof(T)}, from.size_bytes());
    std::byte* const out = detail::divide(result, slots);
    detail::gather_streams(*this, {.operation = Operation::piece}, std::as_bytes(from), detail::longest_of(slots), true,
                           slots, out);
  });
  return result;
}

template <Buffer In, OutBuffer<BufferValue<In>> Out>
void Team::gatherv(const In& in, Out&& out, Parts parts, int root, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  BufferOut<Out> out_access(out);
  const std::span<const T> from = in_access.span();
  const std::span<T> to = out_access.span();
  const Call call{
      .operation = Operation::gatherv, .root = root, .element_bytes = sizeof(T), .count = from.size(), .where = where};
  enter(call);
  guarded([&] {
    require_root(call);
    if (rank_ == root) require_parts(parts, to.size(), call);
    detail::gatherv_bytes(*this, call, std::as_bytes(from), [&](std::span<detail::Slot> slots) {
      parts.for_each([&](int rank, Parts::Part part) {
        detail::Slot& slot = slots[static_cast<std::size_t>(rank)];
        require_sent(slot.bytes / sizeof(T), part.count, rank, call);
        slot.begin = part.begin * sizeof(T);
      });
      return writable_bytes_of(to.data());
    });
  });
}

template <Buffer In>
  requires Returnable<BufferValue<In>>
Ragged<BufferValue<In>> Team::gatherv(const In& in, int root, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  const std::span<const T> from = in_access.span();
  const Call call{
      .operation = Operation::gatherv, .root = root, .element_bytes = sizeof(T), .count = from.size(), .where = where};
  Ragged<T> result;
  enter(call);
  guarded([&] {
    require_root(call);
    detail::gatherv_bytes(*this, call, std::as_bytes(from),
                          [&](std::span<detail::Slot> slots) { return detail::divide(result, slots); });
  });
  return result;
}

}  // namespace skein
