// SPDX-License-Identifier: Apache-2.0
//
// A user's program: says which Skein it got, runs one team, and catches the failure of another by its type.
#include <skein/skein.hpp>

#include <cstdio>
#include <exception>

namespace {

void count(skein::Team& team) {
  auto places = team.shared<int>(static_cast<std::size_t>(team.size()));
  for (std::size_t i = places.range().begin; i < places.range().end; ++i) places[i] = team.rank() + 1;
  team.barrier();
  int sum = 0;
  for (int rank = 0; rank < team.size(); ++rank) sum += places[static_cast<std::size_t>(rank)];
  const int doubled = team.allreduce(sum, skein::sum) / team.size() + sum;
  team.log("skein {}: {} ranks in the team, twice their sum is {}", SKEIN_VERSION_STRING, team.size(), doubled);
}

void fail(skein::Team& team) {
  if (team.rank() == 0) throw skein::Error(skein::ExitCode::data, "rank 0 has no data");
  team.barrier();
}

}  // namespace

int main(int argc, char** argv) {
  static_assert(SKEIN_VERSION_MAJOR >= 0 && SKEIN_VERSION_MINOR >= 0 && SKEIN_VERSION_PATCH >= 0);
  skein::Runtime runtime(argc, argv);
  if (const int code = runtime.run(count); code != 0) return code;
  try {
    runtime.run_throwing(fail);
  } catch (const skein::TeamAborted& error) {
    std::printf("process %d caught TeamAborted: %s\n", runtime.process(), error.what());
    return 0;
  } catch (const skein::Error& error) {
    std::printf("process %d caught Error %d: %s\n", runtime.process(), static_cast<int>(error.code()), error.what());
    return 0;
  } catch (const std::exception& error) {
    std::printf("process %d caught only a std::exception: %s\n", runtime.process(), error.what());
  }
  return 1;
}
