#!/usr/bin/env python3
"""A lint must refuse a tree, and for the reason that is expected.

refuses.py WORDS LINT ARGUMENT…  Passes when the lint ends with 1 and its output has the words.
"""
import subprocess
import sys

words, lint = sys.argv[1], sys.argv[2:]
run = subprocess.run([sys.executable] + lint, text=True, capture_output=True, check=False)
if run.returncode != 1 or words not in run.stdout:
    print(f"{lint} ended with {run.returncode} and did not say: {words}", run.stdout, run.stderr,
          sep="\n")
    sys.exit(1)
