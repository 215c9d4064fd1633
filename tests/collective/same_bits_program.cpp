// SPDX-License-Identifier: Apache-2.0
//
// same_bits_program SEEDS: prints one digest of the results of reductions of numbers that make every order of summation
// show, and fails when ranks of one run differ. scripts compare the digests of different layouts, patterns and wait
// policies; same_bits_program SEEDS RANKS computes the digest of RANKS ranks alone, without any team.
//
// Fails on  results that differ between ranks. The comparison fails on a fold whose shape depends on anything but the
//           number of ranks.
#include <fmt/format.h>

#include <atomic>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "oracle.hpp"
#include "skein/skein.hpp"
#include "stagger.hpp"
#include "values.hpp"

namespace {

using skein_test::mix;

constexpr std::size_t kMany = 20'000;

const double* numbers(std::uint64_t seed, int rank) { return skein_test::Table<double>::window(seed, rank); }

/// FNV-1a on words; the order of results counts.
class Digest {
 public:
  void add(double value) { hash_ = (hash_ ^ std::bit_cast<std::uint64_t>(value)) * 0x100000001b3U; }
  void add(std::span<const double> values) {
    for (const double value : values) add(value);
  }
  std::uint64_t value() const { return mix(hash_); }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325U;
};

double discounted(double left, double right) { return left - 0.75 * right; }

/// The results of one seed as a serial program gets them.
void add_oracle(Digest& digest, std::uint64_t seed, int ranks) {
  const auto fold = [&](std::size_t i, auto op) {
    return skein_test::oracle_fold<double>(
        0, ranks, [&](int rank) { return numbers(seed, rank)[i]; }, op);
  };
  digest.add(fold(0, skein::sum));
  digest.add(fold(1, &discounted));
  for (std::size_t i = 0; i < 6; ++i) digest.add(fold(i, skein::sum));
  for (std::size_t i = 0; i < kMany; ++i) digest.add(fold(i, skein::sum));
}

void add_results(Digest& digest, std::uint64_t seed, skein::Team& team, std::vector<double>& out) {
  const double* mine = numbers(seed, team.rank());
  digest.add(team.allreduce(mine[0], skein::sum));
  digest.add(team.allreduce(mine[1], &discounted));
  skein_test::stagger(team.rank(), seed);
  for (const std::size_t n : {std::size_t{6}, kMany}) {
    const std::span<double> to = std::span(out).first(n);
    team.allreduce(std::span(mine, n), to, skein::sum);
    digest.add(to);
  }
}

void print(std::uint64_t digest, int ranks) {
  std::fputs(fmt::format("ranks {} digest {:016x}\n", ranks, digest).c_str(), stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fputs("usage: same_bits_program SEEDS [RANKS]\n", stderr);
    return 2;
  }
  const std::uint64_t seeds = std::strtoull(argv[1], nullptr, 10);
  if (argc > 2) {
    const int ranks = std::atoi(argv[2]);
    Digest digest;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) add_oracle(digest, seed, ranks);
    print(digest.value(), ranks);
    return 0;
  }
  skein::Runtime runtime(argc, argv);
  std::atomic<bool> is_wrong{false};
  const int code = runtime.run([&](skein::Team& team) {
    std::vector<double> out(kMany);
    Digest digest;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) add_results(digest, seed, team, out);
    std::vector<std::uint64_t> digests(static_cast<std::size_t>(team.size()));
    team.allgather(digest.value(), std::span(digests));
    for (const std::uint64_t other : digests) {
      if (other != digests[0]) is_wrong = true;
    }
    if (team.rank() == 0) print(digest.value(), team.size());
  });
  if (code != 0) return code;
  return is_wrong ? 1 : 0;
}
