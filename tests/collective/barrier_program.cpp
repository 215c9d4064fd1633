// SPDX-License-Identifier: Apache-2.0
//
// barrier_program ROUNDS [FIRST_EPISODE]: what a barrier means. Every round each rank writes a plain word, crosses the
// barrier, and reads everybody's.
//
// Fails on  a rank that leaves round r before all have arrived in it (a mark below r); a write before the barrier that is
//           not visible behind it (a word of round r - 2; ThreadSanitizer also sees a missing order that happened to go
//           well); a re-entry that overtakes (a mark above r + 1); an episode number that is cut to 32 bits.
// Note      marks are relaxed and words are not atomic: only the barrier orders anything.
#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "common_words.hpp"
#include "skein/skein.hpp"
#include "stagger.hpp"
#include "values.hpp"

namespace {

using skein_test::mix;

/// Values far enough apart not to share lines: the test shall not slow what it tests.
constexpr std::size_t kStep = skein::kStride / sizeof(std::uint64_t);

class Crossing {
 public:
  explicit Crossing(skein::Team& team)
      : team_(team), marks_(team, cells(team), 0), words_{{team, cells(team), 1}, {team, cells(team), 2}} {}

  void run(std::uint64_t rounds) {
    for (std::uint64_t round = 1; round <= rounds; ++round) {
      be_late(round);
      mark(team_.rank()).store(round, std::memory_order_relaxed);
      word(round, team_.rank()) = mix(round, static_cast<std::uint64_t>(team_.rank()));
      team_.barrier();
      look(round);
    }
  }

  std::uint64_t early() const { return early_; }
  std::uint64_t stale() const { return stale_; }

 private:
  static std::size_t cells(const skein::Team& team) { return static_cast<std::size_t>(team.size()) * kStep; }

  std::atomic_ref<std::uint64_t> mark(int rank) {
    return std::atomic_ref(marks_[static_cast<std::size_t>(rank) * kStep]);
  }

  // Two sets of words: a rank writes those of round r + 2 after barrier r + 1, where all had read those of round r.
  std::uint64_t& word(std::uint64_t round, int rank) {
    return words_[round % 2][static_cast<std::size_t>(rank) * kStep];
  }

  void be_late(std::uint64_t round) const {
    const auto laggard = static_cast<int>(mix(round, 1) % static_cast<std::uint64_t>(team_.size()));
    if (laggard == team_.rank()) skein_test::stagger(laggard, mix(round, 2));
  }

  void look(std::uint64_t round) {
    for (int rank = 0; rank < team_.size(); ++rank) {
      const std::uint64_t seen = mark(rank).load(std::memory_order_relaxed);
      if (seen != round && seen != round + 1) ++early_;
      if (word(round, rank) != mix(round, static_cast<std::uint64_t>(rank))) ++stale_;
    }
  }

  skein::Team& team_;
  skein_test::CommonWords marks_;
  skein_test::CommonWords words_[2];
  std::uint64_t early_ = 0;
  std::uint64_t stale_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fputs("usage: barrier_program ROUNDS [FIRST_EPISODE]\n", stderr);
    return 2;
  }
  const std::uint64_t rounds = std::strtoull(argv[1], nullptr, 10);
  skein::Options options;
  if (argc > 2) options.first_episode = std::strtoull(argv[2], nullptr, 0);
  skein::Runtime runtime(argc, argv, options);
  std::atomic<bool> is_wrong{false};
  const int code = runtime.run([&](skein::Team& team) {
    Crossing crossing(team);
    crossing.run(rounds);
    if (crossing.early() + crossing.stale() == 0) return;
    is_wrong = true;
    std::fputs(
        fmt::format("rank {} of {}: in {} barriers it left {} times before somebody had arrived, and read {} words "
                    "that were not of the round\n",
                    team.rank(), team.size(), rounds, crossing.early(), crossing.stale())
            .c_str(),
        stderr);
  });
  if (code != 0) return code;
  return is_wrong ? 1 : 0;
}
