// SPDX-License-Identifier: Apache-2.0
//
// The build without MPI.
#include <fmt/format.h>

#include "skein/mpi/world.hpp"

namespace skein {

std::unique_ptr<World> World::join(MpiUse use, ThreadNeed, std::optional<Communicator> comm) {
  if (comm) throw Error(ExitCode::environment, "a communicator was given, but this build has no MPI");
  if (use == MpiUse::on) {
    throw Error(ExitCode::environment, "SKEIN_MPI=on: this build has no MPI; configure it with -DSKEIN_WITH_MPI=ON");
  }
  const Launcher launcher = detect_launcher();
  if (use == MpiUse::automatic && launcher.processes > 1) {
    throw Error(
        ExitCode::environment,
        fmt::format("{} started {} processes, but this build has no MPI, so each would run alone; configure it with "
                    "-DSKEIN_WITH_MPI=ON, or set SKEIN_MPI=off to run them alone",
                    launcher.name, launcher.processes));
  }
  return solo_world();
}

}  // namespace skein
