// SPDX-License-Identifier: Apache-2.0
//
// scatterv and alltoallv: as scatter and alltoall, with parts of different sizes.
//
// Cost  one exchange, in which those who send say where each part lies; then as ragged.hpp says.
#pragma once

#include "skein/collective/in_place.hpp"
#include "skein/collective/ragged.hpp"
#include "skein/team/team.hpp"

namespace skein {

namespace detail {

/// What a rank that sends says of each of its parts.
struct Row {
  Extent part;
  std::uint64_t stream = 0;  ///< bytes of all
};

/// The rows that concern this rank, and, on leaders of hosts, those that concern the traffic of the host.
class RowTables {
 public:
  explicit RowTables(Member& member)
      : member_(member),
        ranks_(static_cast<std::size_t>(member.size())),
        own_(reinterpret_cast<Row*>(member.scratch(ranks_ * (2 * sizeof(Row) + sizeof(std::uint64_t))))),
        incoming_(own_ + ranks_),
        places_(reinterpret_cast<std::uint64_t*>(incoming_ + ranks_)) {
    std::fill_n(places_, ranks_, 0);
  }

  /// Of a rank that sends.
  template <class T>
  void fill(const Parts& parts) {
    std::uint64_t stream = 0;
    parts.for_each([&](int rank, Parts::Part part) {
      own_[rank] = {.part = {.begin = part.begin * sizeof(T), .at = 0, .bytes = part.count * sizeof(T)}};
      stream += part.count * sizeof(T);
    });
    std::uint64_t at = 0;
    for (int i = 0; i < member_.size(); ++i) {
      Row& row = own_[(member_.rank() + i) % member_.size()];
      row.part.at = at;
      row.stream = stream;
      at += row.part.bytes;
    }
  }

  /// `call.root` is the only one that sends, or kNoRoot for all.
  void exchange(const Call& call) {
    root_ = call.root;
    LargePayload large(member_, call, own_, nullptr);
    member_.require(
        !large.is_staged || ranks_ * sizeof(Row) <= member_.staging().piece_bytes(), call,
        "the team has too many ranks for parts of different sizes between processes, unless SKEIN_PIECE is larger");
    if (sends(member_.rank())) large.stage(kArea, 0, bytes_of(own_), ranks_ * sizeof(Row));
    large.sync([&](int rank, int host, const auto& send) {
      if (!sends(rank)) return;
      for (const int peer : large.map().ranks_of_host(host)) {
        const std::size_t begin = static_cast<std::size_t>(peer) * sizeof(Row);
        send(kArea, begin, begin + sizeof(Row));
      }
    });
    for (int peer = 0; peer < member_.size(); ++peer) {
      if (!sends(peer)) {
        incoming_[peer] = {};
        continue;
      }
      const std::byte* table = large.is_own_process(peer) ? large.published(peer).in : staged(peer);
      large.copy(writable_bytes_of(incoming_ + peer), table + static_cast<std::size_t>(member_.rank()) * sizeof(Row),
                 sizeof(Row));
    }
  }

  const Row& incoming(int sender) const { return incoming_[sender]; }

  /// Where the part of a sender goes; the beginning of `out` unless said.
  void place(int sender, std::uint64_t begin) { places_[sender] = begin; }

  std::uint64_t longest_stream() const {
    std::uint64_t longest = 0;
    for (std::size_t rank = 0; rank < ranks_; ++rank) longest = std::max(longest, incoming_[rank].stream);
    return longest;
  }

  void move(const std::byte* in, std::byte* out) const {
    move_streams(
        member_, {.operation = Operation::piece}, in, longest_stream(),
        [&](int receiver) { return sends(member_.rank()) ? own_[receiver].part : Extent(); },
        [&](int sender) { return incoming_[sender].part; },
        [&](int sender, int host, const auto& send) {
          if (!sends(sender)) return;
          // In the order of the stream, so that what neighbours get is one message.
          const std::vector<int>& peers = member_.map().ranks_of_host(host);
          const auto first = std::lower_bound(peers.begin(), peers.end(), sender);
          for (auto peer = first; peer != peers.end(); ++peer) send(row(sender, *peer).part);
          for (auto peer = peers.begin(); peer != first; ++peer) send(row(sender, *peer).part);
        },
        [&](int sender) { return out + places_[sender]; });
  }

