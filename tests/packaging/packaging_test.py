#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds a user's program with Skein as users get it, and runs it alone and in two processes.

    packaging_test.py install|shared|subproject|debian --source DIR --build DIR --compiler C++ --version X.Y.Z
                      [--mpiexec M --mpi-compiler C++]

install     installs the build, moves the prefix, and uses it through find_package and through pkg-config
shared      the same with the library shared, which exports what is in namespace skein and nothing else
subproject  Skein as a part of another project: the library alone, and nothing of the project around it changes
debian      packs the build with cpack, looks at the package, and uses what is in it

Fails on a wrong or missing file, option, dependency, version or symbol; on a path of the source tree in an installed file;
on an exception that the program cannot catch by its type. exit status: 0 or 1, with the command that failed.
"""
import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CONSUMER = os.path.join(HERE, "consumer")


def check(what, good):
    if not good:
        sys.exit(f"packaging_test: wrong: {what}")


def run(*command, **keywords):
    """Standard output of a command that must succeed."""
    result = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, **keywords)
    if result.returncode != 0:
        sys.exit(f"packaging_test: this failed with {result.returncode}: {shlex.join(map(str, command))}\n{result.stdout}")
    return result.stdout


def files_below(folder):
    return sorted(os.path.relpath(os.path.join(path, name), folder) for path, _, names in os.walk(folder) for name in names)


def configure(source, build, *settings):
    run("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={ARGS.compiler}", *settings)


def run_program(program):
    """Alone and in two processes; one rank each in the latter, so that one process has no failing rank."""
    launch = [os.path.join(ARGS.source, "scripts", "test_launch"), "--timeout", "60", "--quiet"]
    hello = f"^skein {re.escape(ARGS.version)}: 2 ranks in the team, twice their sum is 6$"
    caught = "^process 0 caught Error 3: rank 0 has no data$"
    run(*launch, "--ranks", "2", "--stdout", hello, "--stdout", caught, "--", program)
    if ARGS.mpiexec:
        run(*launch, "--mpiexec", ARGS.mpiexec, "--processes", "2", "--ranks", "1", "--stdout", hello, "--stdout", caught,
            "--stdout", "^process 1 caught TeamAborted: .*rank 0 has no data", "--", program)


def use_by_cmake(prefix, folder):
    build = os.path.join(folder, "by cmake")
    configure(CONSUMER, build, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Release")
    with open(os.path.join(build, "CMakeCache.txt"), encoding="utf-8") as file:
        found = re.search(r"^skein_DIR:PATH=(.*)$", file.read(), re.MULTILINE).group(1)
    check(f"CMake found {found}, not what is in {prefix}", found.startswith(prefix + os.sep))
    run("cmake", "--build", build)
    run_program(os.path.join(build, "simulation"))


def refuse(prefix, folder, what, statement, message, *settings):
    """A project with this statement does not configure, and learns why."""
    project = os.path.join(folder, what)
    os.mkdir(project)
    with open(os.path.join(project, "CMakeLists.txt"), "w", encoding="utf-8") as file:
        file.write(f"cmake_minimum_required(VERSION 3.25)\nproject(refused LANGUAGES CXX)\n{statement}\n")
    result = subprocess.run(["cmake", "-S", project, "-B", project, f"-DCMAKE_PREFIX_PATH={prefix}", *settings],
                            capture_output=True, text=True)
    said = " ".join(result.stderr.split())
    check(f"{what}: status {result.returncode}, wanted '{message}':\n{result.stderr}", result.returncode and message in said)


def use_by_pkg_config(prefix, folder):
    (pc,) = [path for path in files_below(prefix) if path.endswith("skein.pc")]
    env = {**os.environ, "PKG_CONFIG_PATH": os.path.dirname(os.path.join(prefix, pc)), "LD_LIBRARY_PATH": ""}
    check("pkg-config's version", run("pkg-config", "--modversion", "skein", env=env).strip() == ARGS.version)
    run("pkg-config", "--validate", "skein", env=env)
    for static in ([], ["--static"]):
        flags = shlex.split(run("pkg-config", "--cflags", "--libs", *static, "skein", env=env))
        program = os.path.join(folder, "by pkg-config" + "".join(static))
        rpath = [f"-Wl,-rpath,{flag[2:]}" for flag in flags if flag.startswith("-L")]
        run(ARGS.compiler, "-std=c++20", "-O1", os.path.join(CONSUMER, "simulation.cpp"), "-o", program, *flags, *rpath)
        run_program(program)


def check_installed(prefix, *gone):
    """Nothing installed knows where it was built or first installed."""
    paths = files_below(prefix)
    for path in paths:
        with open(os.path.join(prefix, path), "rb") as file:
            content = file.read()
        for folder in (ARGS.source, ARGS.build, *gone):
            check(f"{path} holds the path {folder}", folder.encode() not in content)
    headers = [path for path in files_below(os.path.join(ARGS.source, "include")) if path.endswith((".hpp", ".h"))]
    installed = [os.path.relpath(path, "include") for path in paths if path.startswith("include" + os.sep)]
    check(f"headers: {sorted(set(headers) ^ set(installed))}", headers == installed)
    check("the licence is missing", any(path.endswith("doc/skein/copyright") for path in paths))
    for program in ("landau", "skein-info", "skein-bench", "skein-bench-line"):
        check(f"bin/{program} is missing", f"bin/{program}" in paths)
    return paths


def run_installed_programs(prefix):
    programs = os.path.join(prefix, "bin")
    run(os.path.join(programs, "landau"), "--help")
    listed = run(os.path.join(programs, "skein-bench"), "--help")
    check("skein-bench --help says nothing", "barrier" in listed)


def install(build, folder):
    """Installs into one place, moves the whole to another, and returns that."""
    first, prefix = os.path.join(folder, "first place"), os.path.join(folder, "moved place")
    run("cmake", "--install", build, "--prefix", first)
    os.rename(first, prefix)
    check_installed(prefix, first, folder)
    run_installed_programs(prefix)
    return prefix


def test_install(folder):
    prefix = install(ARGS.build, folder)
    use_by_cmake(prefix, folder)
    use_by_pkg_config(prefix, folder)
    refuse(prefix, folder, "a newer version", "find_package(skein 9.1 REQUIRED)", 'compatible with requested version "9.1"')
    mpich = shutil.which("mpicxx.mpich")
    if ARGS.mpiexec and mpich and os.path.realpath(ARGS.mpi_compiler) != os.path.realpath(mpich):
        refuse(prefix, folder, "another MPI", "find_package(skein REQUIRED)", "one program can hold one MPI",
               f"-DMPI_CXX_COMPILER={mpich}")


OURS = re.compile(r"_ZN5skein|_ZNK5skein|_ZT.N5skein|_ZTv0_n\d+_N5skein|_ZGVN5skein|_Z(GVZ|Z)NK?5skein|skein_")


def test_shared(folder):
    build = os.path.join(folder, "build")
    mpi = [f"-DMPI_CXX_COMPILER={ARGS.mpi_compiler}", f"-DMPIEXEC_EXECUTABLE={ARGS.mpiexec}", "-DSKEIN_WITH_MPI=ON"]
    configure(ARGS.source, build, "-DBUILD_SHARED_LIBS=ON", "-DSKEIN_BUILD_TESTS=OFF", "-DCMAKE_BUILD_TYPE=Release",
              *(mpi if ARGS.mpiexec else ["-DSKEIN_WITH_MPI=OFF"]))
    run("cmake", "--build", build, "--parallel", "2")
    prefix = install(build, folder)
    (library,) = [path for path in files_below(prefix) if path.endswith(f"libskein.so.{ARGS.version}")]
    symbols = [line.split()[-1] for line in run("nm", "-D", "--defined-only", os.path.join(prefix, library)).splitlines()]
    check(f"exported, but not Skein's: {[name for name in symbols if not OURS.match(name)][:10]}", all(map(OURS.match, symbols)))
    check("Runtime is not exported", any(name.startswith("_ZN5skein7Runtime3run") for name in symbols))
    dynamic = run("readelf", "-d", os.path.join(prefix, library))
    check(f"the library's name:\n{dynamic}", f"soname: [libskein.so.{ARGS.version.rsplit('.', 1)[0]}]" in dynamic)
    use_by_cmake(prefix, folder)
    use_by_pkg_config(prefix, folder)


def test_subproject(folder):
    build, prefix = os.path.join(folder, "build"), os.path.join(folder, "installed")
    configure(os.path.join(HERE, "parent"), build, f"-DSKEIN_SOURCE={ARGS.source}", "-DCMAKE_CXX_FLAGS=-O3 -DNDEBUG")
    targets = run("cmake", "--build", build, "--target", "help")
    for target in ("landau", "skein-bench", "base_block"):
        check(f"target {target} is made inside another project", not re.search(rf"^{target}:", targets, re.MULTILINE))
    run("cmake", "--build", build, "--parallel", "2")
    check("tests inside another project", "Total Tests: 0" in run("ctest", "--test-dir", build, "-N"))
    run("cmake", "--install", build, "--prefix", prefix)
    check(f"installed with another project: {files_below(prefix)}", files_below(prefix) == ["bin/simulation"])
    run_program(os.path.join(prefix, "bin", "simulation"))


def test_debian(folder):
    run("cpack", "-G", "DEB", "--config", os.path.join(ARGS.build, "CPackConfig.cmake"), "-B", folder, cwd=folder)
    machine = run("dpkg", "--print-architecture").strip()
    package = os.path.join(folder, f"libskein-dev_{ARGS.version}_{machine}.deb")
    check(f"{package} is missing; there are {os.listdir(folder)}", os.path.exists(package))
    run("dpkg-deb", "-I", package)
    listed = run("dpkg-deb", "-c", package).strip()
    check(f"owners or modes:\n{listed}", not re.search(r"^(?!.{10} root/root )|^.(.{4}w|.{7}w)", listed, re.MULTILINE))
    fields = {name: run("dpkg-deb", "-f", package, name).strip() for name in
              ("Package", "Version", "Architecture", "Section", "Maintainer", "Description")}
    check(f"fields {fields}", (fields["Package"], fields["Version"], fields["Architecture"], fields["Section"]) ==
          ("libskein-dev", ARGS.version, machine, "libdevel") and fields["Maintainer"] and fields["Description"])
    depends = {word.split()[0] for word in run("dpkg-deb", "-f", package, "Depends").split(",")}
    wanted = {"libc6", "libstdc++6", "libfmt-dev", "libhwloc-dev"}
    if ARGS.mpiexec and "openmpi" in ARGS.mpiexec:
        wanted |= {"libopenmpi-dev", "libopenmpi3"}
    check(f"Depends lacks {wanted - depends}; it has {depends}", wanted <= depends)

    root, installed = os.path.join(folder, "root folder"), os.path.join(folder, "installed")
    run("dpkg", "-x", package, root)
    prefix = os.path.join(root, "usr")
    run("cmake", "--install", ARGS.build, "--prefix", installed)
    check("the package holds other files than the install", check_installed(prefix, folder) == files_below(installed))
    use_by_cmake(prefix, folder)


def main():
    global ARGS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=["install", "shared", "subproject", "debian"])
    for option in ("--source", "--build", "--compiler", "--version"):
        parser.add_argument(option, required=True)
    parser.add_argument("--mpiexec")
    parser.add_argument("--mpi-compiler")
    ARGS = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(("SKEIN_", "CMAKE_", "PKG_CONFIG", "CPACK", "skein_"))]:
        del os.environ[name]
    folder = os.path.realpath(tempfile.mkdtemp(prefix="skein packaging "))
    try:
        globals()["test_" + ARGS.way](folder)
    finally:
        shutil.rmtree(folder)
    print(f"packaging_test: {ARGS.way} works")


if __name__ == "__main__":
    main()
