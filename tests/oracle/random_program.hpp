// SPDX-License-Identifier: Apache-2.0
//
// A random program of collectives over teams, drawn from a seed, and the digest of all that one rank gets from it. The same
// program is made with any library that has teams and calls (skein_library.hpp, mpi_library.hpp).
//
// A step makes teams of one that there is, lets one go, completes a call that is outstanding, or makes a call. All ranks take
// the same steps; those that are in no team of the step's pass over it.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "call.hpp"
#include "skein/team/board.hpp"

namespace skein_oracle {

template <class Library>
class RandomProgram {
 public:
  using Team = typename Library::Team;

  /// trace: where each step is told, or none.
  RandomProgram(Team& run, std::uint64_t seed, std::FILE* trace)
      : run_(run), seed_(seed), trace_(trace), bytes_left_(drawn_bytes()) {
    families_.emplace_back();
  }

  /// Collective over the team of the constructor.
  std::uint64_t digest_of_run() {
    const std::uint64_t steps = 1 + mix(seed_, 1) % kMostSteps;
    for (step_ = 1; step_ <= steps; ++step_) take_step();
    while (!families_.empty()) drop(families_.size() - 1);
    return digest_;
  }

 private:
  static constexpr std::uint64_t kMostSteps = 48;
  static constexpr std::size_t kMostFamilies = 6;
  static constexpr std::size_t kMostOutstanding = 8;

  /// A call with its buffers, perhaps incomplete.
  struct Outstanding {
    virtual ~Outstanding() = default;
    virtual std::uint64_t complete() = 0;  ///< returns the digest of what it brought
    std::string what;
  };

  /// The teams that one step made, of which this rank is in one or in none.
  struct Family {
    std::unique_ptr<Team> own;  ///< none for the run's team, which is first
    std::vector<std::unique_ptr<Outstanding>> outstanding;
  };

  std::uint64_t draw(std::uint64_t about) const { return mix(mix(seed_, step_), about); }
  std::uint64_t draw_of(int run_rank, std::uint64_t about) const {
    return mix(draw(about), static_cast<std::uint64_t>(run_rank));
  }
  static double unit(std::uint64_t drawn) { return static_cast<double>(drawn >> 11U) * 0x1p-53; }

  /// For all buffers of a program: 64 KiB to 16 MiB, log-uniform.
  std::size_t drawn_bytes() const { return static_cast<std::size_t>(std::exp2(16 + 8 * unit(mix(seed_, 2)))); }

  Team* team_of(std::size_t at) { return at == 0 ? &run_ : families_[at].own.get(); }

  void take_step() {
    const std::uint64_t what = draw(1) % 16;
    const std::size_t at = draw(2) % families_.size();
    Family& family = families_[at];
    if (what < 2 && families_.size() < kMostFamilies) return make(at);
    if (what == 2 && at > 0) return drop(at);
    if (team_of(at) == nullptr) {
      if (what > 5) bytes_left_ -= drawn(run_.size()).second;  // as the others do
      return;
    }
    if (what > 5) return call(*team_of(at), family);
    if (!family.outstanding.empty()) complete(family, draw(3) % family.outstanding.size());
  }

  void add(std::uint64_t digest, const std::string& what) {
    digest_ = mix(digest_, digest);
    if (trace_ != nullptr) fmt::print(trace_, "step {}: {}: {:016x}\n", step_, what, digest);
  }

  void make(std::size_t at) {
    Team* team = team_of(at);
    Family made;
    std::string what = "no team";
    if (team != nullptr) {
      const std::uint64_t how = draw(3) % 4;
      if (how == 0) {
        made.own = team->dup();
      } else if (how == 1) {
        std::vector<int> ranks;
        for (int rank = 0; rank < team->size(); ++rank) {
          if (draw_of(rank, 4) % 3 != 0) ranks.push_back(rank);
        }
        std::ranges::sort(ranks, {}, [&](int rank) { return draw_of(rank, 5); });
        made.own = team->subset(ranks);
      } else {
        const std::uint64_t colors = 1 + draw(4) % 3;
        const std::uint64_t color = draw_of(run_.rank(), 5) % (colors + 1);  // one in so many is left out
        const int key = static_cast<int>(draw_of(run_.rank(), 6) % 5) - 2;
        made.own = team->split(color == colors ? std::nullopt : std::optional(static_cast<int>(color)), key);
      }
    }
    if (made.own) what = fmt::format("rank {} of a team of {}", made.own->rank(), made.own->size());
    add(made.own ? mix(static_cast<std::uint64_t>(made.own->rank()), static_cast<std::uint64_t>(made.own->size())) : 0,
        what);
    families_.push_back(std::move(made));
  }

