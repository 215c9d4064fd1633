#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures how much faster landau is on 2 ranks than on 1: interleaved short runs on two grids, as 1 process x 2 ranks and,
with --mpiexec, as 2 processes x 1 rank. Nothing else should run meanwhile.

    apps/landau/speed_up.py --program build/release/apps/landau/landau [--rounds 15] [--mpiexec mpirun]

A row: median time per step on 1 rank and on 2, and the median, the quartiles and the largest of the rounds' ratios. On a
virtual machine the two CPUs may sit under different L3 caches for a while, which shows as rows with wide quartiles.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile

GRIDS = {(32, 128): 20000, (256, 1024): 400}  # steps that take a few tenths of a second
CONFIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../configs/landau/damping-k0.5.toml")
STEP = 0.05


def us_per_step(options, grid, steps, ranks, processes, folder):
    values = {"grid.points_x": grid[0], "grid.points_v": grid[1], "time.step": STEP, "time.end": steps * STEP, "fit.kind": "none",
              "output.plots": "false", "output.snapshots": 0, "output.moments_every": steps * STEP}
    command = [options.program, CONFIG, "--out", folder]
    for key, value in values.items():
        command += ["--set", f"{key}={value}"]
    if processes > 1:
        command = [options.mpiexec, "-n", str(processes), *command]
    env = dict(os.environ, SKEIN_RANKS=str(ranks), OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
               OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_hwloc_base_binding_policy="none")
    subprocess.run(command, env=env, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    with open(os.path.join(folder, "summary.json")) as file:
        return 1e6 / json.load(file)["steps_per_second"]


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
                times["alone"].append(us_per_step(options, grid, steps, 1, 1, folder))
                for name, (ranks, processes) in layouts.items():
                    times[name].append(us_per_step(options, grid, steps, ranks, processes, folder))
            for name in layouts:
                ratios = [one / two for one, two in zip(times["alone"], times[name])]
                low, middle, high = statistics.quantiles(ratios, n=4)
                print(f"{grid[0]:3} x {grid[1]:<5} {name:>6} {statistics.median(times['alone']):11.2f} "
                      f"{statistics.median(times[name]):12.2f} {middle:10.2f}   {low:.2f} to {high:.2f}   {max(ratios):7.2f}", flush=True)


if __name__ == "__main__":
    main()
