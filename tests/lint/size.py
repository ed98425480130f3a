#!/usr/bin/env python3
"""No file over 600 lines and no function over 100, unless an allowance says how many.

An allowance that is no longer needed is a fault too.  Functions are found by their braces,
which stand alone in the first column.

size.py TOP FOLDER…  Folders named trees hold what the lints must refuse: they are passed over.
"""
import pathlib
import sys

FILE_MAX, FUNCTION_MAX = 600, 100
ALLOW = {
    "gatekeeper/codec/json.c": 700,
    "gatekeeper/codec/record.c": 800,
    "gatekeeper/main/config.c": 800,
    "tests/unit/codec/test_json.c": 650,
    "tests/unit/journal/test_flips.c": 650,
}


def functions(lines):
    """Line number and length of every function."""
    start = 0
    for n, line in enumerate(lines, 1):
        if line == "{":
            start = n
        elif line == "}" and start > 0:
            yield start, n - start + 1
            start = 0


top = pathlib.Path(sys.argv[1])
bad, used = 0, set()
for src in sorted(p for name in sys.argv[2:] for p in (top / name).rglob("*.[ch]*")):
    here, lines = str(src.relative_to(top)), src.read_text().splitlines()
    if "trees" in src.relative_to(top).parts:
        continue
    cap = ALLOW.get(here, FILE_MAX)
    if len(lines) > FILE_MAX:
        used.add(here)
    if len(lines) > cap:
        bad = 1
        print(f"{src}: {len(lines)} lines, more than {cap}")
    for start, length in functions(lines):
        if length > FUNCTION_MAX:
            bad = 1
            print(f"{src}:{start}: a function of {length} lines, more than {FUNCTION_MAX}")
for here in sorted(set(ALLOW) - used):
    bad = 1
    print(f"{here}: its allowance is no longer needed")
sys.exit(bad)
