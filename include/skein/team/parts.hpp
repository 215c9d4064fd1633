// SPDX-License-Identifier: Apache-2.0
//
// How a buffer is divided among the ranks of a team, for the collectives whose parts differ in size.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace skein {

template <class R>
concept IntegerRange =
    std::ranges::contiguous_range<R> && std::ranges::sized_range<R> && std::integral<std::ranges::range_value_t<R>>;

/// A view of counts, and of where the parts begin: `counts[q]` values from `begins[q]` on are rank q's. Without begins the
/// parts follow each other. Any contiguous ranges of integers serve, such as the std::vector<int> that MPI codes have; they must
/// outlive the call.
class Parts {
 public:
  template <IntegerRange Counts>
  Parts(const Counts& counts) : counts_(counts) {}  // NOLINT: counts say how a buffer is divided

  template <IntegerRange Counts, IntegerRange Begins>
  Parts(const Counts& counts, const Begins& begins) : counts_(counts), begins_(begins), has_begins_(true) {}

  /// For ranks on which they are not looked at.
  Parts() = default;

  bool has_begins() const { return has_begins_; }

  struct Part {
    std::size_t begin = 0;
    std::size_t count = 0;
  };

  /// Calls use(rank, part) for every rank, in rank order.
  template <class Use>
  void for_each(const Use& use) const {
    std::size_t end = 0;
    for (std::size_t i = 0; i < counts_.size; ++i) {
      const Part part{has_begins_ ? begins_.at(i) : end, counts_.at(i)};
      use(static_cast<int>(i), part);
      end += part.count;
    }
  }

  Part of(int rank) const;

  /// What makes it no division of `values` values among `ranks` ranks; empty when it is one.
  std::string_view problem(int ranks, std::size_t values) const;

  /// Equal for equal counts.
  std::uint64_t hash() const;

  std::size_t total() const;

 private:
  class Numbers {
   public:
    Numbers() = default;
    template <class R>
    explicit Numbers(const R& range)
        : size(std::ranges::size(range)), data_(std::ranges::data(range)), at_([](const void* data, std::size_t i) {
            return static_cast<std::size_t>(static_cast<const std::ranges::range_value_t<R>*>(data)[i]);
          }) {}

    /// Negative numbers become huge ones.
    std::size_t at(std::size_t i) const { return at_(data_, i); }

    std::size_t size = 0;

   private:
    const void* data_ = nullptr;
    std::size_t (*at_)(const void*, std::size_t) = nullptr;
  };

  Numbers counts_;
  Numbers begins_;
  bool has_begins_ = false;
};

/// As Parts, for non-blocking forms: a temporary must be a view of what outlives the call.
class KeptParts : public Parts {
 public:
  template <class Range>
  static constexpr bool kIsKept = IntegerRange<std::remove_cvref_t<Range>> && std::ranges::borrowed_range<Range>;

  template <class Counts>
    requires kIsKept<Counts>
  KeptParts(Counts&& counts) : Parts(counts) {}  // NOLINT: as Parts

  template <class Counts, class Begins>
    requires(kIsKept<Counts> && kIsKept<Begins>)
  KeptParts(Counts&& counts, Begins&& begins) : Parts(counts, begins) {}  // NOLINT: kept by the caller

  KeptParts(const Parts& parts) : Parts(parts) {}  // NOLINT: a view
  KeptParts() = default;
};

/// Values that came in parts of different sizes: `ragged[q]` are those of rank q.
template <class T>
struct Ragged {
  std::vector<T> values;               ///< of all ranks, in rank order
  std::vector<std::size_t> begins{0};  ///< of each part, and the end

  std::size_t size() const { return begins.size() - 1; }
  std::span<T> operator[](int rank) { return part(values, rank); }
  std::span<const T> operator[](int rank) const { return part(values, rank); }

 private:
  template <class Values>
  auto part(Values& all, int rank) const {
    const auto i = static_cast<std::size_t>(rank);
    return std::span(all).subspan(begins[i], begins[i + 1] - begins[i]);
  }
};

}  // namespace skein
