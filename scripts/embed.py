#!/usr/bin/env python3
"""Turn a text file into a C string: embed.py INPUT OUTPUT NAME."""
import pathlib, sys

text = pathlib.Path(sys.argv[1]).read_text()
out = [f"/* {pathlib.Path(sys.argv[1]).name}, as the program carries it.  Made by the build. */",
       f"static const char {sys.argv[3]}[] ="]
for line in text.splitlines():
    line = line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    out.append(f'    "{line}\\n"')
pathlib.Path(sys.argv[2]).write_text("\n".join(out) + ";\n")
