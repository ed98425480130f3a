#!/usr/bin/env python3
"""Walk all faults and print what became of each as a table, in Markdown: how many places, who was told, what was silent.

table.py [--build FOLDER] [--quick] [PART...]

PART   journal, flips, server, lives, life_faults; default: all of them
--quick  as few places as the tests walk every day; otherwise every place
--from FILE  print the table of what a run of the tests has printed before, instead of walking

A walk fails when something is silent; then this fails, too, and prints what the walk said.  The one exception
is counted: a flip in the part of a killed process's WAL that is younger than the published checkpoint.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PARTS = {"journal": ["unit/journal/test_journal_crash"], "flips": ["unit/journal/test_journal_flips"],
         "server": [HERE / "test_faults.py"], "lives": [HERE / "test_lives.py"], "life_faults": [HERE / "test_life_faults.py"]}

# What a walk prints: its pattern, and the row (whose, what, places, reported, by an operator's word, silent).
FORMS = [
    (r"# walked: (\S+) \| (\w+) \| (\d+) of \d+ \| started \d+$",
     lambda m: (f"life with {m[1]}", m[2], int(m[3]), 0, 0, 0)),
    (r"# walked: (\S+) \| (.+?) \| \d+ of \d+ \| struck (\d+), ended by it (\d+), asked for an operator (\d+)",
     lambda m: (f"life with {m[1]}", m[2], int(m[3]), int(m[4]), int(m[5]), 0)),
    (r"# (?!walked)(\S.*): (\d+) runs, struck \d+, ended early (\d+), recovered by an operator (\d+)",
     lambda m: ("journal", m[1].replace("_", " "), int(m[2]), int(m[3]), int(m[4]), 0)),
    (r"# (\w+ \w+): struck (\d+) times, exits \{(.*)\}, recovered by hand (\d+)",
     lambda m: ("server", m[1], int(m[2]), sum(int(n) for code, n in re.findall(r"(\d+): (\d+)", m[3]) if code != "0"), int(m[4]), 0)),
    (r"# (.*?) +(\d+) flips: .*; harmless (\d+)",
     lambda m: ("bit flips", m[1], int(m[2]), int(m[2]) - int(m[3]), 0, 0)),
    (r"# unpublished +(\d+) flips: reported by open (\d+), by the boot event (\d+)",
     lambda m: ("bit flips", "WAL, not yet published", int(m[1]), int(m[2]) + int(m[3]), 0, int(m[1]) - int(m[2]) - int(m[3]))),
]


def row_of(line: str) -> tuple | None:
    for pattern, row in FORMS:
        found = re.match(pattern, line)
        if found:
            return row(found)
    return None


def environment(build: pathlib.Path, quick: bool) -> dict[str, str]:
    whole = {} if quick else {"CRASH_POINTS": "0", "FAULT_POINTS": "0", "FAULT_STRIDE": "1"}
    return {**os.environ, "GATEKEEPER": str(build / "gatekeeper/main/gatekeeper"), "PYTHONDONTWRITEBYTECODE": "1",
            "FAULT_PRELOAD": str(build / "tests/crash/libfault_preload.so"),
            "TRACE_PRELOAD": str(build / "tests/crash/libtrace_preload.so"),
            "CLOCK_PRELOAD": str(build / "tests/scenario/libclock_preload.so"), **whole}


def walk(command: list, env: dict[str, str]) -> list[str]:
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        sys.exit(f"{command[-1]}: exit {done.returncode}\n{done.stdout[-8000:]}")
    return done.stdout.splitlines()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--from", dest="source", type=argparse.FileType())
    parser.add_argument("parts", nargs="*", metavar="PART", default=list(PARTS))
    options = parser.parse_args()
    build, lines = options.build.resolve(), []
    for part in [] if options.source else options.parts:
        program = PARTS[part][0]
        command = [sys.executable, str(program)] if isinstance(program, pathlib.Path) else [str(build / "tests" / program)]
        lines += walk(command, environment(build, options.quick))
    rows = sorted(row for row in map(row_of, options.source or lines) if row is not None)
    print("| whose | what | places | reported | of them to an operator | harmless | silent |\n|---|---|--:|--:|--:|--:|--:|")
    total = [0] * 5
    for whose, what, places, reported, operator, silent in rows:
        told = max(reported, operator)
        counts = [places, told, operator, places - told - silent, silent]
        total = [a + b for a, b in zip(total, counts)]
        print(f"| {whose} | {what} | {' | '.join(map(str, counts))} |")
    print(f"| all | | {' | '.join(map(str, total))} |")
    sys.exit(0 if rows else 1)


if __name__ == "__main__":
    main()
