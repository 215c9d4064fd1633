// SPDX-License-Identifier: Apache-2.0
//
// Checks of the collectives that move values, in parts of one size.
#pragma once

#include "checked_call.hpp"

namespace skein_test {

template <class T>
class MoveChecks : public CheckedCall<T> {
 public:
  using CheckedCall<T>::CheckedCall;

  std::string bcast() {
    if (check_.form == Form::value) {
      const T got = team_.bcast(*mine_, check_.root);
      return compare(&got, window(check_.root), 1, "value");
    }
    Buffer<T> data(n_, number_);
    data.fill(mine_);
    team_.bcast(data.span(), check_.root);
    return compare(data.data(), window(check_.root), n_, "span") + guards(data);
  }

  std::string allgather() {
    Buffer<T> out(n_ * ranks_, number_);
    if (check_.form == Form::in_place) {
      copy(out.data() + rank_ * n_, mine_, n_);
      team_.allgather(out.span());
    } else if (check_.form == Form::value) {
      team_.allgather(*mine_, out.span());
    } else {
      team_.allgather(in(n_), out.span());
    }
    return compare_parts(out.data(), 0) + guards(out);
  }

  std::string gather() {
    Buffer<T> out(n_ * ranks_, number_);
    const std::span<T> to = !is_root() && number_ % 2 == 0 ? std::span<T>() : out.span();
    if (check_.form == Form::in_place && is_root()) {
      copy(out.data() + rank_ * n_, mine_, n_);
      team_.gather(std::span<const T>(out.data() + rank_ * n_, n_), to, check_.root);
    } else if (check_.form == Form::value) {
      team_.gather(*mine_, to, check_.root);
    } else {
      team_.gather(in(n_), to, check_.root);
    }
    if (!is_root()) return out.is_untouched() ? "" : "written without being root";
    return compare_parts(out.data(), 0) + guards(out);
  }

  std::string scatter() {
    const std::span<const T> from = !is_root() && number_ % 2 == 0 ? std::span<const T>() : in(n_ * ranks_);
    const T* expected = window(check_.root) + rank_ * n_;
    if (check_.form == Form::value) {
      const T got = team_.scatter(from, check_.root);
      return compare(&got, expected, 1, "value");
    }
    Buffer<T> out(n_, number_);
    team_.scatter(from, out.span(), check_.root);
    return compare(out.data(), expected, n_, "span") + guards(out);
  }

  std::string alltoall() {
    Buffer<T> out(n_ * ranks_, number_);
    if (check_.form == Form::in_place) {
      out.fill(mine_);
      team_.alltoall(out.span());
    } else {
      team_.alltoall(in(n_ * ranks_), out.span());
    }
    return compare_parts(out.data(), rank_ * n_) + guards(out);
  }

 private:
  using Call = CheckedCall<T>;
  using Call::check_;
  using Call::compare;
  using Call::copy;
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

  // Part q of `got` must be the first n values of rank q, from `offset` on.
  std::string compare_parts(const T* got, std::size_t offset) const {
    for (std::size_t q = 0; q < ranks_; ++q) {
      std::string wrong =
          compare(got + q * n_, window(static_cast<int>(q)) + offset, n_, fmt::format("part of rank {}", q));
      if (!wrong.empty()) return wrong;
    }
    return {};
  }
};

}  // namespace skein_test