 private:
  static constexpr int kArea = Staging::kAreas - 1;  // move_pieces leaves it alone

  bool sends(int rank) const { return root_ == kNoRoot || root_ == rank; }
  const std::byte* staged(int rank) const { return member_.staging().area(rank, kArea); }
  Row row(int sender, int receiver) const {
    return load<Row>(staged(sender) + static_cast<std::size_t>(receiver) * sizeof(Row));
  }

  Member& member_;
  std::size_t ranks_;
  Row* own_;
  Row* incoming_;
  std::uint64_t* places_;
  int root_ = kNoRoot;
};

}  // namespace detail

template <Buffer In, OutBuffer<BufferValue<In>> Out>
void Team::scatterv(const In& in, Parts parts, Out&& out, int root, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  BufferOut<Out> out_access(out);
  const std::span<const T> from = in_access.span();
  const std::span<T> to = out_access.span();
  const Call call{
      .operation = Operation::scatterv, .root = root, .element_bytes = sizeof(T), .count = to.size(), .where = where};
  enter(call);
  guarded([&] {
    require_root(call);
    detail::RowTables rows(*this);
    if (rank_ == root) {
      require_parts(parts, from.size(), call);
      rows.fill<T>(parts);
    }
    rows.exchange(call);
    require_sent(rows.incoming(root).part.bytes / sizeof(T), to.size(), root, call);
    rows.move(bytes_of(from.data()), writable_bytes_of(to.data()));
  });
}

template <Buffer In>
  requires Returnable<BufferValue<In>>
std::vector<BufferValue<In>> Team::scatterv(const In& in, Parts parts, int root, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  const std::span<const T> from = in_access.span();
  const Call call{.operation = Operation::scatterv, .root = root, .element_bytes = sizeof(T), .where = where};
  std::vector<T> result;
  enter(call);
  guarded([&] {
    require_root(call);
    detail::RowTables rows(*this);
    if (rank_ == root) {
      require_parts(parts, from.size(), call);
      rows.fill<T>(parts);
    }
    rows.exchange(call);
    result.resize(rows.incoming(root).part.bytes / sizeof(T));
    rows.move(bytes_of(from.data()), writable_bytes_of(result.data()));
  });
  return result;
}

template <Buffer In, OutBuffer<BufferValue<In>> Out>
void Team::alltoallv(const In& in, Parts in_parts, Out&& out, Parts out_parts, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  BufferOut<Out> out_access(out);
  const std::span<const T> from = in_access.span();
  const std::span<T> to = out_access.span();
  const Call call{
      .operation = Operation::alltoallv, .element_bytes = sizeof(T), .count = in_parts.total(), .where = where};
  enter(call);
  guarded([&] {
    require_parts(in_parts, from.size(), call);
    require_parts(out_parts, to.size(), call);
    detail::require_apart(*this, call, from, to);
    detail::RowTables rows(*this);
    rows.fill<T>(in_parts);
    rows.exchange(call);
    out_parts.for_each([&](int sender, Parts::Part part) {
      require_sent(rows.incoming(sender).part.bytes / sizeof(T), part.count, sender, call);
      rows.place(sender, part.begin * sizeof(T));
    });
    rows.move(bytes_of(from.data()), writable_bytes_of(to.data()));
  });
}

template <Buffer In>
  requires Returnable<BufferValue<In>>
Ragged<BufferValue<In>> Team::alltoallv(const In& in, Parts in_parts, Where where) {
  using T = BufferValue<In>;
  const BufferIn<In> in_access(in);
  const std::span<const T> from = in_access.span();
  const Call call{
      .operation = Operation::alltoallv, .element_bytes = sizeof(T), .count = in_parts.total(), .where = where};
  Ragged<T> result;
  enter(call);
  guarded([&] {
    require_parts(in_parts, from.size(), call);
    detail::RowTables rows(*this);
    rows.fill<T>(in_parts);
    rows.exchange(call);
    for (int sender = 0; sender < size_; ++sender) {
      rows.place(sender, result.begins.back() * sizeof(T));
      result.begins.push_back(result.begins.back() + rows.incoming(sender).part.bytes / sizeof(T));
    }
    result.values.resize(result.begins.back());
    rows.move(bytes_of(from.data()), writable_bytes_of(result.values.data()));
  });
  return result;
}

}  // namespace skein
