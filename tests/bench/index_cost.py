#!/usr/bin/env python3
"""What an index on the commit path costs: rows like the journal's, batch by batch, with one index more each time.

usage: index_cost.py [--events N] [--batch N]
Prints bytes of WAL and of database, and processor time, for each event; SQLite's own settings are the journal's.
The fill before the count (half of N) makes the trees deep enough that random keys meet pages of their own.
"""
from __future__ import annotations

import argparse
import os
import pathlib
import random
import sqlite3
import tempfile
import time

KEYS = ["run", "run_first", "tenant", "actor", "action", "action_key", "reason", "approval"]
INDEXES = {
    "none": [],
    "body_run_first": ["CREATE INDEX i1 ON body (run_first) WHERE run_first <> 0"],
    "body_run, body_run_first": ["CREATE INDEX i0 ON body (run) WHERE run_first = seq AND run <> 0",
                                 "CREATE INDEX i1 ON body (run_first) WHERE run_first <> 0"],
}
for key in ("tenant", "actor", "action", "action_key", "reason", "approval"):
    INDEXES[f"those and {key}"] = INDEXES["body_run, body_run_first"] + [f"CREATE INDEX i2 ON body ({key}) WHERE {key} <> 0"]
INDEXES["those and all six"] = INDEXES["body_run, body_run_first"] + [
    f"CREATE INDEX x{key} ON body ({key}) WHERE {key} <> 0" for key in ("tenant", "actor", "action", "action_key", "reason", "approval")]


def rows(count: int):
    """128 runs of ten events at once, 200 tenants, 5000 people, 30 actions, 50 reasons."""
    rng = random.Random(1)
    hashed = [rng.getrandbits(62) for _ in range(10000)]
    lanes = [[0, 0, 10] for _ in range(128)]
    for seq in range(1, count + 1):
        lane = lanes[seq % 128]
        if lane[2] == 10:
            lane[:] = [rng.getrandbits(62), seq, 0]
        lane[2] += 1
        yield (seq, lane[0], lane[1], hashed[lane[0] % 200], hashed[lane[0] % 5000], hashed[rng.randrange(30)], rng.getrandbits(62),
               hashed[rng.randrange(50)], rng.getrandbits(62) if seq % 400 == 0 else 0, rng.randbytes(880))


def measure(name: str, indexes: list[str], args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="gk-index-") as folder:
        path = pathlib.Path(folder) / "db"
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")  # the disk isn't what is measured
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("CREATE TABLE body (seq INTEGER PRIMARY KEY, " + ", ".join(f"{k} INTEGER NOT NULL" for k in KEYS) + ", bytes BLOB NOT NULL) STRICT")
        for sql in indexes:
            db.execute(sql)
        wal = cpu = counted = 0
        batch: list[tuple] = []
        for row in rows(args.events):
            batch.append(row)
            if len(batch) < args.batch:
                continue
            began = time.process_time()
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO body VALUES (?,?,?,?,?,?,?,?,?,?)", batch)
            db.execute("COMMIT")
            took = time.process_time() - began
            size = os.stat(f"{path}-wal").st_size
            if row[0] > args.events // 2:
                wal, cpu, counted = wal + max(0, size - before), cpu + took, counted + len(batch)
            if size > 2 << 20:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                size = 0
            before, batch = size, []
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        print(f"  {name:<28} {wal / counted:>8.0f} {path.stat().st_size / args.events:>8.0f} {cpu / counted * 1e6:>8.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200000)
    parser.add_argument("--batch", type=int, default=32)
    args = parser.parse_args()
    print(f"  {'indexes':<28} {'WAL':>8} {'database':>8} {'CPU, µs':>8}   an event; {args.events} events in batches of {args.batch}")
    for name, indexes in INDEXES.items():
        measure(name, indexes, args)


main()
