#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the landau program from outside: what it writes, prints and returns.

    program_test.py layouts|default_binding|command_line|output|shipped_cases|other_cases --program P --configs DIR [--mpiexec M]
"""
import argparse
import filecmp
import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import tempfile

TIME_OUT_S = 100  # of one run
FAILURES = []
ARGS = None


def check(what, condition, detail=""):
    print(f"  {'ok    ' if condition else 'FAILED'} {what}" + (f": {detail}" if detail and not condition else ""), flush=True)
    if not condition:
        FAILURES.append(what)


def near(what, value, wanted, tolerance):
    good = value is not None and abs(value - wanted) <= tolerance
    shown = "nothing" if value is None else f"{value:.6g}"
    check(f"{what}: {shown}, wanted {wanted:.6g} within {tolerance:.2g}", good)


def run(arguments, processes=1, ranks=None, environment=None, without=(), **keywords):
    """Runs landau, without some of the variables that are set for tests; returns its CompletedProcess. A time-out is a
    failure of the test."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SKEIN_")}
    env.update({"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_mpi_yield_when_idle": "1",
                "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none",
                "OMPI_MCA_btl_vader_single_copy_mechanism": "none"})
    # Open MPI keeps what it allocated at start-up until the end, so leaks are judged in runs of one process.
    env.setdefault("ASAN_OPTIONS", f"detect_leaks={int(processes == 1)}:detect_stack_use_after_return=1")
    if ranks is not None:
        env["SKEIN_RANKS"] = str(ranks)
    for name in without:
        env.pop(name, None)
    env.update(environment or {})
    command = [ARGS.program, *map(str, arguments)]
    if processes > 1:
        command = [ARGS.mpiexec, "-n", str(processes), *command]
    return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=TIME_OUT_S, **keywords)


def config(name):
    return os.path.join(ARGS.configs, name + ".toml")


def settings(**values):
    """--set options; section__key=value."""
    options = []
    for name, value in values.items():
        options += ["--set", f"{name.replace('__', '.')}={value}"]
    return options


SMALL = dict(grid__points_x=12, grid__points_v=40, time__end=4, output__plots="false")


def summary_of(folder):
    with open(os.path.join(folder, "summary.json")) as file:
        return json.load(file)


def check_same_bytes(wanted, place):
    for name in ("field_energy.csv", "moments.csv", "snapshots.h5", "config.toml"):
        equal = filecmp.cmp(os.path.join(wanted, name), os.path.join(place, name), shallow=False)
        check(f"{name} of {os.path.basename(place)} equals that of {os.path.basename(wanted)}", equal)


def layouts(folder):
    """Field energy, moments and f are equal byte by byte for every division into hosts, processes and ranks."""
    options = settings(**dict(SMALL, grid__points_x=32, grid__points_v=128, output__moments_every=0.2))
    ran = []
    for processes, ranks, hosts in [(1, 1, None), (1, 2, None), (1, 3, None), (2, 1, None), (2, 2, None), (4, 2, None), (1, 8, None),
                                    (2, 1, "process"), (2, 2, "process"), (4, 1, "process"), (4, 1, "0,1,0,1")]:
        if processes > 1 and not ARGS.mpiexec:
            continue
        label = f"{processes}x{ranks}" + (f" on hosts {hosts}" if hosts else "")
        place = os.path.join(folder, label)
        result = run([config("nonlinear"), *options, "--out", place], processes, ranks, {"SKEIN_HOST": hosts} if hosts else None)
        check(f"{label} runs", result.returncode == 0, result.stderr[-500:])
        if result.returncode == 0:
            ran.append(place)
            wanted = f"{processes} process{'es' if processes > 1 else ''} x {ranks} rank{'s' if ranks > 1 else ''}"
            check(f"{label} says so", summary_of(place)["layout"] == wanted, summary_of(place)["layout"])
    for place in ran[1:]:
        check_same_bytes(ran[0], place)
    odd = settings(**dict(SMALL, grid__points_x=13, grid__points_v=37, output__moments_every=0.3))
    few = settings(**dict(SMALL, grid__points_x=8, grid__points_v=16))
    for name, grid, processes, ranks in (("blocks of different sizes", odd, 3, 2), ("more ranks than lines", few, 2, 6)):
        places = [os.path.join(folder, name, side) for side in ("one", "several hosts")]
        run([config("nonlinear"), *grid, "--out", places[0]], ranks=1)
        if ARGS.mpiexec:
            result = run([config("nonlinear"), *grid, "--out", places[1]], processes, ranks, {"SKEIN_HOST": "process"})
            check(f"{name}, on several hosts, run", result.returncode == 0, result.stderr[-500:])
            if result.returncode == 0:
                check_same_bytes(*places)
    check("the grid with more ranks than lines runs", run(
        [config("nonlinear"), *settings(**dict(SMALL, grid__points_x=8, grid__points_v=16)), "--out", folder + "/few"],
        ranks=20).returncode == 0)


