#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of skein-info from outside: its report against what the test arranged, its exit codes, its text.

    program_test.py alone|refused|launched --program P [--mpiexec M]
"""
import argparse
import json
import os
import subprocess
import sys

TIME_OUT_S = 60  # of one run
FAILURES = []
ARGS = None

KEYS = {
    "": "skein launcher mpi team machines hosts processes warnings",
    "skein": "version compiler mpi_layer built_with",
    "launcher": "name processes",
    "mpi": "library thread_level",
    "team": "ranks processes hosts",
    "machines": "machine name kernel cpu packages numa_domains l3_caches cores cpus threads_per_core memory dev_shm",
    "hosts": "host machine processes ranks pattern shared_array_bytes",
    "processes": "process pid machine host allowed_cpus offered_cpus cpu_quotas ranks_asked_for ranks load "
                 "cpus_of_other_jobs waiting limits settings",
}


def check(what, condition, detail=""):
    print(f"  {'ok    ' if condition else 'FAILED'} {what}" + (f": {detail}" if detail and not condition else ""), flush=True)
    if not condition:
        FAILURES.append(what)


def equal(what, value, wanted):
    check(what, value == wanted, f"it is {value!r}, wanted {wanted!r}")


def run(*arguments, processes=1, environment=None, **keywords):
    """Runs skein-info; returns its CompletedProcess. A time-out is a failure of the test."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SKEIN_")}
    env.update({"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_mpi_yield_when_idle": "1",
                "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none",
                "OMPI_MCA_btl_vader_single_copy_mechanism": "none"})
    # Other tests may run at the same time.
    env["SKEIN_CPU_LOCKS"] = "0"
    # Open MPI keeps what it allocated at start-up until the end, so leaks are judged in runs of one process.
    env.setdefault("ASAN_OPTIONS", f"detect_leaks={int(processes == 1)}:detect_stack_use_after_return=1")
    env.update(environment or {})
    command = [ARGS.program, *arguments]
    if processes > 1:
        command = [ARGS.mpiexec, "-n", str(processes), *command]
    keywords.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=TIME_OUT_S,
                          check=False, **keywords)


def report(what, **keywords):
    """The JSON report of a run, after checks that hold for every report."""
    result = run("--json", **keywords)
    equal(f"{what}: exit code", result.returncode, 0)
    try:
        found = json.loads(result.stdout)
    except ValueError as error:
        check(f"{what}: valid JSON", False, f"{error}: {result.stdout[:200]!r} {result.stderr[-300:]!r}")
        return None
    for part, keys in KEYS.items():
        for item in [found] if not part else found[part] if isinstance(found[part], list) else [found[part]]:
            equal(f"{what}: keys of {part or 'the report'}", sorted(item), sorted(keys.split()))
    team, processes = found["team"], found["processes"]
    ranks = [rank["rank"] for process in processes for rank in process["ranks"]]
    equal(f"{what}: ranks of all processes", ranks, list(range(team["ranks"])))
    equal(f"{what}: ranks of all hosts", sorted(rank for host in found["hosts"] for rank in host["ranks"]), ranks)
    equal(f"{what}: processes", [process["process"] for process in processes], list(range(team["processes"])))
    equal(f"{what}: processes of all hosts", sorted(p for host in found["hosts"] for p in host["processes"]),
          list(range(team["processes"])))
    equal(f"{what}: hosts", len(found["hosts"]), team["hosts"])
    for process in processes:
        cpus = [rank["cpu"] for rank in process["ranks"] if rank["cpu"] is not None]
        check(f"{what}: ranks on allowed CPUs", set(cpus) <= set(process["allowed_cpus"]), f"{cpus}")
        equal(f"{what}: fits", process["load"]["fits"], process["load"]["lanes"] <= process["load"]["cpus"])
    for warning in found["warnings"]:
        equal(f"{what}: times that stderr has '{warning}'", result.stderr.count(f"skein: {warning}\n"), 1)
    equal(f"{what}: warnings", len(found["warnings"]), result.stderr.count("skein: "))
    return found


def settings(process):
    return {setting["name"]: (setting["value"], setting["source"]) for setting in process["settings"]}


