#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures every collective beside MPI's, from 8 bytes to 16 MiB, and writes collectives.md and collectives.png.

Runs skein-bench once for each collective, size and team, one after the other: 2 ranks as 1 x 2 and 2 x 1 (processes x ranks in
each), and 4 ranks as 2 x 2. Nothing else should run meanwhile; ten minutes.

usage: collectives.py [--build DIR] [--rounds N] [--sizes BYTES,...] [--output FILE.md]
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
COLLECTIVES = ["bcast", "reduce", "allreduce", "scan", "allgather", "alltoall", "reduce_scatter", "iallreduce"]
SIZES = [8 << 3 * i for i in range(8)]  # 8 B to 16 MiB
LAYOUTS = {"1 x 2": (2, 1), "2 x 1": (2, 2), "2 x 2": (4, 2)}
LINES = {"1 x 2": ("tab:blue", "o"), "2 x 1": ("tab:green", "s"), "2 x 2": ("tab:red", "^")}


def measure(program, collective, size, ranks, rounds):
    """{(contender, layout): median ns}, and the whole answer."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [program, collective, "--ranks", str(ranks), "--rounds", str(rounds), "--only", "skein,mpi"]
        command += ["--json", file.name]
        if collective != "barrier":
            command += ["--count", str(size // 8)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"collectives.py: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        answer = json.loads(pathlib.Path(file.name).read_text())
    rows = [row for row in answer["results"] if row["benchmark"] == collective]
    times = {}
    for row in rows:
        layout = f"{row['processes']} x {row['ranks'] // row['processes']}"
        if row["contender"] in ("skein", "mpi"):
            times[row["contender"], layout] = row["median_ns"]
    return times, answer


def text_of(size):
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size // factor} {unit}"
    return f"{size} B"


def time_of(ns):
    if ns is None or math.isnan(ns):
        return "-"
    for unit, factor in (("ms", 1e6), ("us", 1e3)):
        if ns >= factor:
            return f"{ns / factor:.3g} {unit}"
    return f"{ns:.3g} ns"


def collect(program, sizes, rounds):
    """results[collective][size][layout] = (Skein's ns, MPI's ns with as many processes as ranks); and one answer."""
    jobs = [("barrier", 0)] + [(collective, size) for collective in COLLECTIVES for size in sizes]
    results = {}
    answer = {}
    for i, (collective, size) in enumerate(jobs):
        if sys.stderr.isatty():
            print(f"\r\x1b[K{i} of {len(jobs)}: {collective} {text_of(size)}", end="", file=sys.stderr)
        entry = results.setdefault(collective, {}).setdefault(size, {})
        for ranks in (2, 4):
            times, answer = measure(program, collective, size, ranks, rounds)
            for layout, (its_ranks, _) in LAYOUTS.items():
                if its_ranks == ranks and ("skein", layout) in times:
                    entry[layout] = (times["skein", layout], times.get(("mpi", f"{ranks} x 1"), math.nan))
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return results, answer


def draw(results, path):
    figure, axes = plt.subplots(2, 4, figsize=(15, 7.2), sharex=True, layout="constrained")
    for axis, collective in zip(axes.flat, COLLECTIVES):
        sizes = sorted(results[collective])
        for layout, (color, marker) in LINES.items():
            rows = [results[collective][size].get(layout, (math.nan, math.nan)) for size in sizes]
            axis.loglog(sizes, [row[0] / 1e3 for row in rows], color=color, marker=marker, label=f"Skein {layout}")
            if layout != "1 x 2":
                axis.loglog(sizes, [row[1] / 1e3 for row in rows], color=color, marker=marker, markerfacecolor="none",
                            linestyle="--", label=f"MPI {LAYOUTS[layout][0]} x 1")
        axis.set_title(collective)
        axis.grid(alpha=0.3)
    for axis in axes[1]:
        axis.set_xlabel("bytes a rank gives or gets")
    for axis in axes[:, 0]:
        axis.set_ylabel("time per operation, us")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.get_layout_engine().set(rect=(0, 0.05, 1, 0.95))  # leaves room for the legend below
    figure.legend(handles, labels, loc="lower center", ncols=len(labels))
    figure.savefig(path, dpi=110)


def table(results):
    lines = ["| collective | bytes | " + " | ".join(f"Skein {layout} | / MPI" for layout in LAYOUTS) + " |",
             "|---|---|" + "---|---|" * len(LAYOUTS)]
    for collective, by_size in results.items():
        for size, entry in sorted(by_size.items()):
            cells = []
            for layout in LAYOUTS:
                ours, theirs = entry.get(layout, (math.nan, math.nan))
                cells += [time_of(ours), "-" if math.isnan(ours / theirs) else f"{ours / theirs:.2f}"]
            lines.append(f"| {collective} | {text_of(size) if size else ''} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(HERE.parent.parent / "build" / "release"))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="bytes, multiples of 8")
    parser.add_argument("--output", default=str(HERE / "collectives.md"))
    options = parser.parse_args()
    program = f"{options.build}/apps/bench/skein-bench"
    if not pathlib.Path(program).exists():
        sys.exit(f"collectives.py: {program} does not exist; build it: scripts/build release skein-bench")
    results, answer = collect(program, [int(size) for size in options.sizes.split(",")], options.rounds)
    output = pathlib.Path(options.output)
    picture = output.with_suffix(".png")
    draw(results, picture)
    machine = answer["machine"]
    output.write_text(f"""# Collectives beside MPI's

Median time per operation, and the same over that of MPI with a process per rank in the fastest of its settings, of interleaved
rounds, from 8 bytes to 16 MiB that a rank gives or gets, all its parts together. From 65 doubles up buffers are rewritten before
they are used. Skein synchronises in every collective, MPI in some only; roots take turns. On this machine, 4 ranks share 2 CPUs.

![Time per operation by size]({picture.name})

{table(results)}

`apps/bench/collectives.py --rounds {options.rounds}`, {answer['date'][:10]}, {machine.get('cpu', '')}, {answer['compiler']}.
Ratios below 1 are Skein's gain; above 1, its loss.
""")
    print(f"wrote {output} and {picture}")


if __name__ == "__main__":
    main()
