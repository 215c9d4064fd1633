# SPDX-License-Identifier: Apache-2.0
"""Ranks of Skein in gdb, in a living process or a core file: `source skein_gdb.py`, then

    info ranks        one line for each rank: the thread that carries it, and where it is
    rank N            the backtrace of rank N, whether it runs or waits for its turn
    rank N COMMAND    any command in its place, such as `rank 3 bt full` or `rank 3 up 4`... with the frames of that rank
    rank all COMMAND  the same for every rank

Ranks that share a thread change places inside Skein calls; this finds the registers of those that are not on it. Nothing in
the process is changed.
"""
import struct

import gdb
import gdb.unwinder

LANES = "skein_debugger_lanes"


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


def pointers(address, count):
    memory = gdb.selected_inferior().read_memory(address, 8 * count)
    return struct.unpack(f"<{count}Q", bytes(memory))


# How Boost.Context keeps registers on the stack of who does not run: name and offset; then how large that is.
KEPT = {
    "i386:x86-64": ({"r12": 8, "r13": 16, "r14": 24, "r15": 32, "rbx": 40, "rbp": 48, "rip": 56}, 64, "rsp", "rip"),
    "aarch64": ({**{f"x{19 + i}": 0x40 + 8 * i for i in range(10)}, "x29": 0x90, "x30": 0x98, "pc": 0xA0}, 0xB0, "sp", "pc"),
}


class Rank:
    def __init__(self, number, thread, saved, runs):
        self.number = number
        self.thread = thread
        self.saved = saved
        self.runs = runs

    def registers(self):
        """Of a rank that does not run."""
        layout, size, sp, _ = kept_layout()
        registers = {name: pointers(self.saved + offset, 1)[0] for name, offset in layout.items()}
        registers[sp] = self.saved + size
        return registers


def kept_layout():
    name = gdb.selected_inferior().architecture().name()
    if name not in KEPT:
        raise gdb.GdbError(f"skein: the registers of ranks that wait are not known on {name}")
    return KEPT[name]


def ranks():
    """All ranks of the process, in order."""
    try:
        (lane,) = pointers(int(gdb.parse_and_eval(f"(unsigned long)&{LANES}")), 1)
    except gdb.error as error:
        raise gdb.GdbError(f"skein: no ranks here: is this a program of Skein, and is it not stripped? ({error})") from error
    found = []
    while lane != 0:
        lane_next, contexts, stride, current = pointers(lane, 4)
        thread, first, count = struct.unpack("<qii", bytes(gdb.selected_inferior().read_memory(lane + 32, 16)))
        running = 0
        if contexts != 0:
            (running,) = struct.unpack("<i", bytes(gdb.selected_inferior().read_memory(current, 4)))
        for i in range(count):
            saved = pointers(contexts + i * stride, 1)[0] if contexts != 0 else 0
            found.append(Rank(first + i, thread, saved, i == running))
        lane = lane_next
    if not found:
        raise gdb.GdbError("skein: no ranks have been started yet, or they have ended")
    return sorted(found, key=lambda rank: rank.number)


class InPlaceOf(gdb.unwinder.Unwinder):
    """Makes the rank the caller of the innermost frame of its thread."""

    def __init__(self, rank, innermost):
        super().__init__("skein rank")
        self.registers = rank.registers()
        self.saved = rank.saved
        self.innermost = innermost

    def __call__(self, pending):
        _, _, sp, pc = kept_layout()
        here = int(pending.read_register(sp)) & (2**64 - 1)
        if here != self.innermost:
            return None
        # gdb unwinds no further from frames that lie below their callee, so this one says that it lies below the rank's.
        word = gdb.lookup_type("unsigned long")
        info = pending.create_unwind_info(FrameId(gdb.Value(self.saved).cast(word), pending.read_register(pc)))
        for name, value in self.registers.items():
            info.add_saved_register(name, gdb.Value(value).cast(word))
        return info


def thread_of(rank):
    for thread in gdb.selected_inferior().threads():
        if thread.ptid[1] == rank.thread or thread.ptid[2] == rank.thread:
            return thread
    raise gdb.GdbError(f"skein: thread {rank.thread} of rank {rank.number} is not here any more")


class At:
    """In the block, commands see the frames of the rank."""

    def __init__(self, rank):
        self.rank = rank
        self.unwinder = None

    def __enter__(self):
        self.before = gdb.selected_thread()
        thread_of(self.rank).switch()
        gdb.newest_frame().select()
        if self.rank.runs:
            return
        _, _, sp, _ = kept_layout()
        innermost = int(gdb.newest_frame().read_register(sp)) & (2**64 - 1)
        self.unwinder = InPlaceOf(self.rank, innermost)
        gdb.unwinder.register_unwinder(None, self.unwinder, True)
        gdb.invalidate_cached_frames()
        gdb.newest_frame().older().select()

    def __exit__(self, *_):
        if self.unwinder is not None:
            gdb.unwinder._remove_unwinder(gdb, "skein rank") if hasattr(gdb.unwinder, "_remove_unwinder") else remove(self.unwinder)
            gdb.invalidate_cached_frames()
        if self.before is not None and self.before.is_valid():
            self.before.switch()


def remove(unwinder):
    gdb.frame_unwinders[:] = [other for other in gdb.frame_unwinders if other is not unwinder]


def is_of_skein(name):
    return name is None or name.startswith(("skein::", "jump_fcontext", "futex", "syscall", "std::", "sched_yield", "__"))


def place():
    """Where the program calls Skein from, seen from the selected frame."""
    frame = gdb.selected_frame()
    while frame is not None and is_of_skein(frame.name()):
        frame = frame.older()
    if frame is None:
        return "in Skein"
    line = frame.find_sal()
    where = f" at {line.symtab.filename}:{line.line}" if line.symtab is not None else ""
    return f"in {frame.name()}{where}"


class InfoRanks(gdb.Command):
    """All ranks of Skein in this process: the thread that carries each, whether it runs, and where in the program it is."""

    def __init__(self):
        super().__init__("info ranks", gdb.COMMAND_STATUS)

    def invoke(self, _argument, _from_tty):
        for rank in ranks():
            with At(rank):
                print(f"rank {rank.number:<5} LWP {rank.thread:<8} {'runs ' if rank.runs else 'waits'} {place()}")


class InRank(gdb.Command):
    """rank N [COMMAND], rank all [COMMAND]: the command, or bt, with the frames of rank N of Skein, or of each."""

    def __init__(self):
        super().__init__("rank", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        words = argument.split(None, 1)
        if not words or not (words[0] == "all" or words[0].isdigit()):
            raise gdb.GdbError("rank N [COMMAND] or rank all [COMMAND]; info ranks lists them")
        chosen = [rank for rank in ranks() if words[0] in ("all", str(rank.number))]
        if not chosen:
            raise gdb.GdbError(f"there is no rank {words[0]} in this process; info ranks lists those that are")
        for rank in chosen:
            print(f"rank {rank.number}, {'running' if rank.runs else 'waiting for its turn'} on LWP {rank.thread}:")
            with At(rank):
                if len(words) == 1:
                    backtrace(skip_first=not rank.runs)
                else:
                    gdb.execute(words[1])


def backtrace(skip_first):
    lines = gdb.execute("bt", to_string=True).splitlines()
    begin = next((i for i, line in enumerate(lines) if line.startswith("#1")), 0) if skip_first else 0
    print("\n".join(lines[begin:]))


InfoRanks()
InRank()
