// SPDX-License-Identifier: Apache-2.0
//
// A team whose collectives are made by their blocking or their non-blocking form, as a number decides that all ranks know. The
// non-blocking ones have others of the team outstanding before and behind them, and are completed in every way.
#pragma once

#include <array>
#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "skein/skein.hpp"
#include "values.hpp"

namespace skein_test {

class EitherForm {
 public:
  EitherForm(skein::Team& team, std::uint64_t number) : team_(team), number_(mix(number, 0xf0f)) {}

  int rank() const { return team_.rank(); }
  int size() const { return team_.size(); }

  /// What was wrong with the others.
  bool is_wrong() const { return is_wrong_; }

  template <class... A>
  auto bcast(const A&... a) {
    return made([&](auto& team, const auto&... b) { return team.bcast(b...); },
                [&](auto& team, const auto&... b) -> decltype(team.ibcast(b...)) { return team.ibcast(b...); }, a...);
  }

  template <class... A>
  auto reduce(const A&... a) {
    return made([&](auto& team, const auto&... b) { return team.reduce(b...); },
                [&](auto& team, const auto&... b) -> decltype(team.ireduce(b...)) { return team.ireduce(b...); }, a...);
  }

  template <class... A>
  auto allreduce(const A&... a) {
    return made([&](auto& team, const auto&... b) { return team.allreduce(b...); },
                [&](auto& team, const auto&... b) -> decltype(team.iallreduce(b...)) { return team.iallreduce(b...); },
                a...);
  }

  template <class... A>
  auto scan(const A&... a) {
    return made([&](auto& team, const auto&... b) { return team.scan(b...); },
                [&](auto& team, const auto&... b) -> decltype(team.iscan(b...)) { return team.iscan(b...); }, a...);
  }

  template <class... A>
  auto exscan(const A&... a) {
    return made([&](auto& team, const auto&... b) { return team.exscan(b...); },
                [&](auto& team, const auto&... b) -> decltype(team.iexscan(b...)) { return team.iexscan(b...); }, a...);
  }

  template <class... A>
  auto reduce_scatter_block(const A&... a) {
    return made([&](auto& team, const auto&... b) { return team.reduce_scatter_block(b...); },
                [&](auto& team, const auto&... b) -> decltype(team.ireduce_scatter_block(b...)) {
                  return team.ireduce_scatter_block(b...);
                },
                a...);
  }

  template <class... A>
  auto reduce_scatter(const A&... a) {
    return made([&](auto& team, const auto&... b) { return team.reduce_scatter(b...); },
                [&](auto& team, const auto&... b) -> decltype(team.ireduce_scatter(b...)) {
                  return team.ireduce_scatter(b...);
                },
                a...);
  }

  template <class... A>
  auto gather(const A&... a) {
    return made([&](auto& team, const auto&... b) { return team.gather(b...); },
                [&](auto& team, const auto&... b) -> decltype(team.igather(b...)) { return team.igather(b...); }, a...);
  }

  template <class... A>
  auto allgather(const A&... a) {
    return made([&](auto& team, const auto&... b) { return team.allgather(b...); },
                [&](auto& team, const auto&... b) -> decltype(team.iallgather(b...)) { return team.iallgather(b...); },
                a...);
  }

  template <class... A>
  auto scatter(const A&... a) {
    return made([&](auto& team, const auto&... b) { return team.scatter(b...); },
                [&](auto& team, const auto&... b) -> decltype(team.iscatter(b...)) { return team.iscatter(b...); },
                a...);
  }

  template <class... A>
  auto alltoall(const A&... a) {
    return made([&](auto& team, const auto&... b) { return team.alltoall(b...); },
                [&](auto& team, const auto&... b) -> decltype(team.ialltoall(b...)) { return team.ialltoall(b...); },
                a...);
  }

  template <class... A>
  auto gatherv(const A&... a) {
    return made([&](auto& team, const auto&... b) { return team.gatherv(b...); },
                [&](auto& team, const auto&... b) -> decltype(team.igatherv(b...)) { return team.igatherv(b...); },
                a...);
  }

  template <class... A>
  auto allgatherv(const A&... a) {
    return made(
        [&](auto& team, const auto&... b) { return team.allgatherv(b...); },
        [&](auto& team, const auto&... b) -> decltype(team.iallgatherv(b...)) { return team.iallgatherv(b...); }, a...);
  }

  template <class... A>
  auto scatterv(const A&... a) {
    return made([&](auto& team, const auto&... b) { return team.scatterv(b...); },
                [&](auto& team, const auto&... b) -> decltype(team.iscatterv(b...)) { return team.iscatterv(b...); },
                a...);
  }

  template <class... A>
  auto alltoallv(const A&... a) {
    return made([&](auto& team, const auto&... b) { return team.alltoallv(b...); },
                [&](auto& team, const auto&... b) -> decltype(team.ialltoallv(b...)) { return team.ialltoallv(b...); },
                a...);
  }

 private:
  template <class Blocking, class Begin, class... A>
  auto made(const Blocking& blocking, const Begin& begin, const A&... a) {
    using Result = decltype(blocking(team_, a...));
    if (number_ % 3 == 0) return begun<Result>([&] { return begin(team_, a...); });
    return blocking(team_, a...);
  }

  template <class Result, class Begin>
  Result begun(const Begin& begin) {
    begin_others(number_ / 3 % 3);
    auto own = begin();
    begin_others(number_ / 9 % 3);
    if (number_ / 27 % 2 == 0) team_.barrier();
    // How they are completed need not be the same on all ranks.
    const std::uint64_t how = mix(number_, static_cast<std::uint64_t>(team_.rank()));
    if (how % 2 == 0) complete_others(how / 2);
    if constexpr (std::is_void_v<Result>) {
      // A rank that tests for ever would seem to compute, where another leaves it alone on purpose.
      for (int i = 0; how / 4 % 2 == 0 && i < 1000 && !own.test(); ++i) team_.yield();
      own.wait();
      complete_others(how / 2);
    } else {
      const Result result = own.wait();
      complete_others(how / 2);
      return result;
    }
  }

  void begin_others(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      Other& other = others_.at(begun_++);
      other.in = number_ + static_cast<std::uint64_t>(team_.rank()) + begun_;
      other.wanted = number_ + static_cast<std::uint64_t>(team_.size()) - 1 + begun_;
      if (begun_ % 2 == 0) {
        other.out = other.in;
        requests_.at(begun_ - 1) = team_.iallreduce(std::span(&other.out, 1), skein::max);
      } else {
        other.value = team_.iallreduce(other.in, skein::max);
      }
    }
  }

  void complete_others(std::uint64_t how) {
    if (how % 3 == 0) skein::wait_all(requests_);
    if (how % 3 == 1) {
      while (skein::wait_any(requests_)) {
      }
    }
    for (std::size_t i = 0; i < begun_; ++i) {
      Other& other = others_.at(i);
      if (other.value) {
        is_wrong_ = is_wrong_ || std::exchange(other.value, std::nullopt)->wait() != other.wanted;
      } else if (other.wanted != 0) {
        requests_.at(i).wait();
        is_wrong_ = is_wrong_ || other.out != other.wanted;
      }
      other.wanted = 0;
    }
  }

  struct Other {
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    std::uint64_t wanted = 0;
    std::optional<skein::Pending<std::uint64_t>> value;
  };

  skein::Team& team_;
  std::uint64_t number_;
  bool is_wrong_ = false;
  std::size_t begun_ = 0;
  std::array<Other, 4> others_;
  std::array<skein::Request, 4> requests_;
};

}  // namespace skein_test
