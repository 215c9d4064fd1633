// SPDX-License-Identifier: Apache-2.0
// A program that keeps teams, arrays and requests longer than its Runtime, to the end of the process; its tests judge exit code
// and output from outside.
//
//   kept_program ran       after a run that ended well, everything that needs others is refused, and the rest works
//   kept_program failed    the same after a run that failed while operations were outstanding
//   kept_program attached  the same of an attachment
//   kept_program forked    a child of the process, and later the process, let go of everything
//   kept_program between   the child is forked between two runs
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "skein/skein.hpp"
#include "team/every_call.hpp"

namespace {

using skein::Team;
using skein_test::error_of;

/// Of one rank. The requests are declared first, and so go last.
struct Kept {
  skein::Request of_first;
  skein::Request of_own;
  std::unique_ptr<Team> all;
  std::unique_ptr<Team> half;
  std::unique_ptr<Team> between;  // let go after the run, and before the Runtime
  skein::SharedArray<int> array;
  int run_rank = -1;
};

std::vector<Kept> kept;  // by the ranks of the process, in the order in which they come
skein::rank_local<std::shared_ptr<Team>> kept_by_rank;
constexpr int kValue = 77;

void keep(Team& team, Kept& own, bool completes) {
  own.all = team.dup();
  own.half = team.split(team.rank() % 2);
  own.between = team.dup();
  *kept_by_rank = team.dup();
  own.array = team.shared<int>(static_cast<std::size_t>(team.size()));
  own.run_rank = team.rank();
  for (int& value : own.array.block()) value = kValue;
  own.of_first = team.ibarrier();
  own.of_own = own.half->ibarrier();
  (*kept_by_rank)->barrier();
  if (!completes) return;
  own.of_first.wait();
  while (!own.of_own.test()) team.yield();
  own.of_own = own.all->ibarrier();  // will be over, and is not asked
  team.barrier();
  own.all->iallreduce(1, skein::sum).wait();
}

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

void look_at(Kept& own, int size) {
  for (const auto& call : skein_test::calls()) {
    for (Team* team : {own.all.get(), own.half.get()}) {
      const std::string error = error_of([&] { call.make(*team); });
      require(error.find("called outside of a run") != std::string::npos, std::string(call.name) + ": " + error);
      require(error.find("rank " + std::to_string(team->rank()) + " of") != std::string::npos, error);
    }
  }
  require(error_of([&] { (void)own.all->split(0); }).find("called outside of a run") != std::string::npos, "split");
  require(error_of([&] { own.all->yield(); }).find("called outside of a run") != std::string::npos, "yield");
  require(own.all->size() == size && own.all->rank() == own.run_rank, "size and rank");
  require(own.half->rank() == own.run_rank / 2 && own.all->host_of(own.run_rank) == own.all->host(), "half and host");
  require(own.half->translate(own.half->rank(), *own.all) == own.run_rank, "translate");
  require(own.all->waited_s() >= 0, "waited_s");
  for (const int value : own.array.block()) require(value == kValue, "a value of the array");
}

/// `reason` is that of requests that are not complete.
void look_at_requests(Kept& own, bool has_failed, const std::string& reason) {
  for (skein::Request* request : {&own.of_first, &own.of_own}) {
    const std::string expected = has_failed || request == &own.of_own ? reason : "";
    for (const std::string& error : {error_of([&] { request->wait(); }), error_of([&] { request->test(); }),
                                     error_of([&] { (void)skein::wait_any(std::span(request, 1)); })}) {
      require(expected.empty() ? error.empty() : error.find(expected) != std::string::npos, "a request: " + error);
    }
  }
}

void look_at_all(int size, bool has_failed) {
  for (Kept& own : kept) {
    look_at(own, size);
    look_at_requests(own, has_failed, has_failed ? " failed: " : "called outside of a run");
  }
}

/// The child ends as any process does: with the destructors of all that is static.
void let_child_end() {
  const pid_t child = fork();
  if (child == 0) {
    for (Kept& own : kept) {
      own.all.reset();  // whose request is then waited for
      look_at_requests(own, false, "in the child of a fork");
    }
    std::exit(0);  // NOLINT(concurrency-mt-unsafe): that is what is tested
  }
  int status = -1;
  waitpid(child, &status, 0);
  require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child did not end well");
}

bool maps_a_segment() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("memfd:skein") != std::string::npos) return true;
  }
  return false;
}

void let_go() {
  std::vector<skein::Request> completed;
  for (Kept& own : kept) {
    if (error_of([&] { own.of_first.wait(); }).empty()) completed.push_back(std::move(own.of_first));
  }
  const bool had_segment = maps_a_segment();
  require(had_segment == (kept.front().all->processes() > kept.front().all->hosts()), "what is kept keeps its segment");
  kept.clear();
  require(!maps_a_segment(), "the segment goes with the last that was kept");
}

int run(int argc, char** argv, const std::string& way) {
  int size = 0;
  if (way == "attached") {
    skein::Attachment attachment = skein::attach();
    kept.resize(1);
    size = attachment.team().size();
    keep(attachment.team(), kept.front(), true);
    attachment.detach();
  } else {
    skein::Runtime runtime(argc, argv);
    kept.resize(static_cast<std::size_t>(runtime.ranks()));
    size = runtime.size();
    std::atomic<std::size_t> come{0};
    const int code = runtime.run([&](Team& team) {
      keep(team, kept[come++], way != "failed");
      if (way == "failed" && team.rank() == team.size() - 1) throw std::runtime_error("it broke");
    });
    for (Kept& own : kept) {
      look_at(own, size);
      own.between.reset();
    }
    require((code == 5) == (way == "failed"), "the run ended with " + std::to_string(code));
    if (way == "between") {
      let_child_end();
      const auto meet = [](Team& team) {
        if ((*kept_by_rank)->allreduce(1, skein::sum) != team.size()) throw std::runtime_error("a wrong sum");
      };
      require(runtime.run(meet) == 0, "the second run");
    }
  }
  if (way == "forked") let_child_end();
  look_at_all(size, way == "failed");
  let_go();
  std::printf("all is as it should be\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv, argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "not as it should be: %s\n", error.what());
    return 1;
  }
}
