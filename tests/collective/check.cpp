// SPDX-License-Identifier: Apache-2.0
#include "check.hpp"

#include <fmt/format.h>

#include <array>
#include <set>

#include "checked_types.hpp"
#include "fold_checks.hpp"
#include "move_checks.hpp"
#include "ragged_checks.hpp"
#include "stagger.hpp"

namespace skein_test {
namespace {

template <class T>
std::string run(skein::Team& team, const Check& check, std::uint64_t number) {
  const auto judged = [](auto checks, const auto& run_one) {
    std::string wrong = run_one(checks);
    return checks.were_others_wrong() ? wrong + " another call that was outstanding" : wrong;
  };
  const auto moves = [&](std::string (MoveChecks<T>::*run_one)()) {
    return judged(MoveChecks<T>(team, check, number), [&](auto& checks) { return (checks.*run_one)(); });
  };
  const auto ragged = [&](std::string (RaggedChecks<T>::*run_one)()) {
    return judged(RaggedChecks<T>(team, check, number), [&](auto& checks) { return (checks.*run_one)(); });
  };
  switch (check.kind) {
    case Kind::bcast:
      return moves(&MoveChecks<T>::bcast);
    case Kind::gather:
      return moves(&MoveChecks<T>::gather);
    case Kind::allgather:
      return moves(&MoveChecks<T>::allgather);
    case Kind::scatter:
      return moves(&MoveChecks<T>::scatter);
    case Kind::alltoall:
      return moves(&MoveChecks<T>::alltoall);
    case Kind::gatherv:
      return ragged(&RaggedChecks<T>::gatherv);
    case Kind::allgatherv:
      return ragged(&RaggedChecks<T>::allgatherv);
    case Kind::scatterv:
      return ragged(&RaggedChecks<T>::scatterv);
    case Kind::alltoallv:
      return ragged(&RaggedChecks<T>::alltoallv);
    default:
      return with_entry<typename OperatorsOf<T>::List>(check.op, [&](auto op) {
        return judged(FoldChecks<T>(team, check, number),
                      [&](auto& checks) { return checks.fold(made<typename decltype(op)::type>()); });
      });
  }
}

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

/// Around every length at which the library changes its way: a line, a post, a piece, all divided among the ranks.
std::set<std::size_t> lengths(std::size_t value_bytes, std::size_t ranks, Kind kind) {
  std::set<std::size_t> result = {0, 1, 2, 3, 5, 6, 7, 1000};
  const std::size_t most = (kMostBytes / value_bytes - 3 * ranks) / (has_parts(kind) ? ranks : 1);
  for (const std::size_t border : {skein::kInlineBytes, skein::kPostBytes, skein::kReadBytes, skein::kPieceBytes}) {
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
  const std::string wrong =
      with_type(check.type, [&](auto identity) { return run<typename decltype(identity)::type>(team, check, number); });
  if (wrong.empty()) return {};
  static constexpr std::array<std::string_view, 4> kForms = {"value", "span", "in place", "inferred"};
  return fmt::format("{}, {} values of type {}, operator {}, root {}, form {}, number {:#x}, on rank {} of {}: {}",
                     kind_name(check.kind), check.n, kTypeNames[static_cast<std::size_t>(check.type)], check.op,
                     check.root, kForms[static_cast<std::size_t>(check.form)], number, team.rank(), team.size(), wrong);
}

}  // namespace skein_test
