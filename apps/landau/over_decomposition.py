#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what it buys, or costs, to cut landau into more ranks than there are lanes: interleaved short runs on three grids, on
one host of 2 lanes and on two hosts of 1 lane (mpirun, SKEIN_HOST=process). Nothing else should run meanwhile.

    apps/landau/over_decomposition.py --program build/release/apps/landau/landau [--rounds 15] [--mpiexec mpirun]

Writes a Markdown table. A cell: the time of a step over that with one rank per lane, median of the rounds' ratios, and its
quartiles. The grids' arrays lie in the first-level caches, in the second-level ones, and in memory.
"""
import argparse
import statistics
import tempfile

from step_time import us_per_step

GRIDS = {(32, 128): 5000, (256, 1024): 300, (1024, 4096): 20}  # steps that take a tenth of a second and more
RANKS_PER_LANE = (1, 2, 4, 16)
LAYOUTS = {"1 host of 2 lanes": (1, 2), "2 hosts of 1 lane": (2, 1)}  # processes, lanes of each


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--mpiexec", default="mpirun")
    options = parser.parse_args()
    heads = [f"{ranks} ranks a lane" for ranks in RANKS_PER_LANE[1:]]
    print(f"| points | layout | 1 rank a lane, us | {' | '.join(heads)} |")
    print(f"|---|---|---:|{'---|' * len(heads)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for grid, steps in GRIDS.items():
            for layout, (processes, lanes) in LAYOUTS.items():
                times = {ranks: [] for ranks in RANKS_PER_LANE}
                for _ in range(options.rounds):
                    for ranks in RANKS_PER_LANE:
                        settings = {"SKEIN_LANES": str(lanes), "SKEIN_HOST": "process"}
                        times[ranks].append(us_per_step(options.program, grid, steps, folder, ranks * lanes, processes,
                                                        options.mpiexec, settings))
                cells = []
                for ranks in RANKS_PER_LANE[1:]:
                    low, middle, high = statistics.quantiles(
                        [many / one for many, one in zip(times[ranks], times[1])], n=4)
                    cells.append(f"{middle:.2f} ({low:.2f} to {high:.2f})")
                alone = statistics.median(times[1])
                print(f"| {grid[0]} x {grid[1]} | {layout} | {alone:.3g} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
