#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures how much faster landau is on 2 ranks than on 1: interleaved short runs on two grids, as 1 process x 2 ranks and,
with --mpiexec, as 2 processes x 1 rank. Nothing else should run meanwhile.

    apps/landau/speed_up.py --program build/release/apps/landau/landau [--rounds 15] [--mpiexec mpirun]

A row: median time per step on 1 rank and on 2, and the median, the quartiles and the largest of the rounds' ratios. On a
virtual machine the two CPUs may sit under different L3 caches for a while, which shows as rows with wide quartiles.
"""
import argparse
import statistics
import tempfile

from step_time import us_per_step

GRIDS = {(32, 128): 20000, (256, 1024): 400}  # steps that take a few tenths of a second


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--mpiexec")
    options = parser.parse_args()
    layouts = {"1 x 2": (2, 1)}
    if options.mpiexec:
        layouts["2 x 1"] = (1, 2)
    print("grid        layout   1 rank us   2 ranks us   speed-up   quartiles      largest")
    with tempfile.TemporaryDirectory() as folder:
        for grid, steps in GRIDS.items():
            times = {name: [] for name in ("alone", *layouts)}
            for _ in range(options.rounds):
                times["alone"].append(us_per_step(options.program, grid, steps, folder, 1))
                for name, (ranks, processes) in layouts.items():
                    times[name].append(us_per_step(options.program, grid, steps, folder, ranks, processes, options.mpiexec))
            for name in layouts:
                ratios = [one / two for one, two in zip(times["alone"], times[name])]
                low, middle, high = statistics.quantiles(ratios, n=4)
                print(f"{grid[0]:3} x {grid[1]:<5} {name:>6} {statistics.median(times['alone']):11.2f} "
                      f"{statistics.median(times[name]):12.2f} {middle:10.2f}   {low:.2f} to {high:.2f}   {max(ratios):7.2f}", flush=True)


if __name__ == "__main__":
    main()
