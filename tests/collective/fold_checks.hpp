// SPDX-License-Identifier: Apache-2.0
//
// Checks of reductions and scans.
#pragma once

#include "checked_call.hpp"
#include "oracle.hpp"

namespace skein_test {

template <class T>
class FoldChecks : public CheckedCall<T> {
 public:
  using CheckedCall<T>::CheckedCall;

  template <class Op>
  std::string fold(Op op) {
    if (check_.kind == Kind::reduce_scatter || check_.kind == Kind::reduce_scatter_block) return fold_parts(op);
    if (check_.kind == Kind::exscan) return exscan(op);
    const int end = check_.kind == Kind::scan ? team_.rank() + 1 : team_.size();
    if (check_.form == Form::value) {
      const T got = fold_value(op);
      if (check_.kind == Kind::reduce && !is_root()) return compare(&got, mine_, 1, "value without being root");
      return compare_fold(&got, end, op);
    }
    Buffer<T> out(n_, number_);
    if (check_.form == Form::in_place) out.fill(mine_);
    const bool is_empty =
        check_.kind == Kind::reduce && !is_root() && number_ % 2 == 0 && check_.form != Form::in_place;
    fold_span(op, is_empty ? std::span<T>() : out.span());
    if (check_.kind == Kind::reduce && !is_root()) {
      if (check_.form == Form::in_place) return compare(out.data(), mine_, n_, "data without being root") + guards(out);
      return out.is_untouched() ? "" : "written without being root";
    }
    return compare_fold(out.data(), end, op) + guards(out);
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

  template <class Op>
  T fold_value(Op op) {
    if (check_.kind == Kind::reduce) return team_.reduce(*mine_, op, check_.root);
    return check_.kind == Kind::scan ? team_.scan(*mine_, op) : team_.allreduce(*mine_, op);
  }

  template <class Op>
  void fold_span(Op op, std::span<T> out) {
    const bool is_in_place = check_.form == Form::in_place;
    if (check_.kind == Kind::reduce) {
      return is_in_place ? team_.reduce(out, op, check_.root) : team_.reduce(in(n_), out, op, check_.root);
    }
    if (check_.kind == Kind::scan) return is_in_place ? team_.scan(out, op) : team_.scan(in(n_), out, op);
    if (is_in_place) return team_.allreduce(out, op);
    team_.allreduce(in(n_), out, op);
  }

  template <class Op>
  std::string exscan(Op op) {
    const T initial = Table<T>::window(number_ + 1, 0)[5];
    Buffer<T> out(n_, number_);
    if (check_.form == Form::value) {
      const T got = team_.exscan(*mine_, op, initial);
      out.fill(&got);
    } else if (check_.form == Form::in_place) {
      out.fill(mine_);
      team_.exscan(out.span(), op, initial);
    } else {
      team_.exscan(in(n_), out.span(), op, initial);
    }
    return compare_fold(out.data(), team_.rank(), op, 0, &initial) + guards(out);
  }

  template <class Op>
  std::string fold_parts(Op op) {
    if (check_.kind == Kind::reduce_scatter_block) {
      if (check_.form == Form::in_place) {
        Buffer<T> data(n_ * ranks_, number_);
        data.fill(mine_);
        team_.reduce_scatter_block(data.span(), op);
        return compare_fold(data.data(), team_.size(), op, rank_ * n_) +
               compare(data.data() + n_, mine_ + n_, n_ * (ranks_ - 1), "rest") + guards(data);
      }
      Buffer<T> out(n_, number_);
      team_.reduce_scatter_block(in(n_ * ranks_), out.span(), op);
      return compare_fold(out.data(), team_.size(), op, rank_ * n_) + guards(out);
    }
    std::vector<std::size_t> counts;
    std::size_t begin = 0;
    std::size_t end = 0;
    for (std::size_t q = 0; q < ranks_; ++q) {
      if (q == rank_) begin = end;
      counts.push_back(count(q, 0));
      end += counts.back();
    }
    Buffer<T> out(counts[rank_], number_);
    team_.reduce_scatter(in(end), out.span(), counts, op);
    return compare_fold(out.data(), team_.size(), op, begin, nullptr, counts[rank_]) + guards(out);
  }

  // Of many values that all ranks have, each rank looks at its share, so that all of them are looked at by somebody. `got` begins
  // with value `begin` of the result.
  template <class Op>
  std::string compare_fold(const T* got, int end, Op op, std::size_t begin = 0, const T* initial = nullptr,
                           std::size_t n = SIZE_MAX) const {
    constexpr std::size_t kFew = 4096;
    n = std::min(n, n_);
    const bool is_everyones = check_.kind == Kind::allreduce || check_.kind == Kind::scan;
    const std::size_t step = n > kFew && is_everyones ? ranks_ : 1;
    for (std::size_t i = step > 1 ? rank_ : 0; i < n; i += step) {
      const T expected = [&] {
        if (end == 0) return *initial;
        const T fold = oracle_fold<T>(
            0, end, [&](int rank) { return window(rank)[begin + i]; }, op);
        return initial == nullptr ? fold : static_cast<T>(op(*initial, fold));
      }();
      if (std::memcmp(static_cast<const void*>(got + i), static_cast<const void*>(&expected), sizeof(T)) != 0) {
        return fmt::format("value {} of {} is {}, must be {}", i, n, hex(got + i, sizeof(T)),
                           hex(&expected, sizeof(T)));
      }
    }
    return {};
  }
};

}  // namespace skein_test
