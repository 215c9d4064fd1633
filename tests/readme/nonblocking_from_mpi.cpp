// SPDX-License-Identifier: Apache-2.0
//
// The table of non-blocking calls from MPI to Skein, as in from_mpi.cpp: all calls of a function are outstanding together.
//
// Fails on  results that differ.
#include <array>
#include <optional>
#include <vector>

#include "rows.hpp"

namespace {

using rows::compare;
using rows::numbers;

void folds(skein::Team& team, MPI_Comm comm, int root) {
  const int n = team.size();
  const int mine = 3 * team.rank() + 1;
  const std::vector<int> in(3 * static_cast<std::size_t>(n), mine);
  const std::vector<int> counts(static_cast<std::size_t>(n), 3);
  int sum = 0;
  std::vector<int> max(in.size());
  std::vector<int> product(in.size());
  std::vector<int> before(in.size());
  std::vector<int> block(3);
  std::vector<int> block_of_counts(3);
  std::vector<int> out = max;
  std::vector<int> reduced = product;
  std::vector<int> scanned = before;
  std::vector<int> part = block;
  std::vector<int> part_of_counts = block_of_counts;
  std::array<MPI_Request, 7> theirs;
  std::array<skein::Request, 7> ours;
  // [row]
  MPI_Ibarrier(comm, &theirs[0]);
  ours[0] = team.ibarrier();
  // [row]
  // [row]
  MPI_Iallreduce(in.data(), max.data(), 3 * n, MPI_INT, MPI_MAX, comm, &theirs[1]);
  ours[1] = team.iallreduce(in, out, skein::max);
  // [row]
  // [row]
  MPI_Iallreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, comm, &theirs[2]);
  skein::Pending<int> pending = team.iallreduce(mine, skein::sum);
  // [row]
  // [row]
  MPI_Ireduce(in.data(), product.data(), 3 * n, MPI_INT, MPI_PROD, root, comm, &theirs[3]);
  ours[3] = team.ireduce(in, reduced, skein::prod, root);
  // [row]
  // [row]
  MPI_Iscan(in.data(), before.data(), 3 * n, MPI_INT, MPI_MIN, comm, &theirs[4]);
  ours[4] = team.iscan(in, scanned, skein::min);
  // [row]
  // [row]
  MPI_Ireduce_scatter_block(in.data(), block.data(), 3, MPI_INT, MPI_BOR, comm, &theirs[5]);
  ours[5] = team.ireduce_scatter_block(in, part, skein::bit_or);
  // [row]
  // [row]
  MPI_Ireduce_scatter(in.data(), block_of_counts.data(), counts.data(), MPI_INT, MPI_BXOR, comm, &theirs[6]);
  ours[6] = team.ireduce_scatter(in, part_of_counts, counts, skein::bit_xor);
  // [row]
  // [row]
  MPI_Wait(&theirs[0], MPI_STATUS_IGNORE);
  ours[0].wait();
  // [row]
  // [row]
  MPI_Wait(&theirs[2], MPI_STATUS_IGNORE);
  const int total = pending.wait();
  // [row]
  compare("iallreduce", sum, total);
  // [row]
  MPI_Waitall(7, theirs.data(), MPI_STATUSES_IGNORE);
  skein::wait_all(ours);
  // [row]
  compare("iallreduce", max, out);
  compare("ireduce", product, reduced);
  compare("iscan", before, scanned);
  compare("ireduce_scatter_block", block, part);
  compare("ireduce_scatter", block_of_counts, part_of_counts);
}