def default_binding(folder):
    """Open MPI binds each of two processes to one core, which two ranks then share: done in time, with the same bytes."""
    options = settings(**dict(SMALL, time__end=40))
    places = [os.path.join(folder, name) for name in ("1x1", "bound 2x2")]
    results = [run([config("nonlinear"), *options, "--out", places[0]], 1, 1),
               run([config("nonlinear"), *options, "--out", places[1]], 2, 2,
                   without=("OMPI_MCA_hwloc_base_binding_policy", "OMPI_MCA_mpi_yield_when_idle"))]
    for place, result in zip(places, results):
        check(f"{os.path.basename(place)} runs", result.returncode == 0, result.stderr[-500:])
    check_same_bytes(*places)


def command_line(folder):
    """Exit codes, one message for all processes, and nothing begun when the config is wrong."""
    counts = [1, 2] if ARGS.mpiexec else [1]
    wrong = [
        (["--set", "grid.points_x=3"], "--set grid.points_x=3: grid.points_x: 3 is out of range (allowed: an integer from 8 to 16384)"),
        (["--set", "time.stpe=3"], "--set time.stpe=3: time.stpe: unknown key, did you mean time.step? (allowed: step, end)"),
        (["--colour"], "landau: The following argument was not expected: --colour (landau --help explains)"),
    ]
    for processes in counts:
        for number, (arguments, message) in enumerate(wrong):
            out = os.path.join(folder, f"never-{processes}-{number}")
            result = run([config("nonlinear"), *arguments, "--out", out], processes, 2)
            check(f"{arguments} ends with 2 in {processes} process(es)", result.returncode == 2, f"it was {result.returncode}")
            check("its message comes once", result.stderr.count(message) == 1, result.stderr)
            check("nothing was begun", not os.path.exists(out) and "points," not in result.stdout)
        missing = os.path.join(folder, "no such.toml")
        result = run([missing], processes, 2, cwd=folder)
        text = f"{missing}:1:1: file: cannot be read: No such file or directory"
        check("a missing file ends with 2, named once", result.returncode == 2 and result.stderr.count(text) == 1, result.stderr)
        blocked = os.path.join(folder, "blocked")
        open(blocked, "w").close()
        result = run([config("nonlinear"), *settings(**SMALL), "--out", os.path.join(blocked, "out")], processes, 2)
        check("a folder that cannot be made ends with 4", result.returncode == 4, f"{result.returncode}: {result.stderr}")
        check("and says why once", result.stderr.count("folder cannot be made: Not a directory") == 1, result.stderr)
    result = run([], cwd=folder)
    check("no arguments: what is needed, and 2", result.returncode == 2 and "CONFIG is required" in result.stderr, result.stderr)
    result = run(["--help"])
    check("help ends with 0", result.returncode == 0)
    for word in ("Examples:", "mpirun -n 2", "wave_number", "inverse Debye lengths", "default 7", "Exit status"):
        check(f"help tells of {word!r}", word in result.stdout)
    result = run([config("two-stream"), *settings(time__step=0.1), "--print-config"], cwd=folder)
    check("the config is printed", result.returncode == 0 and re.search(r"^step = 0.1 ", result.stdout, re.M) is not None)
    printed = os.path.join(folder, "printed.toml")
    with open(printed, "w") as file:
        file.write(result.stdout)
    again = run([printed, "--print-config"])
    check("and what was printed is a config that prints the same", again.stdout == result.stdout, again.stderr)


def lines_of(path):
    with open(path) as file:
        return file.read().splitlines()


