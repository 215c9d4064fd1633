// SPDX-License-Identifier: Apache-2.0
//
// The table from MPI to Skein. The README shows the two statements of each row between its marks as they stand here.
//
// Fails on  results that differ.
#include <optional>
#include <span>
#include <vector>

#include "rows.hpp"

namespace {

using rows::compare;
using rows::numbers;

void one_for_all(skein::Team& team, MPI_Comm comm, int root) {
  const double mine = team.rank() + 0.5;
  {
    // [row]
    MPI_Barrier(comm);
    team.barrier();
    // [row]
  }
  {
    double theirs = mine;
    double ours = mine;
    // [row]
    MPI_Bcast(&theirs, 1, MPI_DOUBLE, root, comm);
    ours = team.bcast(mine, root);
    // [row]
    compare("bcast", theirs, ours);
  }
  {
    std::vector<double> theirs = numbers(100, mine);
    std::vector<double> data = theirs;
    // [row]
    MPI_Bcast(theirs.data(), 100, MPI_DOUBLE, root, comm);
    team.bcast(data, root);
    // [row]
    compare("bcast", theirs, data);
  }
}

void reductions(skein::Team& team, MPI_Comm comm, int root) {
  const int n = team.size();
  const int mine = 3 * team.rank() + 1;
  const std::vector<int> in(3 * static_cast<std::size_t>(n), mine);
  int theirs = -1;
  int ours = -1;
  {
    // [row]
    MPI_Allreduce(&mine, &theirs, 1, MPI_INT, MPI_SUM, comm);
    ours = team.allreduce(mine, skein::sum);
    // [row]
    compare("allreduce", theirs, ours);
  }
  {
    std::vector<int> data(in);
    std::vector<int> out(in);
    // [row]
    MPI_Allreduce(MPI_IN_PLACE, out.data(), 3 * n, MPI_INT, MPI_MAX, comm);
    team.allreduce(data, skein::max);
    // [row]
    compare("allreduce", out, data);
  }
  {
    struct {
      double value;
      int rank;
    } pair{-1.0 * team.rank(), team.rank()}, lowest{};
    const double x = pair.value;
    // [row]
    MPI_Allreduce(&pair, &lowest, 1, MPI_DOUBLE_INT, MPI_MINLOC, comm);
    const auto [value, location] = team.allreduce(skein::Located{x, team.rank()}, skein::minloc);
    // [row]
    compare("minloc", lowest.value, value);
    compare("minloc", static_cast<std::int64_t>(lowest.rank), location);
  }
  {
    theirs = ours = mine;
    // [row]
    MPI_Reduce(&mine, &theirs, 1, MPI_INT, MPI_PROD, root, comm);
    ours = team.reduce(mine, skein::prod, root);
    // [row]
    compare("reduce", theirs, ours);
  }
  {
    // [row]
    MPI_Scan(&mine, &theirs, 1, MPI_INT, MPI_SUM, comm);
    ours = team.scan(mine, skein::sum);
    // [row]
    compare("scan", theirs, ours);
  }
  {
    theirs = 0;
    // [row]
    MPI_Exscan(&mine, &theirs, 1, MPI_INT, MPI_SUM, comm);
    ours = team.exscan(mine, skein::sum, 0);
    // [row]
    compare("exscan", theirs, ours);
  }
  {
    std::vector<int> out(3);
    std::vector<int> part(3);
    // [row]
    MPI_Reduce_scatter_block(in.data(), out.data(), 3, MPI_INT, MPI_BOR, comm);
    team.reduce_scatter_block(in, part, skein::bit_or);
    // [row]
    compare("reduce_scatter_block", out, part);
  }
  {
    const std::vector<int> counts(static_cast<std::size_t>(n), 3);
    std::vector<int> out(3);
    std::vector<int> part(3);
    // [row]
    MPI_Reduce_scatter(in.data(), out.data(), counts.data(), MPI_INT, MPI_LXOR, comm);
    team.reduce_scatter(in, part, counts, skein::logical_xor);
    // [row]
    compare("reduce_scatter", out, part);
  }
}

void parts(skein::Team& team, MPI_Comm comm, int root) {
  const int n = team.size();
  const std::vector<double> in = numbers(4, team.rank());
  const std::vector<double> large = numbers(4 * static_cast<std::size_t>(n), 100.0 * team.rank());
  std::vector<double> theirs(large.size());
  std::vector<double> out(large.size());
  std::vector<double> part(4);
  std::vector<double> their_part(4);
  // [row]
  MPI_Gather(in.data(), 4, MPI_DOUBLE, theirs.data(), 4, MPI_DOUBLE, root, comm);
  team.gather(in, out, root);
  // [row]
  compare("gather", theirs, out);
  // [row]
  MPI_Allgather(in.data(), 4, MPI_DOUBLE, theirs.data(), 4, MPI_DOUBLE, comm);
  team.allgather(in, out);
  // [row]
  compare("allgather", theirs, out);
  // [row]
  MPI_Scatter(large.data(), 4, MPI_DOUBLE, their_part.data(), 4, MPI_DOUBLE, root, comm);
  team.scatter(large, part, root);
  // [row]
  compare("scatter", their_part, part);
  // [row]
  MPI_Alltoall(large.data(), 4, MPI_DOUBLE, theirs.data(), 4, MPI_DOUBLE, comm);
  team.alltoall(large, out);
  // [row]
  compare("alltoall", theirs, out);
}

void parts_of_different_sizes(skein::Team& team, MPI_Comm comm, int root) {
  const int n = team.size();
  const auto rank = static_cast<std::size_t>(team.rank());
  // Rank q gives q + 1 values, or gets them; they lie in reverse order.
  std::vector<int> counts;
  std::vector<int> begins;
  int end = n * (n + 1) / 2;
  const int all = end;
  for (int q = 0; q < n; ++q) {
    counts.push_back(q + 1);
    end -= q + 1;
    begins.push_back(end);
  }
  const int m = counts[rank];
  const std::vector<double> mine = numbers(static_cast<std::size_t>(m), team.rank());
  const std::vector<double> large = numbers(static_cast<std::size_t>(all), 100.0 * team.rank());
  std::vector<double> theirs(large.size());
  std::vector<double> out(large.size());
  // [row]
  MPI_Gatherv(mine.data(), m, MPI_DOUBLE, theirs.data(), counts.data(), begins.data(), MPI_DOUBLE, root, comm);
  team.gatherv(mine, out, {counts, begins}, root);
  // [row]
  compare("gatherv", theirs, out);
  // [row]
  MPI_Allgatherv(mine.data(), m, MPI_DOUBLE, theirs.data(), counts.data(), begins.data(), MPI_DOUBLE, comm);
  team.allgatherv(mine, out, {counts, begins});
  // [row]
  compare("allgatherv", theirs, out);
  std::vector<double> their_part(mine.size());
  std::vector<double> part(mine.size());
  // [row]
  MPI_Scatterv(large.data(), counts.data(), begins.data(), MPI_DOUBLE, their_part.data(), m, MPI_DOUBLE, root, comm);
  team.scatterv(large, {counts, begins}, part, root);
  // [row]
  compare("scatterv", their_part, part);
  const std::vector<int> get(static_cast<std::size_t>(n), m);
  std::vector<int> get_begins;
  for (int q = 0; q < n; ++q) get_begins.push_back(q * m);
  theirs.assign(mine.size() * static_cast<std::size_t>(n), 0);
  out = theirs;
  // [row]
  MPI_Alltoallv(large.data(), counts.data(), begins.data(), MPI_DOUBLE, theirs.data(), get.data(), get_begins.data(),
                MPI_DOUBLE, comm);
  team.alltoallv(large, {counts, begins}, out, {get, get_begins});
  // [row]
  compare("alltoallv", theirs, out);
}

/// What a team is, in a form that compares.
std::vector<int> place_in(skein::Team& team) { return {team.rank(), team.size()}; }
std::vector<int> place_in(MPI_Comm comm) {
  std::vector<int> place(2);
  MPI_Comm_rank(comm, &place[0]);
  MPI_Comm_size(comm, &place[1]);
  return place;
}

void teams(skein::Team& team, MPI_Comm comm) {
  const int color = team.rank() % 2;
  const int key = -team.rank();
  MPI_Comm theirs = MPI_COMM_NULL;
  // [row]
  MPI_Comm_split(comm, color, key, &theirs);
  auto part = team.split(color, key);
  // [row]
  compare("split", place_in(theirs), place_in(*part));
  MPI_Comm outsiders = MPI_COMM_NULL;
  // [row]
  MPI_Comm_split(comm, team.root() ? MPI_UNDEFINED : 0, 0, &outsiders);
  auto others = team.split(team.root() ? skein::Team::kNoTeam : 0);
  // [row]
  compare("split", outsiders == MPI_COMM_NULL, others == nullptr);
  MPI_Comm their_host = MPI_COMM_NULL;
  // [row]
  MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &their_host);
  auto host = team.split_by(skein::Level::host);
  // [row]
  if (team.hosts() == 1) compare("split_by", place_in(their_host), place_in(*host));  // SKEIN_HOST is not MPI's
  MPI_Comm their_dup = MPI_COMM_NULL;
  // [row]
  MPI_Comm_dup(comm, &their_dup);
  auto dup = team.dup();
  // [row]
  compare("dup", place_in(their_dup), place_in(*dup));
  const std::vector<int> ranks = {team.size() - 1, 0};
  const std::span<const int> chosen(ranks.data(), team.size() > 1 ? 2 : 1);
  MPI_Group all = MPI_GROUP_NULL;
  MPI_Group group = MPI_GROUP_NULL;
  MPI_Group split_group = MPI_GROUP_NULL;
  MPI_Comm_group(comm, &all);
  MPI_Comm_group(theirs, &split_group);
  MPI_Group_incl(all, static_cast<int>(chosen.size()), chosen.data(), &group);
  MPI_Comm subset = MPI_COMM_NULL;
  // [row]
  MPI_Comm_create(comm, group, &subset);
  auto ends = team.subset(chosen);
  // [row]
  compare("subset", subset == MPI_COMM_NULL, ends == nullptr);
  if (ends) compare("subset", place_in(subset), place_in(*ends));
  const int own = part->rank();
  int translated = 0;
  // [row]
  MPI_Group_translate_ranks(split_group, 1, &own, all, &translated);
  std::optional<int> here = part->translate(own, team);
  // [row]
  compare("translate", translated, here.value_or(MPI_UNDEFINED));
  // [row]
  MPI_Comm_free(&theirs);
  part.reset();
  // [row]
  for (MPI_Comm* left : {&outsiders, &their_host, &their_dup, &subset}) {
    if (*left != MPI_COMM_NULL) MPI_Comm_free(left);
  }
  for (MPI_Group* left : {&all, &group, &split_group}) MPI_Group_free(left);
}

}  // namespace

int main(int argc, char** argv) {
  return rows::run(argc, argv, [](skein::Team& team, MPI_Comm comm, int root) {
    one_for_all(team, comm, root);
    reductions(team, comm, root);
    parts(team, comm, root);
    parts_of_different_sizes(team, comm, root);
    teams(team, comm);
  });
}
