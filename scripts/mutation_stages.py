# SPDX-License-Identifier: Apache-2.0
"""The tests that mutants are tried by, in stages. Every test is first run without a mutant: what it takes then is the measure
of its time-out, and the mutants whose places it comes to are those that it is tried on."""
import json
import os
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from mutation_switches import REACHED, VARIABLE

JOBS = 2  # tests at once; those of teams wait more than they compute


@dataclass
class Test:
    """A test of CTest, or one GoogleTest of it."""
    name: str
    command: list
    environment: dict
    seconds: float = 0
    reached: set = field(default_factory=set)

    def passes(self, folder, most_s, log, settings):
        # The launcher of tests ends all processes of one at its time-out; `timeout` ends what it can.
        command = list(self.command)
        if "--timeout" in command:
            command[command.index("--timeout") + 1] = f"{most_s:.1f}"
        with open(log, "w") as output:
            return subprocess.run(["timeout", "-k", "5", f"{most_s + 30:.1f}", *command], cwd=folder, stdout=output,
                                  env=os.environ | self.environment | settings, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL).returncode == 0


@dataclass(frozen=True)
class Stage:
    name: str
    preset: str
    targets: tuple
    selection: str  # options of ctest
    is_split: bool = False  # into GoogleTests
    without: str = "^$"  # GoogleTests that are left out

    def tests(self, folder):
        listing = subprocess.run(["ctest", "--show-only=json-v1", *shlex.split(self.selection)], cwd=folder, check=True,
                                 capture_output=True, text=True).stdout
        for entry in json.loads(listing)["tests"]:
            properties = {each["name"]: each["value"] for each in entry["properties"]}
            environment = dict(pair.split("=", 1) for pair in properties.get("ENVIRONMENT", []))
            command = entry["command"]
            if not self.is_split:
                yield Test(entry["name"], command, environment)
                continue
            for name in google_tests(command[command.index("--") + 1]):
                if not re.search(self.without, name):
                    yield Test(f"{entry['name']} {name}", [*command, f"--gtest_filter={name}"], environment)


def google_tests(program):
    listing = subprocess.run([program, "--gtest_list_tests"], check=True, capture_output=True, text=True).stdout
    suite = ""
    for line in listing.splitlines():
        name = line.split("#")[0].strip()
        if not line.startswith(" "):
            suite = name
        elif name:
            yield suite + name


UNIT_TESTS = ("sync_turns", "sync_waiter", "sync_wakeup", "team_exchange", "team_roll_call", "team_pattern",
              "team_failure_meeting", "team_failure_calls", "team_failure", "team_failure_kinds", "team_misuse",
              "team_split", "team_rank_local", "team_nonblocking", "team_heap", "team_contended", "team_relay",
              "collectives_test")

STAGES = {stage.name: stage for stage in (
    Stage("unit tests", "release", UNIT_TESTS, f"-R '^({'|'.join(UNIT_TESTS)})$'", is_split=True),
    # Without those of more ranks that take longest.
    Stage("explorer", "release", ("team_explored",), "-R ^team_explored$", is_split=True, without="3_ranks_(?!all_to_all)"),
    Stage("thread sanitizer", "tsan",
          ("team_exchange", "collectives_program", "collectives_test", "team_nonblocking", "team_failure", "team_heap",
           "team_contended", "team_relay"),
          "-LE full -R '^(team_(exchange|nonblocking|failure|heap|contended|relay)|collectives.*)$'"),
    Stage("address sanitizer", "asan", UNIT_TESTS, f"-R '^({'|'.join(UNIT_TESTS)})$'", is_split=True),
    # A library that holds the switches of mutants is not unloaded any more, which lane_fp_environment wants of one.
    Stage("other tests", "release", (),
          "-LE 'full|check|timing' -E '^lane_fp_environment$' "
          "-R '^(team|collectives|no_alloc|scratch|shared|lane|barrier|runtime_(start|virtual|watchdog|moved))'"),
    Stage("tests between hosts", "release", (),
          r"-R '^(collectives\.hosts\.(3p\.2.1.3r|5p\.1.1.1.1.1r|0,1,1,2\.4p)|teams\.hosts\.(3p\.2.1.3r|0,0,1,1\.4p\.1.2)|"
          r"team_failure\.hosts\.(throw|all|mismatch|nonblocking)\.[03]\.2p).*auto$'"),
)}


class Trial:
    """The tests of a stage, in the build of its preset, as they are without a mutant."""

    def __init__(self, stage, folder, log_of, mutants):
        self.stage, self.folder, self.log_of = stage, folder, log_of
        self.all = list(stage.tests(folder))
        with ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(lambda pair: self.measure(*pair, mutants), enumerate(self.all)))
        self.all.sort(key=lambda test: test.seconds)

    def measure(self, at, test, mutants):
        places = self.log_of(f"reached-{at}")
        with open(places, "wb") as file:
            file.truncate(mutants + 1)
        log = self.log_of(f"usual-{at}")
        for _ in range(2):  # which waits park, differs from run to run
            begin = time.monotonic()
            if not test.passes(self.folder, 900, log, {VARIABLE: "-1", REACHED: str(places)}):
                sys.exit(f"mutation-table: '{test.name}' of the {self.stage.name} fails without a mutant: see {log}")
            test.seconds = max(test.seconds, time.monotonic() - begin)
        test.reached = {number for number, byte in enumerate(places.read_bytes()) if byte}

    def killer_of(self, number, patience, has_switch=True):
        """What finds the mutant, which is planted when it has no switch, or nothing."""
        log = self.log_of(f"mutant-{number}")
        for test in self.all:
            if has_switch and number not in test.reached:
                continue
            settings = {VARIABLE: str(number if has_switch else 0)}
            most_s = patience * (4 * test.seconds + 10)
            if test.passes(self.folder, most_s, log, settings):
                continue
            is_timed_out = "time-out after" in log.read_text(errors="replace")
            if is_timed_out and test.passes(self.folder, 5 * most_s, log, settings):
                continue  # a busy machine
            usual = self.log_of(f"without-{number}")
            if has_switch and not test.passes(self.folder, 5 * most_s, usual, {VARIABLE: "0"}):
                print(f"'{test.name}' fails without a mutant as well, so it says nothing: see {usual}", flush=True)
                continue
            return self.stage.name + (", by its time-out" if is_timed_out else "")
        return None
