// SPDX-License-Identifier: Apache-2.0
// The timed block: what every contender does on a Command, whatever its primitive. One template, so that all
// contenders are timed by the same loop.
//
// Who      Every rank calls serve() with its Member; rank 0 also holds the channel to the coordinator.
// Clock    CLOCK_MONOTONIC, one for all processes of a host; read by rank 0 once per batch (about 25 ns), never
//          inside one. `skew` is the exception: each rank reads it before and after each operation.
// Start    Operations run back to back after untimed warm-up ones. Where buffers are rewritten between batches
//          (large allreduce), all ranks start at an agreed time instead of leaving a collective one by one.
// Results  Every allreduce enters a checksum that is compared with its closed form, so none can be optimised away
//          and a contender that computes nonsense is reported, not ranked.
#pragma once

#include <time.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "protocol.hpp"

namespace bench {

// What a contender provides for each of its ranks. All but rank() and size() are collective.
template <class M>
concept Member = requires(M member, double value, std::span<const double> in, std::span<double> out, Command command,
                          std::span<std::int64_t> times, std::int64_t time) {
  { member.rank() } -> std::convertible_to<int>;
  { member.size() } -> std::convertible_to<int>;
  member.barrier();
  { member.allreduce(value) } -> std::same_as<double>;  // sum
  member.allreduce(in, out);                            // sum, element by element
  { member.bcast(command) } -> std::same_as<Command>;   // from rank 0, not timed
  { member.bcast(time) } -> std::same_as<std::int64_t>;
  member.maximum(times);  // element by element over ranks, result at rank 0, not timed
};

// One further collective of `kind`: in and out as MPI has them, with parts of part_of(kind, count, size()) doubles.
template <class M>
concept CollectiveMember = Member<M> && requires(M member, Kind kind, std::span<const double> in, std::span<double> out,
                                                 int root) { member.collective(kind, in, out, root); };

inline std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

inline void spin_until(std::int64_t deadline_ns) {
  while (now_ns() < deadline_ns) {
  }
}

// Up to this many doubles an allreduce uses the same two buffers in turn, written by each operation. Above it,
// kPool buffers are rewritten between batches.
inline constexpr std::size_t kSmallCount = 64;
inline constexpr std::size_t kPool = 4;
// From the broadcast of a start time to that time: enough for every rank to have received it.
inline constexpr std::int64_t kStartDelay_ns = 200'000;

// Buffers of one rank, kept over blocks so that their pages are touched once.
struct Buffers {
  std::array<std::vector<double>, kPool> in;
  std::array<std::vector<double>, kPool> out;

