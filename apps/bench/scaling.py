#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Derives what a barrier would cost on machines that are not here, from what links cost on this one.

Runs skein-bench-links RUNS times, between threads and under mpirun in turn, takes medians and quartiles, and writes
scaling.md: a model, not a measurement. Levels that this machine does not have are stated multiples of those it has.

usage: scaling.py [--build DIR] [--runs N] [--output FILE]
"""
import argparse
import datetime
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

# The machine of the tables: 8 cores under an L3, 4 L3s in a NUMA domain, up to 8 domains in a host.
CORES_PER_L3, L3S_PER_NUMA = 8, 4
# Line transfers between L3s of a domain and between domains, in transfers within one L3: published core-to-core
# latencies of two-socket servers lie between 2 and 3, and between 3 and 5. Assumed here, not measured.
NUMA_FACTOR, HOST_FACTOR = 2.5, 4.0
# Small messages, one way. The first is measured; the others are assumed round figures.
FABRIC_NS, ETHERNET_NS = 1_500.0, 25_000.0

RANKS = [1, 2, 4, 8, 16, 32, 64, 128, 256]
HOSTS = [1, 2, 3, 4, 16, 64, 256, 1024]


def measure(build, runs):
    """Samples of each quantity of skein-bench-links."""
    program = build / "apps" / "bench" / "skein-bench-links"
    if not program.exists():
        sys.exit(f"scaling.py: {program} does not exist; build it: scripts/build release skein-bench-links")
    launcher = shutil.which("mpirun")
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    samples = {}
    for run in range(runs):
        for command in [[program]] + ([[launcher, "-n", "2", program]] if launcher else []):
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            if done.returncode != 0:
                sys.exit(f"scaling.py: {' '.join(map(str, command))} failed:\n{done.stderr}")
            for name, value in json.loads(done.stdout).items():
                samples.setdefault(name, []).append(value)
        if sys.stderr.isatty():
            print(f"\r{run + 1} of {runs} runs", end="\n" if run + 1 == runs else "", file=sys.stderr)
    return samples


def level_ns(members, line_ns, further_ns):
    """Gather to a leader and release by it: two hops, each with the lines or readers that overlap."""
    return 0.0 if members < 2 else 2 * (line_ns + (members - 2) * further_ns)


def host_ns(ranks, line, further):
    """The levels of one host, as src/team/pattern.cpp forms them."""
    if ranks == 1:
        return 0.0
    if ranks <= 4:
        return line + 2 * (ranks - 2) * further  # all to all
    in_l3 = min(ranks, CORES_PER_L3)
    in_numa = min(math.ceil(ranks / CORES_PER_L3), L3S_PER_NUMA)
    in_host = math.ceil(ranks / (CORES_PER_L3 * L3S_PER_NUMA))
    return (level_ns(in_l3, line, further) + level_ns(in_numa, NUMA_FACTOR * line, NUMA_FACTOR * further) +
            level_ns(in_host, HOST_FACTOR * line, HOST_FACTOR * further))


def hosts_ns(hosts, message):
    """Recursive doubling; hosts beyond a power of two add a message each way."""
    rounds = int(math.log2(hosts))
    return message * (rounds + (0 if hosts == 2**rounds else 2))


def barrier_ns(ranks, hosts, line, further, message):
    # A team of several hosts gathers and releases even where few ranks would read each other.
    inside = host_ns(ranks, line, further) if hosts == 1 or ranks > 4 else level_ns(ranks, line, further)
    return inside + hosts_ns(hosts, message)


def as_time(ns):
    return f"{ns:.0f} ns" if ns < 1000 else f"{ns / 1000:.1f} us"


def table(title, message, line, further):
    rows = [f"| ranks per host | {' | '.join(f'{hosts} host' + ('s' if hosts > 1 else '') for hosts in HOSTS)} |",
            "|---|" + "---|" * len(HOSTS)]
    for ranks in RANKS:
        rows.append(f"| {ranks} | " + " | ".join(
            as_time(barrier_ns(ranks, hosts, line, further, message)) for hosts in HOSTS) + " |")
    return f"### {title}\n\n" + "\n".join(rows) + "\n"


def cpu_name():
    for line in open("/proc/cpuinfo", encoding="utf-8"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown CPU"


def page(samples, runs):
    median = {name: statistics.median(values) for name, values in samples.items()}

    def spread(name, unit="ns"):
        low, _, high = statistics.quantiles(samples[name], n=4)
        return f"{median[name]:.4g} {unit} | {low:.4g} to {high:.4g}"
    line, further = median["line_ns"], max(0.0, median["further_line_ns"])
    message = median.get("message_ns", FABRIC_NS)
    links = [("a cache line handed over, t", spread("line_ns"), "measured"),
             ("each further line of the same hop, c", spread("further_line_ns"), "measured")]
    if "message_ns" in samples:
        links += [("an MPI message without bytes through shared memory, one way", spread("message_ns"), "measured"),
                  ("each byte of a message of 1 MiB", spread("byte_ns"), "measured")]
    links += [("a line between L3s of a NUMA domain", f"{NUMA_FACTOR} t | ", "assumed"),
              ("a line between NUMA domains", f"{HOST_FACTOR} t | ", "assumed"),
              ("a message on a fast fabric, one way", f"{FABRIC_NS:.0f} ns | ", "assumed"),
              ("a message on Ethernet with TCP, one way", f"{ETHERNET_NS:.0f} ns | ", "assumed")]
    rows = "\n".join(f"| {what} | {value} | {how} |" for what, value, how in links)
    return f"""# What larger machines would cost: a model

