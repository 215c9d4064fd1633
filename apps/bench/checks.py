#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what the checks of Skein cost a barrier and an allreduce of 2 ranks, and writes checks.md.

Builds copies of the committed tree that lack one check each, and interleaves them with the tree as it is, many starts of
skein-bench after each other: where a start's lines and stacks lie decides more than any check does. Nothing else should run
meanwhile; the builds take two minutes, and 60 starts as long.

usage: checks.py [--starts N] [--rounds N] [--output FILE.md]
"""
import argparse
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FOLDER = ROOT / "build" / "checks"
KINDS = ("barrier", "allreduce")

EXCHANGE = "include/skein/team/exchange.hpp"
ROLL_CALL = "include/skein/team/roll_call.hpp"
# What stands beside Skein as it is: of which file what is replaced by what, and a setting.
VARIANTS = {
    "the same build again": ([], ""),
    "no signatures, so no mismatch is found": ([
        (EXCHANGE, "    line.signature = signature;\n", ""),
        (EXCHANGE, "    signature_ = signature;\n", ""),
        (EXCHANGE, "    if (peer.line(episode).signature == signature_) [[likely]]\n", "    if (true)\n")], ""),
    "no roll-call, so no report says what the ranks do": ([
        (ROLL_CALL, "    RollCallLine<Policy>& line = *line_;", "    return;\n    RollCallLine<Policy>& line = *line_;")], ""),
    "`SKEIN_STALL=off`, so nothing is judged": ([], "SKEIN_STALL=off"),
}


def build(number, edits):
    """skein-bench of the committed tree with these edits."""
    folder = FOLDER / f"tree{number}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    for name, before, after in edits:
        path = folder / name
        text = path.read_text()
        if text.count(before) != 1:
            sys.exit(f"checks.py: {name} does not hold this once any more, so it cannot be taken out:\n{before}")
        path.write_text(text.replace(before, after))
    done = subprocess.run(["scripts/build", "bench", "skein-bench"], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"checks.py: the build in {folder} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return folder / "build" / "bench" / "apps" / "bench" / "skein-bench"


def wrapper(number, program, environment):
    """A program of a name of its own for each contender, as skein-bench knows them by their names."""
    path = FOLDER / f"contender{number}"
    path.write_text(f'#!/bin/sh\nexec env {environment} "{program}" "$@"\n')
    path.chmod(0o755)
    return path


def start(program, kind, rounds, contenders):
    """Time of each contender over that of the program, medians over the rounds of one start; and the whole answer."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [str(program), kind, "--ranks", "2", "--processes", "1", "--only", "skein", "--rounds", str(rounds)]
        for path in contenders.values():
            command += ["--contender", str(path)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SKEIN_")}
        done = subprocess.run([*command, "--json", file.name], capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            sys.exit(f"checks.py: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        answer = json.loads(pathlib.Path(file.name).read_text())
    ratios = {row["contender"]: row["ratio_to_skein"] for row in answer["results"]}
    return {name: ratios[str(path)] or math.nan for name, path in contenders.items()}, answer


def spread(ratios):
    """Says of how many starts it is where not of all."""
    clean = [ratio for ratio in ratios if not math.isnan(ratio)]
    if len(clean) < 2:
        return "-"
    low, _, high = statistics.quantiles(clean, n=4)
    of_some = f", of {len(clean)} starts" if len(clean) < len(ratios) else ""
    return f"{statistics.median(clean):.3f} [{low:.3f} .. {high:.3f}]{of_some}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=20, help="of each start")
    parser.add_argument("--output", default=str(HERE / "checks.md"))
    options = parser.parse_args()
    if options.starts < 2:
        parser.error("--starts: at least 2")

    def say(text):
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    programs = {}  # by their edits
    contenders = {}
    for name, (edits, environment) in VARIANTS.items():
        if str(edits) not in programs:
            say(f"building: {name}")
            programs[str(edits)] = build(len(programs), edits)
        contenders[name] = wrapper(len(contenders), programs[str(edits)], environment)
    unchanged = programs[str([])]
    ratios = {kind: {name: [] for name in contenders} for kind in KINDS}
    for i in range(options.starts):
        for kind in KINDS:
            say(f"start {i + 1} of {options.starts}: {kind}")
            measured, answer = start(unchanged, kind, options.rounds, contenders)
            for name, ratio in measured.items():
                ratios[kind][name].append(ratio)
    say("")

    rows = [f"| {name} | " + " | ".join(spread(ratios[kind][name]) for kind in KINDS) + " |" for name in contenders]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, check=True, capture_output=True,
                            text=True).stdout.strip()
    text = "\n".join(["| instead of Skein as it is | " + " | ".join(KINDS) + " |", "|---|" + "---|" * len(KINDS), *rows])
    pathlib.Path(options.output).write_text(f"""# What the checks cost

Time of Skein without a check over that with all of them, 2 ranks on threads, medians [quartiles] over {options.starts} starts of the
median over {options.rounds} interleaved rounds. What the checks cost is what is missing to 1; what the same build differs from
itself says how much of it is chance.

{text}

`apps/bench/checks.py --starts {options.starts} --rounds {options.rounds}` at {commit}, {answer['date'][:10]},
{answer['machine'].get('cpu', '')}, {answer['compiler']}.
""")
    print(f"{text}\nwrote {options.output}")


if __name__ == "__main__":
    main()
