// SPDX-License-Identifier: Apache-2.0
//
// Checks of the collectives that move parts of different sizes. Rank q's stream is what its window begins with; in it and in
// outputs the parts follow each other, or lie in reverse order with gaps.
#pragma once

#include <concepts>
#include <vector>

#include "checked_call.hpp"

namespace skein_test {

template <class T>
class RaggedChecks : public CheckedCall<T> {
 public:
  using CheckedCall<T>::CheckedCall;

  std::string gatherv() {
    const Division division = divide([&](std::size_t q) { return count(q, 0); });
    const auto part_of = [&](std::size_t q) { return window(static_cast<int>(q)); };
    const std::span<const T> own = in(count(rank_, 0));
    if constexpr (kCanBeMade) {
      if (check_.form == Form::inferred) {
        skein::Ragged<T> got = team_.gatherv(own, check_.root);
        if (is_root()) return compare_ragged(got, division, part_of);
        return got.size() == 0 && got.values.empty() ? "" : "written without being root";
      }
    }
    Buffer<T> out(division.size, number_);
    if (!is_root()) {
      team_.gatherv(own, std::span<T>(), kNoCounts, check_.root);
      return {};
    }
    team_.gatherv(own, out.span(), division.parts(), check_.root);
    return compare_divided(out, division, part_of);
  }

  std::string allgatherv() {
    const Division division = divide([&](std::size_t q) { return count(q, 0); });
    const auto part_of = [&](std::size_t q) { return window(static_cast<int>(q)); };
    const std::span<const T> own = in(count(rank_, 0));
    if constexpr (kCanBeMade) {
      if (check_.form == Form::inferred) {
        skein::Ragged<T> got = team_.allgatherv(own);
        return compare_ragged(got, division, part_of);
      }
    }
    Buffer<T> out(division.size, number_);
    team_.allgatherv(own, out.span(), division.parts());
    return compare_divided(out, division, part_of);
  }

  std::string scatterv() {
    const auto root = static_cast<std::size_t>(check_.root);
    const Division division = sent_by(root);
    const std::span<const T> from = is_root() ? in(division.size) : std::span<const T>();
    const skein::Parts parts = is_root() ? division.parts() : skein::Parts(kNoCounts);
    const T* expected = window(check_.root) + division.begins[rank_];
    const auto n = static_cast<std::size_t>(division.counts[rank_]);
    if constexpr (kCanBeMade) {
      if (check_.form == Form::inferred) {
        const std::vector<T> got = team_.scatterv(from, parts, check_.root);
        return got.size() == n ? compare(got.data(), expected, n, "part") : "the number of values is wrong";
      }
    }
    Buffer<T> out(n, number_);
    team_.scatterv(from, parts, out.span(), check_.root);
    return compare(out.data(), expected, n, "part") + guards(out);
  }

  std::string alltoallv() {
    const Division mine = sent_by(rank_);
    const Division theirs = divide([&](std::size_t q) { return count(q, rank_); });
    const auto part_of = [&](std::size_t q) { return window(static_cast<int>(q)) + sent_by(q).begins[rank_]; };
    if constexpr (kCanBeMade) {
      if (check_.form == Form::inferred) {
        skein::Ragged<T> got = team_.alltoallv(in(mine.size), mine.parts());
        return compare_ragged(got, theirs, part_of);
      }
    }
    Buffer<T> out(theirs.size, number_);
    team_.alltoallv(in(mine.size), mine.parts(), out.span(), theirs.parts());
    return compare_divided(out, theirs, part_of);
  }

 private:
  using Call = CheckedCall<T>;
  using Call::check_;
  using Call::compare;
  using Call::count;
  using Call::guards;
  using Call::in;
  using Call::is_root;
  using Call::mine_;
  using Call::n_;
  using Call::number_;
  using Call::rank_;
  using Call::ranks_;
  using Call::team_;
  using Call::window;

  static constexpr bool kCanBeMade = std::default_initializable<T>;  // which the forms that return containers need
  static constexpr std::array<int, 0> kNoCounts = {};

  struct Division {
    std::vector<int> counts;
    std::vector<std::size_t> begins;
    std::size_t size = 0;
    skein::Parts parts() const { return {counts, begins}; }
  };

  /// count_of(q) values for each rank q.
  template <class CountOf>
  Division divide(const CountOf& count_of) const {
    Division result;
    result.begins.resize(ranks_);
    for (std::size_t q = 0; q < ranks_; ++q) result.counts.push_back(static_cast<int>(count_of(q)));
    const bool has_gaps = number_ % 2 == 0;
    for (std::size_t i = 0; i < ranks_; ++i) {
      const std::size_t q = has_gaps ? ranks_ - 1 - i : i;
      result.begins[q] = result.size;
      result.size += static_cast<std::size_t>(result.counts[q]) + (has_gaps && i + 1 < ranks_ ? 3 : 0);
    }
    return result;
  }
  Division sent_by(std::size_t from) const {
    return divide([&](std::size_t to) { return count(from, to); });
  }

  /// Parts that went where `out_parts` says, each the values of `part_of(q)`.
  template <class PartOf>
  std::string compare_divided(Buffer<T>& out, const Division& division, const PartOf& part_of) const {
    std::vector<bool> is_covered(division.size);
    for (std::size_t q = 0; q < ranks_; ++q) {
      const auto n = static_cast<std::size_t>(division.counts[q]);
      std::string wrong = compare(out.data() + division.begins[q], part_of(q), n, fmt::format("part of rank {}", q));
      if (!wrong.empty()) return wrong;
      std::fill_n(is_covered.begin() + static_cast<std::ptrdiff_t>(division.begins[q]), n, true);
    }
    for (std::size_t i = 0; i < division.size; ++i) {
      if (!is_covered[i] && !out.is_untouched(i)) return "a gap was written";
    }
    return guards(out);
  }
  template <class PartOf>
  std::string compare_ragged(skein::Ragged<T>& got, const Division& division, const PartOf& part_of) const {
    if (got.size() != ranks_) return "there must be a part for each rank";
    for (std::size_t q = 0; q < ranks_; ++q) {
      const std::span<const T> part = got[static_cast<int>(q)];
      const auto n = static_cast<std::size_t>(division.counts[q]);
      if (part.size() != n) return fmt::format("rank {} gave {} values, {} came", q, n, part.size());
      std::string wrong = compare(part.data(), part_of(q), n, fmt::format("part of rank {}", q));
      if (!wrong.empty()) return wrong;
    }
    return {};
  }
};

}  // namespace skein_test
