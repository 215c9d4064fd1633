// SPDX-License-Identifier: Apache-2.0
//
// One run from start to end: what main() hands to Runtime::run, and what is left of it for the analysis.
#pragma once

#include <skein/skein.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "landau/config.hpp"
#include "landau/numerics/field.hpp"
#include "landau/numerics/moments.hpp"

namespace landau {

/// The state as a whole at one time.
struct Look {
  double time = 0;
  Moments moments;
  double field_energy = 0;
  double energy() const { return moments.kinetic + field_energy; }
};

/// Filled by rank 0, in its process. All but the timing has the same bits for every layout.
struct Record {
  std::vector<FieldMoments> field;  // after 0, 1, 2, ... steps
  std::vector<Look> looks;
  std::vector<double> snapshot_times;
  std::uint64_t snapshots_offset = 0;  // of the first value of f in snapshots.h5

  std::string layout;
  double elapsed_s = 0;      // of the steps, without the writing of snapshots
  double share_waiting = 0;  // of all ranks' time
};

/// The snapshots' file in the folder of a run: /f [snapshot][x][v], /x, /v, /time.
inline constexpr const char* kSnapshotFile = "snapshots.h5";

/// *Collective.* Runs the simulation; rank 0 shows its progress, writes the snapshots to `folder` and fills `record`.
/// Throws io errors in rank 0.
void simulate(skein::Team& team, const Config& config, const std::filesystem::path& folder, Record& record);

}  // namespace landau
