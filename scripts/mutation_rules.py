# SPDX-License-Identifier: Apache-2.0
"""The small errors that scripts/mutation-table plants: made from lines of C++ by rules, a family for each kind."""
import collections
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Columns of one line, and what an error puts in their place: an expression, or an operator or operand with a switch."""
    begin: int
    end: int
    expression: str = None
    switched: str = None  # with @ for the number of the mutant


@dataclass(frozen=True)
class Mutant:
    path: str
    line: int  # from 0
    family: str  # of RULES
    rule: str
    before: tuple  # the lines that change
    after: tuple
    edit: Edit  # for an error within one line
    occurrence: int  # of equal ones in the file

    @property
    def key(self):
        return "\n".join([self.path, self.rule, *(text.strip() for text in self.before + self.after),
                          str(self.occurrence)])


def code_of(line):
    """The line without comments and literals, in its columns."""
    line = re.sub(r'"(\\.|[^"\\])*"', lambda found: '"' + " " * (len(found[0]) - 2) + '"', line)
    return line.split("//")[0]


def edited(line, begin, end, text):
    return line[:begin] + text + line[end:]


LOAD, STORE, UPDATE = "load", "store", "update"
OPERATION = re.compile(r"(?:\.|->)(load|store|exchange|fetch_add|fetch_sub|fetch_or|fetch_and|compare_exchange_strong)\(")
WEAKER = {
    (LOAD, "seq_cst"): ["acquire"],
    (STORE, "seq_cst"): ["release"],
    (UPDATE, "seq_cst"): ["acq_rel"],
    (UPDATE, "acq_rel"): ["acquire", "release"],
    (LOAD, "acquire"): ["relaxed"],
    (UPDATE, "acquire"): ["relaxed"],
    (STORE, "release"): ["relaxed"],
    (UPDATE, "release"): ["relaxed"],
}


def end_of_call(text, opened):
    depth = 0
    for i in range(opened, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i
    return -1


def begin_of_object(text, end):
    """Where the postfix expression begins that ends in column end: names, members, subscripts and calls."""
    i = end
    while True:
        while i > 0 and text[i - 1] in ")]":
            depth = 0
            while i > 0:
                i -= 1
                depth += (text[i] in ")]") - (text[i] in "([")
                if depth == 0:
                    break
        i -= len(re.search(r"[\w:]*(<[\w:]*>)?$", text[:i])[0])
        if text[:i].endswith("->"):
            i -= 2
        elif text[:i].endswith("."):
            i -= 1
        else:
            return i


def operations_of(line):
    """The atomic operations of a line: kind, begin, end, the end of the object."""
    code = code_of(line)
    for found in OPERATION.finditer(code):
        end = end_of_call(code, found.end() - 1) + 1
        if end > 0:
            yield found, begin_of_object(code, found.start()), end


def weaker_orders(lines):
    for i, line in enumerate(lines):
        for found, begin, end in operations_of(line):
            kind = {"load": LOAD, "store": STORE}.get(found[1], UPDATE)
            order = list(re.finditer(r"memory_order_(\w+)", line[:end]))[-1:]
            if not order or order[0].start() < found.end():
                continue
            for weaker in WEAKER.get((kind, order[0][1]), []):
                changed = edited(line, *order[0].span(1), weaker)
                edit = Edit(begin, end, changed[begin: len(changed) - len(line) + end])
                yield i, f"{order[0][1]} to {weaker}", (line,), (changed,), edit


NEW_VALUE = {"exchange": "{0}", "fetch_add": "old + ({0})", "fetch_sub": "old - ({0})", "fetch_or": "old | ({0})",
             "fetch_and": "old & ({0})"}
STORE_ORDER = {"seq_cst": "seq_cst", "acq_rel": "release", "release": "release", "acquire": "relaxed", "relaxed": "relaxed"}


def split_updates(lines):
    """A load and a store in the place of a read-modify-write."""
    for i, line in enumerate(lines):
        for found, begin, end in operations_of(line):
            name = found[1]
            if name in ("load", "store") or "memory_order" not in line[found.end(): end]:
                continue
            word = line[begin: found.start()] + ("->" if line[found.start()] == "-" else ".")
            values, order = line[found.end(): end - 1].rsplit(", std::memory_order_", 1)
            load = f"{word}load(std::memory_order_relaxed)"
            if name == "compare_exchange_strong":
                expected, wanted = values.split(", ", 1)
                body = (f"if (const auto old = {load}; old != {expected}) {{ {expected} = old; return false; }} "
                        f"{word}store({wanted}, std::memory_order_{STORE_ORDER[order]}); return true;")
            else:
                body = (f"const auto old = {load}; "
                        f"{word}store({NEW_VALUE[name].format(values)}, std::memory_order_{STORE_ORDER[order]}); return old;")
            call = f"[&] {{ {body} }}()"
            yield i, f"{name} made a load and a store", (line,), (edited(line, begin, end, call),), Edit(begin, end, call)


ATOMIC_WRITE = re.compile(r"(\.|->)(store|exchange|fetch_\w+|compare_exchange_strong)\(")
SHARED_WRITE = re.compile(r"(\.|->)(store|exchange|fetch_\w+|compare_exchange_strong)\(|"
                          r"\b(ring|ring_all|end_waits|write_record|post|futex_wake|memcpy|touch|set_run|copy_\w+)\(|"
                          r"^\s*[\w.]+(->|\.)\w+ = ")


def swapped_writes(lines):
    for i in range(len(lines) - 1):
        first, second = code_of(lines[i]).rstrip(), code_of(lines[i + 1]).rstrip()
        indent = len(first) - len(first.lstrip())
        is_pair = all(text.endswith(";") and SHARED_WRITE.search(text) and not re.match(r"\s*(return|const|for|while)\b", text)
                      for text in (first, second))
        if not is_pair or indent != len(second) - len(second.lstrip()):
            continue
        if ATOMIC_WRITE.search(first) or ATOMIC_WRITE.search(second):
            yield i, "two writes swapped", (lines[i], lines[i + 1]), (lines[i + 1], lines[i]), None


COMPARISON = re.compile(r" (<=|>=|<|>) ")
TURNED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
OPERAND = {"<": "<planted::less(@)>", "<=": "<planted::less_equal(@)>", ">": "<planted::greater(@)>",
           ">=": "<planted::greater_equal(@)>"}
STEP = re.compile(r" ([+-]) 1(?![\w.'])")
OTHER_STEP = re.compile(r"(?<![\w.'])1 ([+]) ")


def shifted_bounds(lines):
    for i, line in enumerate(lines):
        code = code_of(line)
        if re.match(r"\s*(#|template|static_assert)", code):
            continue
        for found in COMPARISON.finditer(code):
            operator = found[1]
            edit = Edit(*found.span(1), switched=OPERAND[operator])
            yield i, f"{operator} to {TURNED[operator]}", (line,), (edited(line, *found.span(1), TURNED[operator]),), edit
        for found in STEP.finditer(code):
            edit = Edit(found.end() - 1, found.end(), switched="planted::one(@)")
            yield i, f"without {found[1]} 1", (line,), (edited(line, *found.span(), ""),), edit
        for found in OTHER_STEP.finditer(code):
            edit = Edit(found.start(), found.start() + 1, switched="planted::one(@)")
            yield i, "without 1 +", (line,), (edited(line, *found.span(), ""),), edit


DERIVED = re.compile(r"constexpr (?:int|std::size_t|unsigned) k\w+ = ([^;{]*\bk[A-Z]\w+[^;{]*);")


def shorter_constants(lines):
    """Those that are worked out from other constants: the others are choices."""
    for i, line in enumerate(lines):
        if found := DERIVED.search(code_of(line)):
            yield i, "one less", (line,), (edited(line, *found.span(1), f"({found[1]}) - 1"),), None


RULES = {
    "orders": weaker_orders,
    "updates": split_updates,
    "swaps": swapped_writes,
    "constants": shorter_constants,
    "bounds": shifted_bounds,
}


def mutants_of(path, lines, families):
    """The mutants of one file, by some families of RULES."""
    seen = collections.Counter()
    for family in families:
        for line, rule, before, after, edit in RULES[family](lines):
            seen[rule, before, after] += 1
            yield Mutant(path, line, family, rule, before, after, edit, seen[rule, before, after])
