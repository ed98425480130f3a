#!/usr/bin/env python3
"""The first line of every .c and .h file, after a header's guard, says what the file is for.

purpose.py ROOT…  Folders named trees hold what the lints must refuse: they are passed over.
"""
import pathlib
import re
import sys

GUARD = re.compile(r"#ifndef (\w+_H)\n#define \1\n")
SENTENCE = re.compile(r"/\*\s+(?:\*\s+)?(?P<words>[^*]*?[.?!…])(?:\s|\*)", re.S)


def fault(path):
    """What is wrong with a file's beginning; None when nothing is."""
    text = path.read_text()
    if path.suffix == ".h":
        guard = GUARD.match(text)
        if guard is None:
            return "a header begins with its guard"
        text = text[guard.end():]
    comment = text[:text.find("*/") + 2] if text.startswith("/*") else ""
    sentence = SENTENCE.match(comment.replace("\n *", "\n"))
    if sentence is None:
        return "begins without a sentence that says what it is for"
    return None if len(sentence["words"].split()) >= 3 else "says too little of what it is for"


bad = 0
for root in map(pathlib.Path, sys.argv[1:]):
    for src in sorted(root.rglob("*.[ch]*")):
        if "trees" in src.relative_to(root).parts or src.suffix not in (".c", ".h", ".cc"):
            continue
        what = fault(src)
        if what is not None:
            bad = 1
            print(f"{src}:1: {what}")
sys.exit(bad)
