# SPDX-License-Identifier: Apache-2.0
"""Sources that hold many mutants at once, of which the environment variable MUTANT chooses one when the program starts.

So all are built together, and a mutant costs no more than the tests that run on it. Where the compiler works an operand out,
in a constant expression, it takes the unchanged one.
"""
VARIABLE = "MUTANT"
REACHED = "MUTANTS_REACHED"
HEADER = """// Which mutant is planted, by its number. 0 is none; with -1, a byte for each one that is come to is set in a file.
#pragma once
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>
namespace planted {
inline const int number = [] {
  const char* chosen = std::getenv("MUTANT");
  return chosen == nullptr ? 0 : std::atoi(chosen);
}();
inline char* const reached = []() -> char* {
  const char* name = std::getenv("MUTANTS_REACHED");
  const int file = name == nullptr ? -1 : ::open(name, O_RDWR | O_CLOEXEC);
  struct ::stat facts {};
  if (file < 0 || ::fstat(file, &facts) != 0) return nullptr;
  void* at = ::mmap(nullptr, facts.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  return at == MAP_FAILED ? nullptr : static_cast<char*>(at);
}();
inline bool is(int mutant) {
  if (number < 0 && reached != nullptr) __atomic_store_n(reached + mutant, 1, __ATOMIC_RELAXED);
  return number == mutant;
}
constexpr int one(int mutant) {
  if (__builtin_is_constant_evaluated()) return 1;
  return is(mutant) ? 0 : 1;
}
template <int kind> struct Comparison { int mutant; };
template <int kind, class A> struct Half { const A& a; int mutant; };
template <int kind, class A> constexpr Half<kind, A> operator<(const A& a, Comparison<kind> c) { return {a, c.mutant}; }
template <int kind, class A, class B> constexpr bool operator>(Half<kind, A> half, const B& b) {
  bool turned = false;
  if (!__builtin_is_constant_evaluated()) turned = is(half.mutant);
  if constexpr (kind == 0) return turned ? half.a <= b : half.a < b;
  if constexpr (kind == 1) return turned ? half.a < b : half.a <= b;
  if constexpr (kind == 2) return turned ? half.a >= b : half.a > b;
  if constexpr (kind == 3) return turned ? half.a > b : half.a >= b;
}
constexpr Comparison<0> less(int mutant) { return {mutant}; }
constexpr Comparison<1> less_equal(int mutant) { return {mutant}; }
constexpr Comparison<2> greater(int mutant) { return {mutant}; }
constexpr Comparison<3> greater_equal(int mutant) { return {mutant}; }
}  // namespace planted
"""


def choice(number, changed, unchanged):
    return f"(planted::is({number}) ? ({changed}) : ({unchanged}))"


def line_with(line, edits):
    """The line with all its edits, of (number, Edit); an expression may hold others."""
    def rendered(begin, end, inner):
        text, at = "", begin
        while inner:
            widest = min((edit for _, edit in inner), key=lambda edit: (edit.begin, -edit.end))
            here = [(number, edit) for number, edit in inner if (edit.begin, edit.end) == (widest.begin, widest.end)]
            within = [pair for pair in inner if pair not in here and pair[1].end <= widest.end]
            inner = [pair for pair in inner if pair not in here and pair not in within]
            text += line[at: widest.begin]
            if widest.switched:
                text += widest.switched.replace("@", str(here[0][0]))
            else:
                whole = rendered(widest.begin, widest.end, within)
                for number, edit in here:
                    whole = choice(number, edit.expression, whole)
                text += whole
            at = widest.end
        return text + line[at: end]
    return rendered(0, len(line), edits)


def begins_statement(lines, i):
    """Whether line i is not the rest of one that began before."""
    before = next((text.split("//")[0].rstrip() for text in reversed(lines[:i]) if text.split("//")[0].strip()), ";")
    return before[-1] in ";{}:" and not lines[i].lstrip().startswith("else")


def switched(lines, numbered):
    """The text with all mutants of (number, Mutant) that one text can hold, and the numbers of these."""
    held = {number for number, mutant in numbered if mutant.edit}
    new = [line_with(line, [(number, mutant.edit) for number, mutant in numbered if mutant.edit and mutant.line == i])
           for i, line in enumerate(lines)]
    swaps = {mutant.line: number for number, mutant in numbered
             if not mutant.edit and len(mutant.before) == 2 and begins_statement(lines, mutant.line)}
    held |= set(swaps.values())
    text, i = [], 0
    while i < len(lines):
        last = i
        while last in swaps:  # a run of writes, of which two neighbours change places
            last += 1
        for at in range(i, last):
            order = [*range(i, at), at + 1, at, *range(at + 2, last + 1)]
            text += [f"if (planted::is({swaps[at]})) {{", *(new[k] for k in order), "} else"]
        text += ["{", *new[i: last + 1], "}"] if last > i else [new[i]]
        i = last + 1
    return "\n".join(text), held
