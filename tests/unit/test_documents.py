#!/usr/bin/env python3
"""Every key of a schema is explained in its document.

test_documents.py SCHEMA DOCUMENT: each member, at any depth, stands there as `name` (or at the
end of a `path.name`), and each word of an enum as `word`.
"""
import json
import pathlib
import re
import sys

schema, document = (pathlib.Path(p) for p in sys.argv[1:3])
said = {word.split(".")[-1] for word in re.findall(r"`([a-z_.]+)`", document.read_text())}


def names(part):
    """All names and words that a part of the schema holds."""
    for name, inner in part.get("properties", {}).items():
        yield name
        yield from names(inner)
    for inner in part.get("$defs", {}).values():
        yield from names(inner)
    yield from part.get("enum", [])


missing = sorted(set(names(json.loads(schema.read_text()))) - said)
if missing:
    print(f"{document}: nothing about {', '.join(missing)}")
    sys.exit(1)
