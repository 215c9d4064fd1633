# SPDX-License-Identifier: Apache-2.0
"""How long a step of landau takes in a given layout, by one short run of the program."""
import json
import os
import subprocess

CONFIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../configs/landau/damping-k0.5.toml")
STEP = 0.05


def us_per_step(program, grid, steps, folder, ranks, processes=1, mpiexec="mpirun", settings=None):
    """Microseconds; `ranks` are those of each process, `settings` more variables of the environment."""
    values = {"grid.points_x": grid[0], "grid.points_v": grid[1], "time.step": STEP, "time.end": steps * STEP, "fit.kind": "none",
              "output.plots": "false", "output.snapshots": 0, "output.moments_every": steps * STEP}
    command = [program, CONFIG, "--out", folder]
    for key, value in values.items():
        command += ["--set", f"{key}={value}"]
    if processes > 1:
        command = [mpiexec, "-n", str(processes), *command]
    env = dict(os.environ, SKEIN_RANKS=str(ranks), OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
               OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_hwloc_base_binding_policy="none", **(settings or {}))
    subprocess.run(command, env=env, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    with open(os.path.join(folder, "summary.json")) as file:
        return 1e6 / json.load(file)["steps_per_second"]