  void resize(std::size_t count) {
    for (auto& buffer : in) buffer.resize(count);
    for (auto& buffer : out) buffer.resize(count);
  }
};

// What rank `rank` contributes as element j of operation k: small whole numbers, so that all sums are exact.
inline double contribution(int rank, std::uint64_t j, std::uint64_t k) {
  return static_cast<double>(rank + 1) + static_cast<double>((j + k) & 7U);
}

inline double expected_sum(int size, std::uint64_t j, std::uint64_t k) {
  const double n = size;
  return n * (n + 1) / 2 + n * static_cast<double>((j + k) & 7U);
}

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the injected delays, a function of seed, rank and operation.
inline std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

template <class Operation>
Reply timed_batches(const Command& command, Operation&& operation) {
  Reply reply;
  reply.times_ns.reserve(command.batches);
  std::uint64_t k = 0;
  for (; k < command.warm_ops; ++k) operation(k);
  std::int64_t before = now_ns();
  for (std::uint64_t batch = 0; batch < command.batches; ++batch) {
    for (std::uint64_t i = 0; i < command.ops_per_batch; ++i) operation(k++);
    const std::int64_t after = now_ns();
    reply.times_ns.push_back(after - before);
    before = after;
  }
  return reply;
}

// One double: the value form, nothing around it but an addition for the checksum.
template <Member M>
Reply run_one_double(M& me, const Command& command) {
  double checksum = 0;
  const double mine = contribution(me.rank(), 0, 0);
  Reply reply =
      timed_batches(command, [&](std::uint64_t k) { checksum += me.allreduce(mine + static_cast<double>(k & 7U)); });
  double expected = 0;
  const std::uint64_t operations = command.warm_ops + command.batches * command.ops_per_batch;
  for (std::uint64_t k = 0; k < operations; ++k) expected += expected_sum(me.size(), 0, k);
  if (checksum != expected) reply.status = Status::wrong_result;
  return reply;
}

// A few doubles: two buffers in turn, written by each operation, as a program would have just computed them.
template <Member M>
Reply run_small_allreduce(M& me, const Command& command, Buffers& buffers) {
  const std::size_t count = command.count;
  buffers.resize(count);
  double checksum = 0;
  Reply reply = timed_batches(command, [&](std::uint64_t k) {
    const std::span<double> in(buffers.in[k % 2]);
    const std::span<double> out(buffers.out[k % 2]);
    for (std::size_t j = 0; j < count; ++j) in[j] = contribution(me.rank(), j, k);
    me.allreduce(std::span<const double>(in), out);
    checksum += out[0] + out[count - 1];
  });
  double expected = 0;
  const std::uint64_t operations = command.warm_ops + command.batches * command.ops_per_batch;
  for (std::uint64_t k = 0; k < operations; ++k)
    expected += expected_sum(me.size(), 0, k) + expected_sum(me.size(), count - 1, k);
  if (checksum != expected) reply.status = Status::wrong_result;
  return reply;
}

template <Member M>
Reply run_large_allreduce(M& me, const Command& command, Buffers& buffers) {
  const std::size_t count = command.count;
  buffers.resize(count);
  Reply reply;
  const std::uint64_t warm_batches = command.warm_ops == 0 ? 0 : 1;
  for (std::uint64_t batch = 0; batch < warm_batches + command.batches; ++batch) {
    // Rewritten on every pass: the lines start in this core's cache, modified, as after a step of a simulation.
    for (std::size_t b = 0; b < kPool; ++b) {
      for (std::size_t j = 0; j < count; ++j) buffers.in[b][j] = contribution(me.rank(), j, batch + b);
      std::fill(buffers.out[b].begin(), buffers.out[b].end(), -1.0);
    }
    me.barrier();  // not timed: everyone has rewritten its buffers
    const std::int64_t start = me.bcast(now_ns() + kStartDelay_ns);
    spin_until(start);
    for (std::uint64_t i = 0; i < command.ops_per_batch; ++i)
      me.allreduce(std::span<const double>(buffers.in[i % kPool]), std::span<double>(buffers.out[i % kPool]));
    const std::int64_t after = now_ns();
    if (batch >= warm_batches) reply.times_ns.push_back(after - start);
    for (std::size_t b = 0; b < std::min<std::uint64_t>(kPool, command.ops_per_batch); ++b) {
      const std::size_t probe = mix(batch * kPool + b) % count;
      if (buffers.out[b][probe] != expected_sum(me.size(), probe, batch + b)) reply.status = Status::wrong_result;
    }
  }
  return reply;
}

// Last in to last out: each rank delays itself by 0 to skew_ns, and one time is reported per operation: from the
// moment the last rank called the barrier to the moment the last one had left it. Includes one clock read.
template <Member M>
Reply run_skew(M& me, const Command& command) {
  const std::uint64_t operations = command.batches * command.ops_per_batch;
  std::vector<std::int64_t> in(operations);
  std::vector<std::int64_t> out(operations);
  const std::uint64_t stream = mix(command.seed + static_cast<std::uint64_t>(me.rank()));
  for (std::uint64_t k = 0; k < command.warm_ops; ++k) me.barrier();
  for (std::uint64_t k = 0; k < operations; ++k) {
    spin_until(now_ns() + static_cast<std::int64_t>(mix(stream + k) % (command.skew_ns + 1)));
    in[k] = now_ns();
    me.barrier();
    out[k] = now_ns();
  }
  me.maximum(std::span(in));
  me.maximum(std::span(out));
  Reply reply;
  for (std::uint64_t k = 0; k < operations; ++k) reply.times_ns.push_back(out[k] - in[k]);
  return reply;
}

// Doubles of a part where a collective has one for each rank: one at least.
inline std::size_t part_of(Kind kind, std::size_t count, int size) {
  const bool has_parts = kind == Kind::allgather || kind == Kind::alltoall || kind == Kind::reduce_scatter;
  return has_parts ? std::max<std::size_t>(1, count / static_cast<std::size_t>(size)) : count;
}

// What a rank passes, what it gets, and what it must get. Roots take turns, so that no rank runs ahead of the others.
class FurtherCollective {
 public:
  FurtherCollective(const Command& command, int rank, int size)
      : kind_(command.kind), part_(part_of(command.kind, command.count, size)), rank_(rank), size_(size) {}

  std::size_t in_size() const { return kind_ == Kind::alltoall || kind_ == Kind::reduce_scatter ? all() : part_; }
  std::size_t out_size() const { return kind_ == Kind::alltoall || kind_ == Kind::allgather ? all() : part_; }
  int root(std::uint64_t operation) const { return static_cast<int>(operation % static_cast<std::uint64_t>(size_)); }

