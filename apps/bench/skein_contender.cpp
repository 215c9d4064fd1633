// SPDX-License-Identifier: Apache-2.0
#include "skein_contender.hpp"

#include <skein/skein.hpp>

#include <string>

#include "block.hpp"

namespace bench {

namespace {

// One rank of Skein: the calls a user would write.
class SkeinMember {
 public:
  explicit SkeinMember(skein::Team& team) : team_(team) {}
  int rank() const { return team_.rank(); }
  int size() const { return team_.size(); }
  void barrier() { team_.barrier(); }
  double allreduce(double value) { return team_.allreduce(value, skein::sum); }
  void allreduce(std::span<const double> in, std::span<double> out) { team_.allreduce(in, out, skein::sum); }
  void collective(Kind kind, std::span<const double> in, std::span<double> out, int root) {
    switch (kind) {
      case Kind::bcast:
        return team_.bcast(out, root);
      case Kind::reduce:
        return team_.reduce(in, out, skein::sum, root);
      case Kind::scan:
        return team_.scan(in, out, skein::sum);
      case Kind::allgather:
        return team_.allgather(in, out);
      case Kind::alltoall:
        return team_.alltoall(in, out);
      case Kind::iallreduce:
        return team_.iallreduce(in, out, skein::sum).wait();
      default:
        return team_.reduce_scatter_block(in, out, skein::sum);
    }
  }
  Command bcast(Command command) { return team_.bcast(command, 0); }
  std::int64_t bcast(std::int64_t time) { return team_.bcast(time, 0); }
  void maximum(std::span<std::int64_t> times) { team_.allreduce(times, skein::max); }

 private:
  skein::Team& team_;
};

}  // namespace

int serve_skein(int argc, char** argv, const ContenderArguments& arguments) {
  skein::Runtime runtime(argc, argv);
  ContenderArguments actual = arguments;
  actual.ranks = runtime.size();  // the coordinator compares it with what it asked for
  Channel channel = introduce(actual, runtime.process(), runtime.processes());
  return runtime.run([&](skein::Team& team) {
    if (arguments.hosts > 1 && team.hosts() != arguments.hosts) {
      throw skein::Error(skein::ExitCode::environment, "skein-bench: the team spans " + std::to_string(team.hosts()) +
                                                           " hosts; wanted " + std::to_string(arguments.hosts));
    }
    SkeinMember member(team);
    serve(member, team.rank() == 0 ? &channel : nullptr);
  });
}

}  // namespace bench