void moves(skein::Team& team, MPI_Comm comm, int root) {
  const auto n = static_cast<std::size_t>(team.size());
  const std::vector<double> large = numbers(4 * n, 100.0 * team.rank());
  const std::vector<double> in(large.begin(), large.begin() + 4);
  std::vector<double> data = in;
  std::vector<double> copy = in;
  std::vector<double> gathered(4 * n);
  std::vector<double> all(4 * n);
  std::vector<double> part(4);
  std::vector<double> exchanged(4 * n);
  std::vector<double> to_root = gathered;
  std::vector<double> everyone = all;
  std::vector<double> own = part;
  std::vector<double> swapped = exchanged;
  int mine = team.rank() + 1;
  int before = 10;
  std::array<MPI_Request, 6> theirs;
  std::array<skein::Request, 6> ours;
  // [row]
  MPI_Ibcast(copy.data(), 4, MPI_DOUBLE, root, comm, &theirs[0]);
  ours[0] = team.ibcast(data, root);
  // [row]
  // [row]
  MPI_Igather(in.data(), 4, MPI_DOUBLE, gathered.data(), 4, MPI_DOUBLE, root, comm, &theirs[1]);
  ours[1] = team.igather(in, to_root, root);
  // [row]
  // [row]
  MPI_Iallgather(in.data(), 4, MPI_DOUBLE, all.data(), 4, MPI_DOUBLE, comm, &theirs[2]);
  ours[2] = team.iallgather(in, everyone);
  // [row]
  // [row]
  MPI_Iscatter(large.data(), 4, MPI_DOUBLE, part.data(), 4, MPI_DOUBLE, root, comm, &theirs[3]);
  ours[3] = team.iscatter(large, own, root);
  // [row]
  // [row]
  MPI_Ialltoall(large.data(), 4, MPI_DOUBLE, exchanged.data(), 4, MPI_DOUBLE, comm, &theirs[4]);
  ours[4] = team.ialltoall(large, swapped);
  // [row]
  // [row]
  MPI_Iexscan(&mine, &before, 1, MPI_INT, MPI_SUM, comm, &theirs[5]);
  skein::Pending<int> sum_before = team.iexscan(mine, skein::sum, 0);
  // [row]
  int is_done = 0;
  // [row]
  MPI_Test(&theirs[5], &is_done, MPI_STATUS_IGNORE);
  bool has_come = sum_before.test();
  // [row]
  (void)has_come;
  const int sum = sum_before.wait();
  int which = -1;
  // [row]
  MPI_Waitany(5, theirs.data(), &which, MPI_STATUS_IGNORE);
  std::optional<std::size_t> one = skein::wait_any(ours);
  // [row]
  MPI_Waitall(6, theirs.data(), MPI_STATUSES_IGNORE);
  skein::wait_all(ours);
  compare("wait_any", which >= 0, one.has_value());
  if (!team.root()) compare("iexscan", before, sum);  // what rank 0 gets is MPI's to say
  compare("ibcast", copy, data);
  if (team.rank() == root) compare("igather", gathered, to_root);
  compare("iallgather", all, everyone);
  compare("iscatter", part, own);
  compare("ialltoall", exchanged, swapped);
}

void parts_of_different_sizes(skein::Team& team, MPI_Comm comm, int root) {
  const int n = team.size();
  std::vector<int> counts;
  std::vector<int> begins;
  for (int q = 0, end = 0; q < n; end += ++q) {
    counts.push_back(q + 1);
    begins.push_back(end);
  }
  const int m = team.rank() + 1;
  const std::vector<double> mine = numbers(static_cast<std::size_t>(m), team.rank());
  const std::vector<double> large = numbers(static_cast<std::size_t>(n * (n + 1) / 2), 100.0 * team.rank());
  const std::vector<int> get(static_cast<std::size_t>(n), m);
  std::vector<int> get_begins;
  for (int q = 0; q < n; ++q) get_begins.push_back(q * m);
  std::vector<double> to_root(large.size());
  std::vector<double> all(large.size());
  std::vector<double> own(mine.size());
  std::vector<double> exchanged(mine.size() * static_cast<std::size_t>(n));
  std::vector<double> at_root = to_root;
  std::vector<double> everyone = all;
  std::vector<double> part = own;
  std::vector<double> out = exchanged;
  std::array<MPI_Request, 4> theirs;
  std::array<skein::Request, 4> ours;
  // [row]
  MPI_Igatherv(mine.data(), m, MPI_DOUBLE, to_root.data(), counts.data(), begins.data(), MPI_DOUBLE, root, comm,
               &theirs[0]);
  ours[0] = team.igatherv(mine, at_root, {counts, begins}, root);
  // [row]
  // [row]
  MPI_Iallgatherv(mine.data(), m, MPI_DOUBLE, all.data(), counts.data(), begins.data(), MPI_DOUBLE, comm, &theirs[1]);
  ours[1] = team.iallgatherv(mine, everyone, {counts, begins});
  // [row]
  // [row]
  MPI_Iscatterv(large.data(), counts.data(), begins.data(), MPI_DOUBLE, own.data(), m, MPI_DOUBLE, root, comm,
                &theirs[2]);
  ours[2] = team.iscatterv(large, {counts, begins}, part, root);
  // [row]
  // [row]
  MPI_Ialltoallv(large.data(), counts.data(), begins.data(), MPI_DOUBLE, exchanged.data(), get.data(),
                 get_begins.data(), MPI_DOUBLE, comm, &theirs[3]);
  ours[3] = team.ialltoallv(large, {counts, begins}, out, {get, get_begins});
  // [row]
  MPI_Waitall(4, theirs.data(), MPI_STATUSES_IGNORE);
  skein::wait_all(ours);
  if (team.rank() == root) compare("igatherv", to_root, at_root);
  compare("iallgatherv", all, everyone);
  compare("iscatterv", own, part);
  compare("ialltoallv", exchanged, out);
}

}  // namespace

int main(int argc, char** argv) {
  return rows::run(argc, argv, [](skein::Team& team, MPI_Comm comm, int root) {
    folds(team, comm, root);
    moves(team, comm, root);
    parts_of_different_sizes(team, comm, root);
  });
}