  // Element j of the result of an operation whose inputs were contributions with number k.
  bool is_right(double got, std::size_t j, std::uint64_t k, int root) const {
    const auto own = static_cast<std::size_t>(rank_);
    const int from = static_cast<int>(j / part_);
    switch (kind_) {
      case Kind::bcast:
        return got == contribution(root, j, k);
      case Kind::reduce:
        return rank_ != root || got == expected_sum(size_, j, k);
      case Kind::iallreduce:
        return got == expected_sum(size_, j, k);
      case Kind::scan:
        return got == expected_sum(rank_ + 1, j, k);
      case Kind::allgather:
        return got == contribution(from, j % part_, k);
      case Kind::alltoall:
        return got == contribution(from, own * part_ + j % part_, k);
      default:
        return got == expected_sum(size_, own * part_ + j, k);
    }
  }

 private:
  std::size_t all() const { return part_ * static_cast<std::size_t>(size_); }

  Kind kind_;
  std::size_t part_;
  int rank_;
  int size_;
};

// As the allreduces above: small ones rewrite two pairs of buffers in turn before each operation, large ones kPool of them
// before each batch. A bcast sends from `out`.
template <CollectiveMember M>
Reply run_further(M& me, const Command& command, Buffers& buffers) {
  const FurtherCollective collective(command, me.rank(), me.size());
  const std::size_t in_size = collective.in_size();
  const std::size_t out_size = collective.out_size();
  buffers.resize(std::max(in_size, out_size));
  Reply reply;
  const auto write = [&](std::size_t b, std::uint64_t k) {
    std::vector<double>& in = command.kind == Kind::bcast ? buffers.out[b] : buffers.in[b];
    for (std::size_t j = 0; j < in_size; ++j) in[j] = contribution(me.rank(), j, k);
  };
  const auto operate = [&](std::size_t b, std::uint64_t operation) {
    me.collective(command.kind, std::span<const double>(buffers.in[b].data(), in_size),
                  std::span<double>(buffers.out[b].data(), out_size), collective.root(operation));
  };
  const auto check = [&](std::size_t b, std::size_t j, std::uint64_t k, std::uint64_t operation) {
    if (!collective.is_right(buffers.out[b][j], j, k, collective.root(operation))) reply.status = Status::wrong_result;
  };
  if (command.count <= kSmallCount) {
    Reply times = timed_batches(command, [&](std::uint64_t k) {
      write(k % 2, k);
      operate(k % 2, k);
      check(k % 2, 0, k, k);
      check(k % 2, out_size - 1, k, k);
    });
    reply.times_ns = std::move(times.times_ns);
    return reply;
  }
  const std::uint64_t warm_batches = command.warm_ops == 0 ? 0 : 1;
  for (std::uint64_t batch = 0; batch < warm_batches + command.batches; ++batch) {
    for (std::size_t b = 0; b < kPool; ++b) {
      std::fill(buffers.out[b].begin(), buffers.out[b].end(), -1.0);
      write(b, batch + b);
    }
    me.barrier();
    const std::int64_t start = me.bcast(now_ns() + kStartDelay_ns);
    spin_until(start);
    for (std::uint64_t i = 0; i < command.ops_per_batch; ++i) operate(i % kPool, i);
    const std::int64_t after = now_ns();
    if (batch >= warm_batches) reply.times_ns.push_back(after - start);
    for (std::size_t b = 0; b < std::min<std::uint64_t>(kPool, command.ops_per_batch); ++b)
      check(b, mix(batch * kPool + b) % out_size, batch + b, b);
  }
  return reply;
}

template <Member M>
Reply run_block(M& me, const Command& command, Buffers& buffers) {
  if constexpr (CollectiveMember<M>) {
    if (is_further_collective(command.kind)) return run_further(me, command, buffers);
  }
  if (command.kind == Kind::skew) return run_skew(me, command);
  if (command.kind == Kind::barrier) return timed_batches(command, [&](std::uint64_t) { me.barrier(); });
  if (command.count == 1) return run_one_double(me, command);
  if (command.count <= kSmallCount) return run_small_allreduce(me, command, buffers);
  return run_large_allreduce(me, command, buffers);
}

// Runs commands until `quit`. `channel` is used by rank 0 only; the others pass nullptr.
template <Member M>
void serve(M& me, Channel* channel) {
  Buffers buffers;
  for (;;) {
    Command command;
    if (me.rank() == 0) command = channel->receive_command();
    command = me.bcast(command);
    if (command.kind == Kind::quit) return;
    const Reply reply = run_block(me, command, buffers);
    if (me.rank() == 0) channel->send(reply);
  }
}

}  // namespace bench
