// SPDX-License-Identifier: Apache-2.0
#include "check.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <tuple>

#include "oracle.hpp"
#include "stagger.hpp"
#include "values.hpp"

namespace skein_test {
namespace {

using Types = std::tuple<char, int, double, Odd3, Weighted24, Matrix16, Term200>;
constexpr std::size_t kTypes = std::tuple_size_v<Types>;
constexpr std::array<std::string_view, kTypes> kTypeNames = {"char",       "int",      "double", "Odd3",
                                                             "Weighted24", "Matrix16", "Term200"};

/// A lambda, as users write them.
constexpr auto kDiscount = [](double left, double right) { return left - 0.5 * right; };

template <class T>
struct OperatorsOf {
  using List = std::tuple<Scramble>;
};
template <>
struct OperatorsOf<int> {
  using List = std::tuple<Scramble, skein::operators::Sum, std::bit_xor<>, skein::any_order<skein::operators::Sum>>;
};
template <>
struct OperatorsOf<double> {
  using List = std::tuple<skein::operators::Sum, skein::operators::Min, skein::operators::Max, std::plus<double>,
                          std::remove_const_t<decltype(kDiscount)>>;
};
template <>
struct OperatorsOf<Weighted24> {
  using List = std::tuple<Affine>;
};
template <>
struct OperatorsOf<Matrix16> {
  using List = std::tuple<Multiply>;
};
template <>
struct OperatorsOf<Term200> {
  using List = std::tuple<Join>;
};

template <class Op>
Op made() {
  if constexpr (skein::kIsAnyOrder<Op>) {
    return Op({});
  } else {
    return Op();
  }
}

template <class List, class Use, std::size_t I = 0>
auto with_entry(int index, const Use& use) {
  if constexpr (I + 1 < std::tuple_size_v<List>) {
    if (index != static_cast<int>(I)) return with_entry<List, Use, I + 1>(index, use);
  }
  return use(std::type_identity<std::tuple_element_t<I, List>>());
}

template <class Use>
auto with_type(int index, const Use& use) {
  return with_entry<Types>(index, use);
}

/// n values between guards that nobody may write.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::size_t n, std::size_t skew = 0)
      : n_(n), begin_(kGuard + skew % 8 * alignof(T)), storage_(begin_ + n * sizeof(T) + kGuard, kFill) {}

  T* data() { return reinterpret_cast<T*>(storage_.data() + begin_); }
  std::span<T> span() { return n_ == 0 ? std::span<T>() : std::span<T>(data(), n_); }

  void fill(const T* from) {
    if (n_ != 0) std::memcpy(static_cast<void*>(data()), from, n_ * sizeof(T));
  }
  bool is_untouched(std::size_t i) const {
    const auto at = storage_.begin() + static_cast<std::ptrdiff_t>(begin_ + i * sizeof(T));
    return std::all_of(at, at + static_cast<std::ptrdiff_t>(sizeof(T)), is_fill);
  }
  bool is_untouched() const { return std::all_of(storage_.begin(), storage_.end(), is_fill); }
  bool are_guards_intact() const {
    const auto end = storage_.begin() + static_cast<std::ptrdiff_t>(begin_ + n_ * sizeof(T));
    return std::all_of(storage_.begin(), storage_.begin() + static_cast<std::ptrdiff_t>(begin_), is_fill) &&
           std::all_of(end, storage_.end(), is_fill);
  }

 private:
  static constexpr std::size_t kGuard = 64;
  static constexpr std::byte kFill{0xA5};
  static bool is_fill(std::byte b) { return b == kFill; }

  std::size_t n_;
  std::size_t begin_;
  std::vector<std::byte> storage_;
};

std::string hex(const void* object, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(bytes, 24); ++i) {
    text += fmt::format("{:02x}", static_cast<const unsigned char*>(object)[i]);
  }
  return text;
}

