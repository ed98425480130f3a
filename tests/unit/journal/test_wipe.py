#!/usr/bin/env python3
"""No copy of a shown value stays in the database, however many come and go: SQLite moves rows from page to page.

test_wipe.py FOLDER.  The store's own schema and its own INSERT, many random lives of it.
"""
import os
import pathlib
import random
import re
import sqlite3
import sys
import tempfile

top = pathlib.Path(sys.argv[1])
schema = (top / "schema/journal.sql").read_text()
source = (top / "gatekeeper/journal/write.c").read_text()
insert = "".join(re.findall(r'"([^"]*)"', re.search(r"\[W_OPENING\] =(.*?),\n    \[", source, re.S).group(1)))
stale = 0
for seed in range(12):
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        path = pathlib.Path(folder) / "journal.db"
        store = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = WAL", "secure_delete = ON", "wal_autocheckpoint = 0"):
            store.execute("PRAGMA " + pragma).fetchall()
        store.executescript(schema)
        alive, count = set(), 0
        for _ in range(60):
            store.execute("BEGIN")
            for _ in range(rng.randrange(5, 60)):
                count += 1
                alive.add(count)
                value = '"M4RK-%06d-%s"' % (count, "x" * rng.choice([5, 20, 80, 300, 2000]))
                store.execute(insert, (count, "/note", os.urandom(16), value, rng.choice([0, count])))
            store.execute("COMMIT")
            store.execute("BEGIN")
            for seq in rng.sample(sorted(alive), min(len(alive), rng.randrange(1, 40))):
                alive.discard(seq)
                store.execute("INSERT INTO redaction VALUES (?, '/note', ?)", (seq, seq + 1))
                store.execute("DELETE FROM opening WHERE seq = ?", (seq,))
            store.execute("COMMIT")
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            data = path.read_bytes() + pathlib.Path(f"{path}-wal").read_bytes()
            found = {int(mark) for mark in re.findall(rb"M4RK-(\d{6})-", data)}
            if found != alive:
                stale += 1
                print(f"seed {seed}: {sorted(found ^ alive)[:5]} of {count} are there and shouldn't be, or the other way round")
                break
        store.close()
sys.exit(stale > 0)
