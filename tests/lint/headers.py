#!/usr/bin/env python3
"""Every header compiles alone, and twice in a row: it includes what it needs, behind a guard.

headers.py ROOT COMPILER [FLAG…]
"""
import pathlib
import subprocess
import sys

root, cc = pathlib.Path(sys.argv[1]), sys.argv[2:]
flags = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
         "-I", str(root), "-x", "c", "-"]
bad = 0
for header in sorted(root.rglob("*.h")):
    name = header.relative_to(root)
    once = f'#include "{name}"\n'
    run = subprocess.run(cc + flags, input=once * 2, text=True, capture_output=True, check=False)
    if run.returncode != 0:
        bad = 1
        print(f"{header}: does not compile alone\n{run.stderr}")
sys.exit(bad)