/// The calls of one check on one rank.
template <class T>
class Call {
 public:
  Call(skein::Team& team, const Check& check, std::uint64_t number)
      : team_(team),
        check_(check),
        number_(number),
        ranks_(static_cast<std::size_t>(team.size())),
        rank_(static_cast<std::size_t>(team.rank())),
        n_(check.n),
        mine_(window(team.rank())) {}

  std::string run() {
    switch (check_.kind) {
      case Kind::bcast:
        return bcast();
      case Kind::gather:
        return gather();
      case Kind::allgather:
        return allgather();
      case Kind::scatter:
        return scatter();
      case Kind::alltoall:
        return alltoall();
      case Kind::gatherv:
        return gatherv();
      case Kind::allgatherv:
        return allgatherv();
      case Kind::scatterv:
        return scatterv();
      case Kind::alltoallv:
        return alltoallv();
      default:
        return with_entry<typename OperatorsOf<T>::List>(
            check_.op, [this](auto op) { return this->fold(made<typename decltype(op)::type>()); });
    }
  }

 private:
  static constexpr bool kCanBeMade = std::default_initializable<T>;  // which the forms that return containers need

  const T* window(int rank) const { return Table<T>::window(number_, rank); }
  bool is_root() const { return team_.rank() == check_.root; }
  std::span<const T> in(std::size_t n) const { return n == 0 ? std::span<const T>() : std::span<const T>(mine_, n); }

  static std::string compare(const T* got, const T* expected, std::size_t n, std::string_view what) {
    if (n == 0 || std::memcmp(static_cast<const void*>(got), static_cast<const void*>(expected), n * sizeof(T)) == 0)
      return {};
    std::size_t i = 0;
    while (std::memcmp(static_cast<const void*>(got + i), static_cast<const void*>(expected + i), sizeof(T)) == 0) ++i;
    return fmt::format("{}: value {} of {} is {}, must be {}", what, i, n, hex(got + i, sizeof(T)),
                       hex(expected + i, sizeof(T)));
  }
  static void copy(T* to, const T* from, std::size_t n) {
    if (n != 0) std::memcpy(static_cast<void*>(to), from, n * sizeof(T));
  }
  static std::string guards(const Buffer<T>& buffer) {
    return buffer.are_guards_intact() ? "" : "memory around the output was written";
  }

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

  // Part q of `got` must be the first n values of rank q, from `offset` on.
  std::string compare_parts(const T* got, std::size_t offset) const {
    for (std::size_t q = 0; q < ranks_; ++q) {
      std::string wrong =
          compare(got + q * n_, window(static_cast<int>(q)) + offset, n_, fmt::format("part of rank {}", q));
      if (!wrong.empty()) return wrong;
    }
    return {};
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

  // Parts of different sizes. Rank q's stream is what its window begins with; in it and in outputs the parts follow each
  // other, or lie in reverse order with gaps.

  std::size_t count(std::size_t from, std::size_t to) const {
    const std::uint64_t drawn = mix(number_ + 7 * from, to);
    return drawn % 4 == 0 ? 0 : drawn % 4 == 1 ? n_ : drawn / 4 % (n_ + 1);
  }

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

  skein::Team& team_;
  const Check& check_;
  std::uint64_t number_;
  std::size_t ranks_;
  std::size_t rank_;
  std::size_t n_;
  const T* mine_;
};

/// The busiest rank has size() times `n` values.
bool has_parts(Kind kind) { return kind >= Kind::reduce_scatter_block && kind != Kind::barrier; }
bool has_root(Kind kind) {
  return kind == Kind::bcast || kind == Kind::reduce || kind == Kind::gather || kind == Kind::scatter ||
         kind == Kind::gatherv || kind == Kind::scatterv;
}
bool folds(Kind kind) { return kind >= Kind::reduce && kind <= Kind::reduce_scatter; }

std::vector<Form> forms_of(Kind kind) {
  switch (kind) {
    case Kind::bcast:
    case Kind::scatter:
      return {Form::value, Form::span};
    case Kind::reduce_scatter:
      return {Form::span};
    case Kind::reduce_scatter_block:
    case Kind::alltoall:
      return {Form::span, Form::in_place};
    case Kind::gatherv:
    case Kind::allgatherv:
    case Kind::scatterv:
    case Kind::alltoallv:
      return {Form::span, Form::inferred};
    default:
      return {Form::value, Form::span, Form::in_place};
  }
}

/// Around every length at which the library changes its way: a line, a piece, both divided among the ranks.
std::set<std::size_t> lengths(std::size_t value_bytes, std::size_t ranks, Kind kind) {
  std::set<std::size_t> result = {0, 1, 2, 3, 5, 6, 7, 1000};
  const std::size_t most = (kMostBytes / value_bytes - 3 * ranks) / (has_parts(kind) ? ranks : 1);
  for (const std::size_t border : {std::size_t{48}, skein::kReadBytes, skein::kPieceBytes}) {
    for (const std::size_t share : {border / value_bytes, border / (value_bytes * ranks)}) {
      for (const std::size_t n : {share - 1, share, share + 1}) {
        if (share >= 1) result.insert(n);
      }
    }
  }
  result.erase(result.upper_bound(most), result.end());
  result.insert(most);
  return result;
}

}  // namespace

