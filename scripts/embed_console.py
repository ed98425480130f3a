#!/usr/bin/env python3
"""Turn the console's files into a C table: embed_console.py OUTPUT FILE..."""
import hashlib
import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8"}


def literal(data):
    """C string literals of the bytes, a line of them per line of the file."""
    out = []
    for line in data.splitlines(keepends=True):
        text = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in line)
        out.append(f'\t"{text}"')
    return "\n".join(out) or '\t""'


def main():
    rows, texts = [], []
    for number, name in enumerate(sorted(sys.argv[2:], key=lambda name: pathlib.Path(name).name)):
        path = pathlib.Path(name)
        data = path.read_bytes()
        tag = hashlib.sha256(data).hexdigest()[:32]
        texts.append(f"static const char console_{number}[] =\n{literal(data)};")
        rows.append(f'\t{{"{path.name}", "{TYPES[path.suffix]}", "\\"{tag}\\"", console_{number}, {len(data)}}},')
    pathlib.Path(sys.argv[1]).write_text(
        "/* The console's files, as the program carries them.  Made by the build. */\n"
        + "\n".join(texts) + "\nstatic const struct console_file console_files[] = {\n" + "\n".join(rows) + "\n};\n")


main()
