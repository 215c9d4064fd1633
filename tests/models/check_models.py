#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Explores the models of this folder with Spin, exhaustively, and requires that they hold and that their mutants fail.

A model names the files it stands for, and marks its steps with the labels that the files define ("//   [post]  ..."). Both
sides must have the same labels. With --table it writes what was explored to a file instead of only printing it.

usage: check_models.py [--table FILE] [--jobs N] [MODEL...]        MODEL: exchange park ...; default: all
exit status: 0 all as expected, 1 not so, 6 Spin or a compiler is missing.
"""
import argparse
import concurrent.futures
import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TIME_OUT_S = 300  # of one exploration
MEMORY_MB = 4096

HOLDS, FAILS = "holds", "fails"

# model | definitions | what must come out. A mutant that only the weaker memory shows must hold without it: that is the
# proof that the store buffers are what finds it.
CASES = """
exchange   | ALL_TO_ALL RANKS=2 EPISODES=7                              | holds
exchange   | ALL_TO_ALL RANKS=3 EPISODES=5                              | holds
exchange   | ALL_TO_ALL RANKS=4 EPISODES=3                              | holds
exchange   | GATHER_RELEASE RANKS=2 EPISODES=7                          | holds
exchange   | GATHER_RELEASE RANKS=3 EPISODES=5                          | holds
exchange   | LEVELS RANKS=4 EPISODES=4                                  | holds
exchange   | ALL_TO_ALL M_EPISODE_FIRST                                 | fails
exchange   | ALL_TO_ALL M_SHORT_RING                                    | fails
exchange   | GATHER_RELEASE M_EPISODE_FIRST                             | fails
exchange   | GATHER_RELEASE M_SHORT_RING                                | fails
exchange   | GATHER_RELEASE M_SKIP_CHILD                                | fails
exchange   | LEVELS RANKS=4 EPISODES=3 M_EARLY_RELEASE                  | fails
exchange   | LEVELS RANKS=4 EPISODES=3 M_EARLY_ASCEND                   | fails
park       | EPISODES=4                                                 | holds
park       | EPISODES=4 ABORT                                           | holds
park       | EPISODES=3 TSO                                             | holds
park       | EPISODES=3 TSO ABORT                                       | holds
park       | EPISODES=3 SPURIOUS                                        | holds
park       | EPISODES=3 SPURIOUS ABORT TSO                              | holds
park       | M_RING_BEFORE_POST                                         | fails
park       | M_RING_BEFORE_POST SPURIOUS                                | holds
park       | M_LATE_ANNOUNCE                                            | fails
park       | M_BELL_AFTER_LOOK                                          | fails
park       | M_WAKE_WITHOUT_RING                                        | fails
park       | M_SLEEP_WITHOUT_COMPARE                                    | fails
park       | ABORT M_RING_BEFORE_ABORT                                  | fails
park       | M_PLAIN_POST TSO                                           | fails
park       | M_PLAIN_POST                                               | holds
park       | M_PLAIN_ANNOUNCE TSO                                       | fails
park       | M_PLAIN_ANNOUNCE                                           | holds
abort      | RANKS=3 PIECES=1                                           | holds
abort      | RANKS=3 PIECES=2                                           | holds
abort      | RANKS=2 PIECES=3 TSO                                       | holds
abort      | RANKS=3 PIECES=1 TSO                                       | holds
abort      | M_TWO_RECORDERS                                            | fails
abort      | M_ABORT_BEFORE_RECORD                                      | fails
abort      | M_LEAVE_AT_ONCE                                            | fails
abort      | M_QUIET_BEFORE_ABORT                                       | fails
abort      | M_LOOK_BEFORE_FLAG                                         | fails
abort      | M_NO_CLOSING_EXCHANGE                                      | fails
abort      | M_PLAIN_FLAG TSO                                           | fails
abort      | M_PLAIN_FLAG PIECES=1                                      | holds
abort      | M_PLAIN_ABORT TSO                                          | fails
abort      | M_PLAIN_ABORT PIECES=1                                     | holds
rendezvous | PROCESSES=2                                                | holds
rendezvous | PROCESSES=4                                                | holds
rendezvous | M_LAST_DECISION_HOLDS                                      | fails
rendezvous | M_OPEN_AFTER_TIMEOUT                                       | fails
rendezvous | M_OWN_VERDICT                                              | fails
rendezvous | M_ARRIVE_BEFORE_MISSING                                    | fails
attach     | PEERS=1                                                    | holds
attach     | PEERS=4                                                    | holds
attach     | PEERS=4 DEATHS                                             | holds
attach     | M_LISTEN_AFTER_OFFER                                       | fails
attach     | M_COUNT_BEFORE_ALL_KNOW                                    | fails
attach     | M_ANSWER_ALL                                               | fails
hosts      | HOSTS=2 PAIRED=2 EPISODES=5                                | holds
hosts      | HOSTS=3 PAIRED=2 EPISODES=5                                | holds
hosts      | HOSTS=4 PAIRED=4                                           | holds
hosts      | HOSTS=5 PAIRED=4                                           | holds
hosts      | HOSTS=4 PAIRED=4 MOST_AHEAD=1                              | fails
hosts      | HOSTS=3 PAIRED=2 M_NO_ANSWER                               | fails
hosts      | HOSTS=4 PAIRED=4 M_RECEIVE_FIRST                           | fails
hosts      | HOSTS=4 PAIRED=4 M_STOP_A_ROUND_EARLY                      | fails
"""

DEFINED = re.compile(r"^//\s+\[([a-z][a-z-]*)\]\s{2,}\S")
MARKED = re.compile(r"\[([a-z][a-z-]*)\]")
STANDS_FOR = re.compile(r"^// Stands for\s+(.*)$", re.MULTILINE)


def cases():
    for line in CASES.strip().splitlines():
        model, definitions, expected = (column.strip() for column in line.split("|"))
        yield model, definitions.split(), expected


def explore(case):
    """(case, outcome, states, what Spin says of it). The outcome is neither of the two when the search is not complete."""
    model, definitions, _ = case
    flags = [f"-D{definition}" for definition in definitions]
    with tempfile.TemporaryDirectory(prefix="skein-model-") as folder:
        def run(*command):
            return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=TIME_OUT_S, check=False)

        generated = run("spin", "-a", *flags, str(HERE / f"{model}.pml"))
        if generated.returncode != 0 or "Error" in generated.stdout:
            return case, "is no model", 0, generated.stdout
        # Without -w, GCC speaks of Spin's own code.
        compiled = run("cc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c")
        if compiled.returncode != 0:
            return case, "does not compile", 0, compiled.stdout
        try:
            output = run("./pan", "-m1000000").stdout
        except subprocess.TimeoutExpired:
            return case, "takes too long", 0, ""
    errors = re.search(r"errors: (\d+)", output)
    states = re.search(r"(\d+) states, stored", output)
    if not errors or not states:
        return case, "says nothing", 0, output
    count = int(states.group(1))
    if int(errors.group(1)) > 0:
        why = re.search(r"^pan:1: (.*?) \(at depth", output, re.MULTILINE)
        return case, FAILS, count, why.group(1) if why else output
    if "search depth too small" in output or "Search not completed" in output or "out of memory" in output:
        return case, "is not explored completely", count, output
    return case, HOLDS, count, ""


def comments_of(text):
    for line in text.splitlines():
        for comment in re.findall(r"//(.*)$|/\*(.*?)\*/", line):
            yield "".join(comment)


def labels_defined(text):
    return {match.group(1) for line in text.splitlines() if (match := DEFINED.match(line))}


def labels_marked(text):
    return {label for comment in comments_of(text) for label in MARKED.findall(comment)}


def label_faults(models, source_of):
    """One line for every label that one side has and the other lacks. `models`: name -> text."""
    faults = []
    marked = {}  # file -> labels of the models that stand for it
    for name, text in models.items():
        named = STANDS_FOR.search(text)
        if not named:
            faults.append(f"{name}: does not say which files it stands for")
            continue
        files = [file.strip() for file in named.group(1).split(",")]
        defined = set()
        for file in files:
            of_file = labels_defined(source_of(file))
            if not of_file:
                faults.append(f"{name}: {file} defines no labels")
            defined |= of_file
            marked.setdefault(file, set()).update(labels_marked(text))
        faults += [f"{name}: [{label}] is defined in none of {', '.join(files)}" for label in
                   sorted(labels_marked(text) - defined)]
    for file, labels in marked.items():
        faults += [f"{file}: [{label}] is in no model" for label in sorted(labels_defined(source_of(file)) - labels)]
    return faults


def check_the_check():
    """A label that only one side has must be found, on either side."""
    source = "//   [post]  a store\n//   [see]  a load\n"
    good = "// Stands for  a.hpp\nx = 1  // [post]\n y == 1  /* [see] */\n"
    assert label_faults({"good": good}, lambda _: source) == []
    assert len(label_faults({"less": good.replace("[see]", "")}, lambda _: source)) == 1
    assert len(label_faults({"more": good + "z = 1  // [ring]\n"}, lambda _: source)) == 1
    assert len(label_faults({"none": "x = 1"}, lambda _: source)) == 1


def table(results):
    version = subprocess.run(["spin", "-V"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    lines = ["# What the models explore", "",
             f"Written by `tests/models/check_models.py --table FILE` on {datetime.date.today()}, {version}: all reachable",
             "states of each model, safety and progress. Models without a mutant must hold; mutants (`M_...`) must fail, but for",
             "those that must hold: what only store buffers (`TSO`) show holds without them, and spurious wake-ups hide a lost",
             "one.", "",
             "| model | definitions | outcome | states | why |", "|---|---|---|---:|---|"]
    for (model, definitions, _), outcome, states, why in results:
        lines.append(f"| {model} | `{' '.join(definitions)}` | {outcome} | {states:,} | {why.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--table", metavar="FILE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    for tool in ("spin", "cc"):
        if not shutil.which(tool):
            print(f"check_models: {tool} is missing; scripts/install_packages test installs it", file=sys.stderr)
            return 6
    all_models = {path.stem: path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.pml"))}
    chosen = [case for case in cases() if not args.models or case[0] in args.models]
    if unknown := set(args.models) - set(all_models):
        parser.error(f"no such model: {', '.join(sorted(unknown))}; there are {', '.join(all_models)}")

    check_the_check()
    faults = label_faults(all_models, lambda file: (ROOT / file).read_text(encoding="utf-8"))
    faults += [f"{name}: no case explores it" for name in sorted(set(all_models) - {case[0] for case in cases()})]
    for name, text in all_models.items():
        tried = {definition for case in cases() if case[0] == name for definition in case[1]}
        faults += [f"{name}: no case tries {mutant}" for mutant in
                   sorted(set(re.findall(r"#ifn?def (M_[A-Z_]+)", text)) - tried)]
    for fault in faults:
        print(fault)

    results = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for result in pool.map(explore, chosen):
            (model, definitions, expected), outcome, states, why = result
            is_good = outcome == expected
            print(f"{'ok    ' if is_good else 'FAILED'} {model:10} {' '.join(definitions):58} {outcome:6} {states:>11,} states  "
                  f"{why if is_good else f'wanted: {expected}' + chr(10) + why}".rstrip(), flush=True)
            if not is_good:
                faults.append(model)
            results.append(result)
    if args.table and not faults:
        pathlib.Path(args.table).write_text(table(results), encoding="utf-8")
    print(f"check_models: {len(results)} explorations, {sum(r[2] for r in results):,} states, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