  void drop(std::size_t at) {
    while (!families_[at].outstanding.empty()) complete(families_[at], 0);
    families_.erase(families_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  void complete(Family& family, std::size_t at) {
    Outstanding& outstanding = *family.outstanding[at];
    add(outstanding.complete(), outstanding.what);
    family.outstanding.erase(family.outstanding.begin() + static_cast<std::ptrdiff_t>(at));
  }

  /// The step's call, and its bytes in a team of all ranks.
  std::pair<Shape, std::size_t> drawn(int ranks) const {
    Shape shape{};
    shape.kind = static_cast<Kind>(draw(3) % skein_test::kKinds);
    shape.is_nonblocking = draw(4) % 3 == 0;
    shape.root = static_cast<int>(draw(5) % static_cast<std::uint64_t>(ranks));
    shape.key = draw(6);
    const std::size_t element =
        with_entry<Types>(draw(7), [](auto type) { return sizeof(typename decltype(type)::type); });
    const std::size_t one = element * elements_for_one(shape.kind, static_cast<std::size_t>(run_.size()));
    const auto most = static_cast<double>(bytes_left_ / one);
    shape.n = static_cast<std::size_t>(std::exp2(unit(draw(8)) * std::log2(1 + most))) - (draw(9) % 8 == 0 ? 1 : 0);
    shape.n = std::min(draw(12) % 16 == 0 ? SIZE_MAX : shape.n, bytes_left_ / one);
    const std::uint64_t form = draw(10) % 4;
    if (form == 0 && has_in_place(shape.kind)) shape.form = Form::in_place;
    if (form == 1 && has_value(shape.kind) && bytes_left_ >= one) {
      shape.form = Form::value;
      shape.n = 1;
    }
    return {shape, shape.n * one};
  }

  void call(Team& team, Family& family) {
    const auto [shape, bytes] = drawn(team.size());
    bytes_left_ -= bytes;
    if (shape.is_nonblocking && family.outstanding.size() == kMostOutstanding) complete(family, 0);
    auto made = with_entry<Types>(draw(7), [&, &shape = shape](auto type) -> std::unique_ptr<Outstanding> {
      return begun<typename decltype(type)::type>(team, shape);
    });
    made->what =
        fmt::format("{}{} of {} {}, operator {}, root {}, form {}, rank {} of {}", shape.is_nonblocking ? "i" : "",
                    skein_test::kind_name(shape.kind), shape.n, kTypeNames[draw(7) % kTypes], draw(11) % 60, shape.root,
                    static_cast<int>(shape.form), team.rank(), team.size());
    family.outstanding.push_back(std::move(made));
    if (!shape.is_nonblocking) complete(family, family.outstanding.size() - 1);
  }

  template <class T>
  struct Call : Outstanding {
    Call(Team& team, const Shape& shape) : buffers(shape, team.rank(), team.size()), key(shape.key) {}

    std::uint64_t complete() override {
      completion.wait(buffers);
      const std::uint64_t kept = digest(key, std::as_bytes(std::span(buffers.in)));
      return mix(kept, digest(key, std::as_bytes(std::span(buffers.out).first(buffers.results))));
    }

    Buffers<T> buffers;
    std::uint64_t key;
    typename Library::template Completion<T> completion;
  };

  template <class T>
  std::unique_ptr<Outstanding> begun(Team& team, const Shape& shape) {
    auto made = std::make_unique<Call<T>>(team, shape);
    with_entry<typename OperatorsOf<T>::List>(draw(11) % 60, [&](auto op) {
      Library::begin(team, shape, made->buffers, skein_test::made<typename decltype(op)::type>(), made->completion);
    });
    return made;
  }

  Team& run_;
  std::uint64_t seed_;
  std::FILE* trace_;
  std::size_t bytes_left_;
  std::uint64_t step_ = 0;
  std::uint64_t digest_ = 0;
  std::vector<Family> families_;  ///< that of the run first
};

}  // namespace skein_oracle