def alone():
    """One process: what the options give, in both forms."""
    allowed = sorted(os.sched_getaffinity(0))
    found = report("defaults")
    (process,) = found["processes"]
    equal("allowed CPUs are those of this test", process["allowed_cpus"], allowed)
    equal("no launcher", found["launcher"], {"name": None, "processes": 1})
    equal("no MPI", found["mpi"], {"library": "none", "thread_level": "none"})
    equal("machine has the CPUs of the system", found["machines"][0]["cpus"], os.sysconf("SC_NPROCESSORS_ONLN"))
    equal("name of the machine", found["machines"][0]["name"], os.uname().nodename)
    equal("stack by default", settings(process)["SKEIN_STACK"], ("8M", "default"))
    equal("ranks by default", settings(process)["SKEIN_RANKS"], (None, "default"))

    one = allowed[-1]
    (process,) = report("one CPU", preexec_fn=lambda: os.sched_setaffinity(0, {one}))["processes"]
    equal("a mask of one CPU is seen", process["allowed_cpus"], [one])
    equal("its only rank is there", [rank["cpu"] for rank in process["ranks"]], [one])

    many = len(allowed) + 1
    found = report("too many ranks", environment={"SKEIN_RANKS": str(many), "SKEIN_LANES": "each", "SKEIN_WAIT": "spin",
                                                   "SKEIN_STACK": "1536K", "SKEIN_PIECE": "3072"})
    (process,) = found["processes"]
    check("more ranks than CPUs are warned about", len(found["warnings"]) == 1, found["warnings"])
    check("and do not fit", not process["load"]["fits"], process["load"])
    equal("nor are they pinned", {rank["cpu"] for rank in process["ranks"]}, {None})
    equal("spin does not take effect", process["waiting"]["spin_us"], 0)
    equal("the value is reported", settings(process)["SKEIN_WAIT"], ("spin", "environment"))
    equal("a stack is written as it was", settings(process)["SKEIN_STACK"], ("1536K", "environment"))
    equal("pieces are written in the largest unit", settings(process)["SKEIN_PIECE"], ("3K", "environment"))
    equal("and the bytes of the stack", process["limits"]["rank_stack_bytes"], 1536 * 1024)

    (process,) = report("virtual ranks", environment={"SKEIN_RANKS": "5", "SKEIN_LANES": "1"})["processes"]
    equal("five ranks share a lane", [rank["lane"] for rank in process["ranks"]], [0] * 5)
    check("which fits", process["load"] == {"lanes": 1, "cpus": len(allowed), "fits": True}, process["load"])

    (host,) = report("levels", environment={"SKEIN_RANKS": "12", "SKEIN_LANES": "each", "SKEIN_PATTERN": "levels:4"})["hosts"]
    equal("pattern", (host["pattern"]["name"], host["pattern"]["reason"][:9]), ("levels", "asked for"))
    equal("12 lanes in groups of 4", [(level["groups"], level["most_lanes_in_a_group"]) for level in host["pattern"]["levels"]],
          [(4, 4)])

    odd = report("odd bytes", environment={"SKEIN_HOST": "shared", "SKEIN_ODD\udcff": "1"})
    check("an unknown variable of odd bytes is a warning", len(odd["warnings"]) == 1, odd["warnings"])

    result = run(environment={"SKEIN_RANKS": "20"})
    equal("text: exit code", result.returncode, 0)
    check("text: lines of 100 columns", max(map(len, result.stdout.splitlines())) <= 100)
    for line in ("Machine 0: ", "Host 0, on machine 0", "Process 0, pid ", "Limits of process 0", "  SKEIN_RANKS       20 (environment)"):
        check(f"text: '{line}'", f"\n{line}" in result.stdout, result.stdout)
    helped = run("--help")
    check("--help teaches", helped.returncode == 0 and "mpirun -n 2 --bind-to none skein-info" in helped.stdout)
    check("--help: lines of 100 columns", max(map(len, helped.stdout.splitlines())) <= 100)


def refused():
    """Bad input and an impossible start end as in any Skein program, with nothing on stdout."""
    wrong = [
        (2, {"SKEIN_RANKS": "0"}, [], 'skein: SKEIN_RANKS="0": not a valid value; allowed: a whole number from 1 to 16384\n'),
        (2, {}, ["--jsn"], "skein-info: The following argument was not expected: --jsn (skein-info --help explains)\n"),
    ]
    for code, environment, arguments, message in wrong:
        result = run(*arguments, environment=environment)
        equal(f"{environment} {arguments}: exit code", result.returncode, code)
        equal(f"{environment} {arguments}: message", result.stderr, message)
        equal(f"{environment} {arguments}: stdout", result.stdout, "")
    result = run("--json", environment={"SKEIN_STACK": "1024G", "SKEIN_RANKS": "512"})
    equal("stacks beyond the address space: exit code", result.returncode, 6)
    equal("stacks beyond the address space: stdout", result.stdout, "")
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = run(stdout=full)
    equal("a full disk: exit code", result.returncode, 4)


def launched():
    """Processes of a launcher: one report for all, hosts as asked for, one message."""
    found = report("two processes", processes=2, environment={"SKEIN_RANKS": "2"})
    equal("team", found["team"], {"ranks": 4, "processes": 2, "hosts": 1})
    equal("launched processes", found["launcher"]["processes"], 2)
    equal("one thread of several calls MPI", found["mpi"]["thread_level"], "MPI_THREAD_FUNNELED")
    check("the library has a name", found["mpi"]["library"] not in ("none", ""))
    check("built with MPI", found["skein"]["mpi_layer"] and found["skein"]["built_with"])
    check("processes differ", found["processes"][0]["pid"] != found["processes"][1]["pid"])
    equal("one machine", len(found["machines"]), 1)

    found = report("two hosts", processes=2, environment={"SKEIN_RANKS": "1", "SKEIN_HOST": "process"})
    equal("hosts of two processes", [host["processes"] for host in found["hosts"]], [[0], [1]])
    equal("one machine has both", [host["machine"] for host in found["hosts"]], [0, 0])

    found = report("mixed hosts", processes=3, environment={"SKEIN_RANKS": "2", "SKEIN_HOST": "0,1,0"})
    equal("ranks of mixed hosts", [host["ranks"] for host in found["hosts"]], [[0, 1, 4, 5], [2, 3]])

    result = run(processes=2, environment={"SKEIN_RANKS": "1"})
    equal("text comes once", result.stdout.count("Machine 0: "), 1)
    check("text has both processes", all(f"\nProcess {i}, pid " in result.stdout for i in (0, 1)))
    result = run(processes=2, environment={"SKEIN_RANKS": "many"})
    equal("bad ranks: exit code", result.returncode, 2)
    equal("bad ranks: one message", result.stderr.count('SKEIN_RANKS="many"'), 1)
    check("bad ranks: no report", "Machine" not in result.stdout, result.stdout)


def main():
    global ARGS
    tests = {test.__name__: test for test in (alone, refused, launched)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("test", choices=tests)
    parser.add_argument("--program", required=True)
    parser.add_argument("--mpiexec", help="for launched")
    ARGS = parser.parse_args()
    print(tests[ARGS.test].__doc__)
    tests[ARGS.test]()
    if FAILURES:
        print(f"{len(FAILURES)} failed: " + "; ".join(FAILURES))
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
