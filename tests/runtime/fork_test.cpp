// SPDX-License-Identifier: Apache-2.0
// Forks of a process whose ranks run: the child may end or become another program; whatever else it tries ends the child
// alone, with words, and the parent's run goes on.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "skein/skein.hpp"

namespace {

using skein::Team;

constexpr int kAsItShould = 42;

struct ChildCase {
  const char* what;
  std::function<void(Team&)> in_child;  ///< may return or throw
  int status;
};

std::vector<ChildCase> cases() {
  const auto refused = [](const std::function<void(Team&)>& call) {
    return [call](Team& team) {
      try {
        call(team);
      } catch (const skein::Error& error) {
        const bool says_why = std::string(error.what()).find("in the child of a fork") != std::string::npos;
        _exit(says_why ? kAsItShould : 1);
      }
      _exit(2);
    };
  };
  return {
      {"ends", [](Team&) { _exit(kAsItShould); }, kAsItShould},
      {"becomes another program", [](Team&) { execl("/bin/sh", "sh", "-c", "exit 42", nullptr); }, kAsItShould},
      {"barrier", refused([](Team& t) { t.barrier(); }), kAsItShould},
      {"allreduce", refused([](Team& t) { t.allreduce(1, skein::sum); }), kAsItShould},
      {"large allreduce", refused([](Team& t) {
         std::vector<double> data(100'000);
         t.allreduce(std::span(data), skein::sum);
       }),
       kAsItShould},
      {"ibarrier", refused([](Team& t) { t.ibarrier().wait(); }), kAsItShould},
      {"shared", refused([](Team& t) { t.shared<int>(10); }), kAsItShould},
      {"per_process", refused([](Team& t) { t.per_process([] {}); }), kAsItShould},
      {"a call whose error nobody catches", [](Team& t) { t.barrier(); }, 5},
      {"an exception", [](Team&) { throw std::runtime_error("the child broke"); }, 5},
      {"return", [](Team&) {}, 5},
  };
}

// Fails when a child hangs, does as it likes, or reaches into the run of its parent.
TEST(Fork, OnlyTheChildEndsWhateverItDoes) {
  for (const int ranks : {1, 3, 8}) {
    skein::Options options;
    options.ranks = ranks;
    skein::Runtime runtime(options);
    for (const ChildCase& one : cases()) {
      for (const int forking : {0, ranks - 1}) {
        SCOPED_TRACE(one.what);
        int status = -1;
        const int code = runtime.run([&](Team& team) {
          team.barrier();
          if (team.rank() == forking) {
            const pid_t child = fork();
            if (child == 0) return one.in_child(team);
            waitpid(child, &status, 0);
          }
          for (int i = 0; i < 10; ++i) {
            if (team.allreduce(1, skein::sum) != team.size()) throw std::runtime_error("a wrong sum in the parent");
          }
        });
        EXPECT_EQ(code, 0);
        EXPECT_TRUE(WIFEXITED(status));
        EXPECT_EQ(WEXITSTATUS(status), one.status);
      }
    }
  }
}

// Fails when the child of a fork inside a call goes on with it, or may call again once it has left it by an exception.
TEST(Fork, InsideACallEndsTheChildToo) {
  for (const int ranks : {1, 3}) {
    skein::Options options;
    options.ranks = ranks;
    skein::Runtime runtime(options);
    for (const bool throws : {false, true}) {
      int status = -1;
      const int code = runtime.run([&](Team& team) {
        try {
          team.per_process([&] {
            const pid_t child = fork();
            if (child == 0) {
              if (throws) throw std::runtime_error("the child broke");
              return;
            }
            waitpid(child, &status, 0);
          });
        } catch (const skein::Error&) {
          _exit(throws ? 1 : kAsItShould);  // what it returned into has refused it
        } catch (const std::runtime_error&) {
          try {
            team.barrier();
          } catch (const skein::Error&) {
            _exit(kAsItShould);
          }
          _exit(2);
        }
        for (int i = 0; i < 10; ++i) {
          if (team.allreduce(1, skein::sum) != team.size()) throw std::runtime_error("a wrong sum in the parent");
        }
      });
      EXPECT_EQ(code, 0);
      EXPECT_TRUE(WIFEXITED(status));
      EXPECT_EQ(WEXITSTATUS(status), kAsItShould);
    }
  }
}

// Fails when a child that was made by others, as every system() is, is in the way of a rank or the other way round.
TEST(Fork, SystemAndPopenWorkInEveryRank) {
  skein::Options options;
  options.ranks = 3;
  skein::Runtime runtime(options);
  const int code = runtime.run([](Team& team) {
    for (int i = 0; i < 5; ++i) {
      if (std::system("exit 0") != 0) throw std::runtime_error("system");  // NOLINT: it is what is tested
      std::FILE* pipe = popen("echo 7", "r");                              // NOLINT
      int number = 0;
      if (std::fscanf(pipe, "%d", &number) != 1 || number != 7) throw std::runtime_error("popen");  // NOLINT
      pclose(pipe);
      team.barrier();
    }
  });
  EXPECT_EQ(code, 0);
}

// Fails when a rank that starts a run in a run waits for lanes that it occupies.
TEST(Run, InsideARunIsAnError) {
  for (const int ranks : {1, 3}) {
    skein::Options options;
    options.ranks = ranks;
    skein::Runtime runtime(options);
    for (int caller = 0; caller < ranks; ++caller) {
      skein::Runtime again(options);
      try {
        again.run_throwing([&](Team& team) {
          team.barrier();
          if (team.rank() == caller) again.run([](Team& inner) { inner.barrier(); });
          team.barrier();
        });
        FAIL() << "it ran";
      } catch (const skein::Error& error) {
        EXPECT_NE(std::string(error.what()).find("run was called by a rank"), std::string::npos) << error.what();
      }
    }
    EXPECT_EQ(runtime.run([](Team& team) { team.barrier(); }), 0);
  }
}

}  // namespace
