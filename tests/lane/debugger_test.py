#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""debugger_test.py PROGRAM SKEIN_GDB: what gdb tells of the ranks of a program that has stopped, and of its core file.

Fails when a rank is not listed, is said to run when it waits or the other way round, when its backtrace is another rank's or
ends early, and when the program does not go on as if nobody had looked.
"""
import os
import re
import subprocess
import sys
import tempfile

PROGRAM, SCRIPT = sys.argv[1:3]
RANKS = 6
failures = []


def check(what, holds, seen):
    if not holds:
        failures.append(f"{what}\n--- seen:\n{seen}")


def gdb(*commands, arguments=(), lanes="1"):
    command = ["gdb", "-q", "-nx", "-batch", "-iex", "set debuginfod enabled off"]
    # With less address space for shared arrays the core file is written in no time: gdb reads untouched memory as well.
    for one in ("set exec-wrapper prlimit --as=600000000", *commands):
        command += ["-ex", one]
    command += arguments
    environment = dict(os.environ, SKEIN_RANKS=str(RANKS), SKEIN_LANES=lanes, SKEIN_CPU_LOCKS="0")
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    return result.stdout + result.stderr


def judge(text, what, running):
    lines = dict(re.findall(r"^rank (\d+) +LWP \d+ +(runs|waits) ", text, re.MULTILINE))
    check(f"{what}: all ranks are listed", sorted(map(int, lines)) == list(range(RANKS)), text)
    check(f"{what}: rank 2 runs", lines.get("2") == "runs", text)
    waiting = sum(state == "waits" for state in lines.values())
    check(f"{what}: the others wait for their turn", waiting == RANKS - running, text)
    traces = re.split(r"^rank (\d+), (?:running|waiting for its turn) on LWP \d+:$", text, flags=re.MULTILINE)[1:]
    check(f"{what}: {RANKS} backtraces", len(traces) == 2 * RANKS, text)
    for rank, trace in zip(traces[::2], traces[1::2]):
        depth = len(re.findall(r"^#\d+ .*wait_at_depth", trace, re.MULTILINE))
        check(f"{what}: rank {rank} is at its own depth", depth == int(rank) + 1, trace)


def main():
    with tempfile.TemporaryDirectory() as folder:
        core = os.path.join(folder, "core")
        look = (f"source {SCRIPT}", "info ranks", "rank all")
        for lanes, running in (("1", 1), ("each", RANKS)):
            text = gdb("run", *look, f"gcore {core}", "continue", arguments=["--args", PROGRAM], lanes=lanes)
            judge(text, f"{lanes} lane, living", running)
            check("the program ends well afterwards", "exited normally" in text, text)
            judge(gdb(*look, arguments=[PROGRAM, core]), f"{lanes} lane, core file", running)
        text = gdb("run", f"source {SCRIPT}", "rank 77", "rank x", "rank 4 up", arguments=["--args", PROGRAM])
        check("a rank that is not there", "there is no rank 77" in text, text)
        check("a rank that is no number", "rank N [COMMAND]" in text, text)
        check("any command", "rank 4, waiting for its turn" in text, text)
        text = gdb("start", f"source {SCRIPT}", "info ranks", arguments=["--args", PROGRAM])
        check("before the first run", "no ranks have been started yet" in text, text)
    for failure in failures:
        print(failure, file=sys.stderr)
    sys.exit(1 if failures else 0)


main()