std::string_view kind_name(Kind kind) {
  static constexpr std::array<std::string_view, kKinds> kNames = {
      "barrier",        "bcast",    "reduce",    "allreduce", "scan",     "exscan",  "reduce_scatter_block",
      "reduce_scatter", "gather",   "allgather", "scatter",   "alltoall", "gatherv", "allgatherv",
      "scatterv",       "alltoallv"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::vector<Check> all_checks(Kind kind, int ranks) {
  if (kind == Kind::barrier) return {Check{kind, 0, 0, 0, Form::value, 0}};
  std::vector<Check> checks;
  for (int type = 0; type < static_cast<int>(kTypes); ++type) {
    with_type(type, [&](auto identity) {
      using T = typename decltype(identity)::type;
      const int ops = folds(kind) ? static_cast<int>(std::tuple_size_v<typename OperatorsOf<T>::List>) : 1;
      for (int op = 0; op < ops; ++op) {
        for (const Form form : forms_of(kind)) {
          for (const std::size_t n : lengths(sizeof(T), static_cast<std::size_t>(ranks), kind)) {
            if (form == Form::value && n != 1) continue;
            for (int root = 0; root < (has_root(kind) ? ranks : 1); ++root) {
              checks.push_back({kind, type, op, n, form, root});
            }
          }
        }
      }
    });
  }
  return checks;
}

std::size_t weight(const Check& check, int ranks) {
  const std::size_t bytes =
      with_type(check.type, [](auto identity) { return sizeof(typename decltype(identity)::type); });
  return check.n * bytes * (has_parts(check.kind) ? static_cast<std::size_t>(ranks) : 1);
}

std::string run_check(skein::Team& team, const Check& check, std::uint64_t number) {
  stagger(team.rank(), number);
  if (check.kind == Kind::barrier) {
    team.barrier();
    return {};
  }
  const std::string wrong = with_type(
      check.type, [&](auto identity) { return Call<typename decltype(identity)::type>(team, check, number).run(); });
  if (wrong.empty()) return {};
  static constexpr std::array<std::string_view, 4> kForms = {"value", "span", "in place", "inferred"};
  return fmt::format("{}, {} values of type {}, operator {}, root {}, form {}, number {:#x}, on rank {} of {}: {}",
                     kind_name(check.kind), check.n, kTypeNames[static_cast<std::size_t>(check.type)], check.op,
                     check.root, kForms[static_cast<std::size_t>(check.form)], number, team.rank(), team.size(), wrong);
}

}  // namespace skein_test