**Nothing in the tables below was measured.** They are computed from the cost of single links, of which some were measured
on the machine named here and some are assumed. They say how the cost grows, and where it lies; not what a machine will do.

Written by `apps/bench/scaling.py` from {runs} runs of `skein-bench-links` on {datetime.date.today()}, {cpu_name()},
{os.cpu_count()} CPUs.

| link | median | quartiles | |
|---|---|---|---|
{rows}

## How the cost is made up

| level | cost of a barrier, last arrival to last departure |
|---|---|
| up to 4 ranks under one L3, one host | everyone reads everyone: t + 2 (p - 2) c |
| a group of f ranks (L3, NUMA domain, host) | its leader reads f - 1 lines, f - 1 ranks poll a release line: 2 (t + (f - 2) c), with t and c of that level |
| h hosts | recursive doubling: floor(log2 h) messages one after the other, two more when h is no power of two |

The machine of the tables has {CORES_PER_L3} cores under each L3 and {L3S_PER_NUMA} L3s in each NUMA domain; `SKEIN_PATTERN=auto` forms its
groups so. Left out: late ranks, noise of the system, contention between hosts for the network, and MPI's own work on top of a
message (a barrier of 2 hosts x 1 rank beside `MPI_Barrier`: `skein-bench hosts`).

What an allreduce of up to 48 bytes adds: a message carries the partial results of its hosts, one where hosts hold 2^k
neighbouring ranks, at most 4 log2 p for other neighbours. **scan, and gathers and all-to-alls of small values, carry the values
of all ranks to all hosts: at 256 ranks x 1,024 hosts, 262,144 values of up to 56 bytes, 14 MB a call.**

{table("Messages through shared memory, as measured here", message, line, further)}
{table(f"A fast fabric, {FABRIC_NS / 1000:g} us a message (assumed)", FABRIC_NS, line, further)}
{table(f"Ethernet with TCP, {ETHERNET_NS / 1000:g} us a message (assumed)", ETHERNET_NS, line, further)}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build" / "release")
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--output", type=pathlib.Path, default=HERE / "scaling.md")
    options = parser.parse_args()
    if options.runs < 2:
        parser.error("--runs: at least 2, for quartiles")
    options.output.write_text(page(measure(options.build, options.runs), options.runs), encoding="utf-8")
    print(f"written: {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
