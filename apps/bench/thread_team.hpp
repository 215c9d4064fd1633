// SPDX-License-Identifier: Apache-2.0
// A team of threads of one process around somebody else's barrier, for std::barrier, pthread_barrier and OpenMP.
//
// Barrier  any type with `void cross()`, called by all `size` threads, that orders memory as a barrier does.
// Sums     what a careful user would write: up to kInline doubles are posted into one of two slots used in turn,
//          one barrier, everyone folds in rank order. Longer ones: publish the buffers, barrier, each thread folds
//          its block into everybody's result, barrier.
// Why two slots are enough: operation k + 2 writes a slot again only after the barrier of k + 1, which every
//          thread enters only after it has read the slot in operation k.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "block.hpp"

namespace bench {

template <class Barrier>
class ThreadTeam {
 public:
  static constexpr std::size_t kInline = 14;  // doubles: with nothing else in the slot, within two cache lines

  ThreadTeam(int size, Barrier& barrier)
      : size_(static_cast<std::size_t>(size)),
        barrier_(barrier),
        slots_{std::vector<Slot>(size_), std::vector<Slot>(size_)},
        inputs_(size_),
        outputs_(size_),
        times_(size_) {}

  class Member {
   public:
    Member(ThreadTeam& team, int rank) : team_(team), rank_(static_cast<std::size_t>(rank)) {}

    int rank() const { return static_cast<int>(rank_); }
    int size() const { return static_cast<int>(team_.size_); }
    void barrier() { team_.barrier_.cross(); }

    double allreduce(double value) {
      auto& slots = next_slots();
      slots[rank_].values[0] = value;
      team_.barrier_.cross();
      double sum = slots[0].values[0];
      for (std::size_t r = 1; r < team_.size_; ++r) sum += slots[r].values[0];
      return sum;
    }

    void allreduce(std::span<const double> in, std::span<double> out) {
      if (in.size() <= kInline)
        small(in, out);
      else
        large(in, out);
    }

    Command bcast(Command command) { return from_rank0(team_.command_, command); }
    std::int64_t bcast(std::int64_t time) { return from_rank0(team_.time_, time); }

    void maximum(std::span<std::int64_t> times) {
      team_.times_[rank_] = times;
      team_.barrier_.cross();
      if (rank_ == 0)
        for (std::size_t r = 1; r < team_.size_; ++r)
          for (std::size_t i = 0; i < times.size(); ++i) times[i] = std::max(times[i], team_.times_[r][i]);
      team_.barrier_.cross();
    }

   private:
    auto& next_slots() { return team_.slots_[++operation_ % 2]; }

    void small(std::span<const double> in, std::span<double> out) {
      auto& slots = next_slots();
      std::copy(in.begin(), in.end(), slots[rank_].values);
      team_.barrier_.cross();
      for (std::size_t j = 0; j < in.size(); ++j) out[j] = slots[0].values[j];
      for (std::size_t r = 1; r < team_.size_; ++r)
        for (std::size_t j = 0; j < in.size(); ++j) out[j] += slots[r].values[j];
    }

    void large(std::span<const double> in, std::span<double> out) {
      team_.inputs_[rank_] = in.data();
      team_.outputs_[rank_] = out.data();
      team_.barrier_.cross();
      const std::size_t begin = in.size() * rank_ / team_.size_;
      const std::size_t end = in.size() * (rank_ + 1) / team_.size_;
      for (std::size_t j = begin; j < end; ++j) out[j] = team_.inputs_[0][j];
      for (std::size_t r = 1; r < team_.size_; ++r)
        for (std::size_t j = begin; j < end; ++j) out[j] += team_.inputs_[r][j];
      for (std::size_t r = 0; r < team_.size_; ++r)
        if (r != rank_) std::copy(out.data() + begin, out.data() + end, team_.outputs_[r] + begin);
      team_.barrier_.cross();
    }

    template <class T>
    T from_rank0(T& shared, const T& value) {
      if (rank_ == 0) shared = value;
      team_.barrier_.cross();
      const T result = shared;
      team_.barrier_.cross();
      return result;
    }

    ThreadTeam& team_;
    std::size_t rank_;
    std::uint64_t operation_ = 0;
  };

 private:
  struct alignas(128) Slot {
    double values[kInline];
  };

  std::size_t size_;
  Barrier& barrier_;
  std::vector<Slot> slots_[2];                  // one writer each, all read, once per small allreduce
  std::vector<const double*> inputs_;           // one writer per element, all read, once per large allreduce
  std::vector<double*> outputs_;                // likewise
  std::vector<std::span<std::int64_t>> times_;  // one writer per element, rank 0 reads, not timed
  Command command_;                             // rank 0 writes, all read, not timed
  std::int64_t time_ = 0;                       // likewise
};

}  // namespace bench