def output(folder):
    """The files of a run, in a folder with a space; failures to write them; figures and their absence."""
    out = os.path.join(folder, "a place", "for results")
    result = run([config("damping-k0.5"), *settings(**dict(SMALL, output__plots="true")), "--out", out], ranks=2)
    check("it runs", result.returncode == 0, result.stderr)
    names = ["config.toml", "field_energy.csv", "field_energy.png", "figures.json", "moments.csv", "phase_space.png",
             "snapshots.h5", "summary.json", "summary.txt"]
    check("the folder holds the results and nothing else", sorted(os.listdir(out)) == names, str(sorted(os.listdir(out))))
    for name in ("field_energy.png", "phase_space.png"):
        with open(os.path.join(out, name), "rb") as file:
            head = file.read(24)
        width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
        check(f"{name} is a picture", head[:8] == b"\x89PNG\r\n\x1a\n" and width > 800 and height > 500, f"{width} x {height}")
    progress = [line for line in result.stdout.splitlines() if re.match(r"\s*\d+ %", line)]
    check("one plain line per tenth", [int(line.split()[0]) for line in progress] == list(range(10, 101, 10)), str(progress))
    check("nothing but text on standard output", "\r" not in result.stdout and "\x1b" not in result.stdout)
    field = lines_of(os.path.join(out, "field_energy.csv"))
    check("a line per step, with units", len(field) == 82 and field[0].startswith("time [1/omega_p],field_energy [n_0 T lambda_D]"))
    moments = lines_of(os.path.join(out, "moments.csv"))
    check("a line per look: every 0.5, and with each snapshot", len(moments) == 1 + 9 + 4, str(len(moments)))
    summary = summary_of(out)
    for key in ("case", "omega", "omega_error", "omega_theory", "omega_deviation", "gamma", "gamma_error", "gamma_theory",
                "gamma_deviation", "conservation", "min_f", "negative_mass", "steps_per_second", "share_waiting", "layout",
                "warnings"):
        check(f"summary.json has {key}", key in summary)
    check("too few peaks are warned of", any(w.startswith("fit: only") for w in summary["warnings"]), str(summary["warnings"]))
    check("warnings are printed", "warning: fit: only" in result.stdout)
    with open(os.path.join(out, "snapshots.h5"), "rb") as file:
        check("snapshots are HDF5 and carry units", file.read(8) == b"\x89HDF\r\n\x1a\n" and b"1/omega_p" in file.read())
    again = run([os.path.join(out, "config.toml"), "--set", "output.plots=false", "--out", os.path.join(folder, "again")], ranks=3)
    same = again.returncode == 0 and filecmp.cmp(os.path.join(out, "snapshots.h5"), os.path.join(folder, "again", "snapshots.h5"), False)
    check("the config of a run runs again, to the same bits", same, again.stderr)

    # A module of that name that cannot be imported stands for one that is not installed.
    fake = os.path.join(folder, "fake")
    os.mkdir(fake)
    with open(os.path.join(fake, "matplotlib.py"), "w") as file:
        file.write("raise ImportError('no matplotlib here')\n")
    out = os.path.join(folder, "no-figures")
    result = run([config("damping-k0.5"), *settings(**dict(SMALL, output__plots="true")), "--out", out], ranks=1,
                 environment={"PYTHONPATH": fake})
    check("without matplotlib the run is good", result.returncode == 0, result.stderr)
    check("and says what to install", "apt install python3-matplotlib" in result.stdout, result.stdout)

    # No file may grow beyond this, so the snapshots fail in the middle of the run, in a rank.
    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    out = os.path.join(folder, "full")
    result = run([config("damping-k0.5"), *settings(**SMALL), "--out", out], ranks=2, preexec_fn=small_files,
                 environment={"SKEIN_MPI": "off"})
    check("a file that cannot be written ends with 4", result.returncode == 4, f"{result.returncode}: {result.stderr}")
    check("and is named with the reason", re.search(r"snapshots\.h5: .*File too large", result.stderr) is not None, result.stderr)
    check("and leaves no part of itself", os.listdir(out) == [], str(os.listdir(out)))
    if os.geteuid() != 0:
        locked = os.path.join(folder, "locked")
        os.mkdir(locked)
        os.chmod(locked, stat.S_IRUSR | stat.S_IXUSR)
        result = run([config("damping-k0.5"), *settings(**SMALL), "--out", locked])
        check("a locked folder ends with 4", result.returncode == 4 and "Permission denied" in result.stderr, result.stderr)


