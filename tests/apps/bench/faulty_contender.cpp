// SPDX-License-Identifier: Apache-2.0
// A contender that misbehaves as FAULTY says, for the tests of the coordinator:
//   die       ends with exit status 3 at its third command      hang      never answers its third command
//   nonsense  answers bytes that are no reply                   version   introduces itself with another version
//   absent    ends before it connects                           silent    connects, but never introduces itself
//   ranks     introduces itself with one rank too many
// Without FAULTY, or built with SKEIN_BENCH_GOOD, it answers everything: 10 ns per operation.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "block.hpp"
#include "contender_main.hpp"

namespace {

void answer(bench::Channel& channel, const bench::Command& command) {
  bench::Reply reply;
  constexpr std::int64_t kTime_ns = 10;
  reply.times_ns.assign(command.batches, kTime_ns * static_cast<std::int64_t>(command.ops_per_batch));
  channel.send(reply);
}

void misbehave(const std::string& fault, bench::Channel& channel) {
  if (fault == "die") {
    std::fprintf(stderr, "the faulty contender gives up\n");
    std::_Exit(3);
  }
  if (fault == "nonsense") {
    const std::string text = "nonsense";
    ::send(channel.descriptor(), text.data(), text.size(), 0);
  }
  if (fault == "hang")
    for (;;) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
  return bench::contender_main(argc, argv, [](const bench::ContenderArguments& arguments) {
    const char* value = std::getenv("FAULTY");  // NOLINT(concurrency-mt-unsafe)
    const std::string fault = value == nullptr || SKEIN_BENCH_GOOD != 0 ? "" : value;
    if (fault == "absent") return;
    bench::Channel channel = bench::Channel::connect(arguments.connect);
    if (fault == "silent")
      for (;;) ::pause();
    bench::Hello hello{.contender = arguments.id, .ranks = arguments.ranks};
    if (fault == "version") hello.version = bench::kVersion + 1;
    if (fault == "ranks") ++hello.ranks;
    channel.send(hello);
    for (int commands = 0;; ++commands) {
      const bench::Command command = channel.receive_command();
      if (command.kind == bench::Kind::quit) return;
      constexpr int kThird = 2;
      if (commands == kThird) misbehave(fault, channel);
      answer(channel, command);
    }
  });
}
