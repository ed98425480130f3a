#!/usr/bin/env python3
"""Measures the console on a long log: bytes over the wire of each page's first load, and how long until its data stands there.

usage: pages.py BUILD_DIR [--events N] [--times N] [--dir DIR] [--json FILE]
BUILD_DIR is a release build with -Dbench=true; needs Node and Chromium (scripts/install-deps --test).  For each page it prints
  bytes  what came over the wire, nothing cached before: headers, page, style, scripts and answers of the API
  first  milliseconds from navigation, with nothing cached, until the page's data was painted; the best, the middle and the worst
  again  the same with the browser's cache
Data counts as drawn in the second frame after it stands in the page: a tile with its number, a row with its event.  The time
is the browser's own; that what was drawn is what the API says is checked.  Figures, never a gate: they are of one machine,
and grow with whatever else it does, so its load is printed, and the best of several is what the program needs.
"""
from __future__ import annotations

import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
FULL_KB, DRAWN_MS = 100, 300
POLICY = """\
policy: pages
stop:
%s
allow:
  - {id: tools, actions: ["tool.*", "refund.*"], roles: [support]}
limits:
  - {id: per-tenant, per: tenant, rate: 1000000/s}
budgets:
  - {id: spend, per: tenant, unit: usd, amount: 1000, every: day, cost: '0.001'}
approvals:
  - {id: refunds, actions: ["refund.*"], approvers: {groups: [finance]}, show: [/order, /amount], expires: 8h}
""" % "\n".join(f"  - {{id: stop-{i}, actions: [tool.a{i}], reason: stopped_{i}, when: 'args.amount % 10 == {i % 10}'}}" for i in range(20))
CONFIG = """\
listen: 127.0.0.1:%d
data_dir: data
policy_dir: policies
admission_rate: 1000000
admission_burst: 1000000
runs_per_identity: 1000000
approvals_per_hour: 0
audit: {show_fields: [order, amount]}
"""
PENDING = 20


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def browser_folder(build: pathlib.Path) -> pathlib.Path:
    """Where the browser's tests have their packages; they are installed there once."""
    there = HERE.parent / "browser/test_console.py"
    spec = importlib.util.spec_from_file_location("test_console", there)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = build.resolve() / "tests/browser/work"
    module.prepare(folder)
    shutil.copy(HERE / "pages.mjs", folder / "bench_pages.mjs")
    return folder


class Server:
    def __init__(self, build: pathlib.Path, root: pathlib.Path, events: int) -> None:
        self.binary, self.root, self.port = (build / "gatekeeper/main/gatekeeper").resolve(), root, free_port()
        self.config = root / "gatekeeper.yaml"
        (root / "policies").mkdir(exist_ok=True)
        (root / "policies/pages.yaml").write_text(POLICY)
        self.config.write_text(CONFIG % self.port)
        if not (root / "data").exists():
            subprocess.run([build / "tests/bench/audit_fill", root / "data", root / "policies", str(events)], check=True, stdout=sys.stderr)
        self.process = subprocess.Popen([self.binary, "serve", "--config", self.config], stderr=(root / "log").open("w"))
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return
            except OSError:
                time.sleep(0.02)
        sys.exit("it doesn't listen")

    def token(self, name: str, kind: str, *more: str) -> str:
        return subprocess.run([self.binary, "token", "create", "--config", self.config, "--id", f"{name}-{time.time_ns()}", "--kind", kind,
                               "--tenant", "*", *more], capture_output=True, text=True, check=True).stdout.strip()


def row(name: str, page: dict) -> str:
    def times(list_: list[float]) -> str:
        a = sorted(list_)
        return f"{a[0]:5.0f} {a[len(a) // 2]:5.0f} {a[-1]:5.0f}"
    return f"  {name:<12} {page['bytes'] / 1000:6.1f} KB   first {times(page['first'])} ms   again {times(page['again'])} ms"


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("build", type=pathlib.Path)
    args.add_argument("--events", type=int, default=100000)
    args.add_argument("--times", type=int, default=9)
    args.add_argument("--dir", type=pathlib.Path)
    args.add_argument("--json", type=pathlib.Path)
    asked = args.parse_args()
    root = asked.dir or pathlib.Path(tempfile.mkdtemp(prefix="gk-pages-"))
    root.mkdir(parents=True, exist_ok=True)
    server = None
    try:
        folder = browser_folder(asked.build)
        server = Server(asked.build, root, asked.events)
        setup = {
            "url": f"http://127.0.0.1:{server.port}", "times": asked.times, "pending": PENDING,
            "tokens": {"agent": server.token("asker", "agent", "--can", "agent", "--may-actors", "*", "--may-roles", "*"),
                       "all": server.token("all", "human", "--can", "approver", "--can", "operator", "--can", "auditor", "--group", "finance")}}
        before = os.getloadavg()[0]
        done = subprocess.run(["node", folder / "bench_pages.mjs"], check=True, stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "GATEKEEPER_PAGES": json.dumps(setup)})
        found = {**json.loads(done.stdout), "load": [before, os.getloadavg()[0]]}
    finally:
        if server is not None:
            server.process.terminate()
            server.process.wait(60)
        if asked.dir is None:
            shutil.rmtree(root, ignore_errors=True)
    print(f"{found['events']} events; load of the machine {found['load'][0]:.1f} before, {found['load'][1]:.1f} after; {asked.times} times: best, middle, worst")
    for name, page in found["pages"].items():
        print(row(name, page))
    most = max(page["bytes"] for page in found["pages"].values())
    slowest = max(min(page["first"]) for page in found["pages"].values())
    print(f"the largest first page {most / 1000:.1f} KB (wanted: {FULL_KB}), the slowest at its best {slowest:.0f} ms (wanted: {DRAWN_MS})")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


main()
