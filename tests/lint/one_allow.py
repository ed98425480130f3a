#!/usr/bin/env python3
"""Exactly one line of the program writes DECISION_ALLOW as a value.

Comparing with it, a case of a switch, an index such as [DECISION_ALLOW] and the enum's own
list don't count; whatever else names it does.  So does a cast of anything into the enum.
"""
import pathlib
import re
import sys

from clean import clean, line_of

ENUM_BODY = re.compile(r"\benum\s+\w*\s*\{[^}]*\}")
HARMLESS = re.compile(
    r"(?:==|!=)\s*DECISION_ALLOW\b|\bDECISION_ALLOW\s*(?:==|!=)"
    r"|\bcase\s+DECISION_ALLOW\s*:|\[\s*DECISION_ALLOW\s*\]")
VALUE = re.compile(r"\bDECISION_ALLOW\b|\(\s*enum\s+decision\s*\)")

places = []
for src in sorted(pathlib.Path(sys.argv[1]).rglob("*")):
    if src.suffix not in (".c", ".h", ".def"):
        continue
    text = clean(src.read_text())
    for harmless in (ENUM_BODY, HARMLESS):
        text = harmless.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    places += [f"{src}:{line_of(text, m.start())}" for m in VALUE.finditer(text)]
if len(places) != 1:
    print(f"DECISION_ALLOW is written in {len(places)} places, not in one", *places, sep="\n")
    sys.exit(1)