def case(folder, label, name, **values):
    out = os.path.join(folder, re.sub(r"\W", "_", label))
    result = run([config(name), *settings(output__plots="false", **values), "--out", out])
    check(f"{label} runs", result.returncode == 0, result.stderr)
    summary = summary_of(out)
    near(f"{label}: mass", summary["conservation"]["mass"], 0, 1e-12)
    near(f"{label}: momentum", summary["conservation"]["momentum"], 0, 1e-12)
    check(f"{label}: L2 does not grow", summary["conservation"]["l2"] <= 1e-12, str(summary["conservation"]["l2"]))
    check(f"{label}: no warnings", summary["warnings"] == [], str(summary["warnings"]))
    return summary


def shipped_cases(folder):
    """The reference values: 50 digits of theory, and a second solver for the nonlinear case."""
    for k, omega, gamma in ((0.3, 1.15984648, -0.0126203684), (0.4, 1.28505697, -0.0661279587), (0.5, 1.41566189, -0.153359467)):
        name = f"damping-k{k}"
        summary = case(folder, name, name)
        near(f"{name}: omega", summary["omega"], omega, 0.005 * omega)
        near(f"{name}: gamma", summary["gamma"], gamma, 0.01 * abs(gamma))
        near(f"{name}: amplitude", summary["amplitude"] / summary["amplitude_theory"], 1, 0.01)
        near(f"{name}: gamma's error bar", summary["gamma_error"], 0, 0.001 * abs(gamma))
    summary = case(folder, "two-stream", "two-stream")
    near("two-stream: growth", summary["gamma"], 0.284509686, 0.00284509686)
    near("two-stream: omega", summary["omega"], 0, 1e-3)
    summary = case(folder, "nonlinear", "nonlinear")
    near("nonlinear: first two peaks", summary["gamma"], -0.291, 0.02 * 0.291)
    near("nonlinear: t = 20 to 40", summary["gamma_late"], 0.0806, 0.02 * 0.0806)
    near("nonlinear: energy", summary["conservation"]["energy"], 0, 5e-4)


def other_cases(folder):
    """Nothing is tuned to the shipped cases: other waves, beams, grids and degrees agree with their own theory."""
    for k, amplitude, values in (
            (0.25, 0.0005, dict(time__step=0.02)),
            (0.35, 0.001, dict(grid__points_x=48, grid__points_v=400)),
            (0.45, 0.0001, dict(method__degree=9, grid__points_x=16, grid__points_v=256)),
            (0.6, 0.001, dict(time__step=0.04, grid__v_max=7)),
            (0.7, 0.002, dict(time__step=0.025, grid__points_x=33, grid__points_v=501))):
        label = f"damping at k = {k}"
        summary = case(folder, label, "damping-k0.5", physics__wave_number=k, physics__amplitude=amplitude, **values)
        # At k = 0.25 gamma is 1/500 of omega: what is 1 % of it elsewhere is compared with its error bar there.
        near(f"{label}: gamma", summary["gamma"], summary["gamma_theory"], max(0.01 * abs(summary["gamma_theory"]), 3 * summary["gamma_error"]))
        near(f"{label}: omega", summary["omega"], summary["omega_theory"], 0.005 * summary["omega_theory"])
    for k, speed, amplitude, values in (
            (0.2, 2.5, 1e-6, dict(time__end=80)),
            (0.15, 4.0, 1e-6, dict(grid__v_max=11)),
            (0.12, 3.0, 1e-5, dict(grid__points_v=300))):
        label = f"beams at {speed}, k = {k}"
        summary = case(folder, label, "two-stream", physics__wave_number=k, physics__beam_speed=speed, physics__amplitude=amplitude,
                       grid__points_x=64, output__snapshots=0, **values)
        near(f"{label}: growth", summary["gamma"], summary["gamma_theory"], 0.01 * summary["gamma_theory"])
        near(f"{label}: omega", summary["omega"], 0, 1e-3)


def main():
    global ARGS
    tests = {test.__name__: test for test in (layouts, default_binding, command_line, output, shipped_cases, other_cases)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("test", choices=tests)
    parser.add_argument("--program", required=True)
    parser.add_argument("--configs", required=True)
    parser.add_argument("--mpiexec", help="leave out to test one process only")
    ARGS = parser.parse_args()
    ARGS.program, ARGS.configs = os.path.abspath(ARGS.program), os.path.abspath(ARGS.configs)
    print(tests[ARGS.test].__doc__)
    with tempfile.TemporaryDirectory(prefix="landau test ") as folder:
        tests[ARGS.test](folder)
    if FAILURES:
        print(f"{len(FAILURES)} failed: " + "; ".join(FAILURES))
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
