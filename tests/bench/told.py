#!/usr/bin/env python3
"""Measures what notifications cost decisions: p99 with none, with three targets that take everything, with three that are dead.

usage: told.py BUILD_DIR [--seconds N] [--rounds N] [--json FILE]
One run on one machine; figures are ratios, never a gate.  Needs wrk.  Every decision is told to every target, which nobody would
configure: an outbox is always full.  Each round starts a server of its own for each of
  none     no notify
  healthy  two webhooks and a Slack, which answer at once (their receiver runs at the lowest priority)
  dead     a webhook that refuses connections, a Slack that takes a request and never answers, a mail server that is silent
under the same offered load, and the best and the middle round count: what is worse than those is the machine's.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import crowd  # noqa: E402

ALL = 'kind == "decision"'
RECEIVER = """\
import asyncio, sys
async def serve(reader, writer):
    try:
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\\r\\n")[1:] if b": " in line)
            await reader.readexactly(int(fields[b"content-length"]))
            if sys.argv[1] == "healthy":
                writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
                print("1", flush=True)
    except (asyncio.IncompleteReadError, OSError):
        pass
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


class Receiver:
    def __init__(self, how: str, root: pathlib.Path) -> None:
        self.out = (root / f"{how}.out").open("wb+")
        self.process = subprocess.Popen([sys.executable, "-c", RECEIVER, how], stdout=self.out, preexec_fn=lambda: os.nice(19))
        crowd.until("a receiver", lambda: self.lines() >= 1)
        self.port = int((root / f"{how}.out").read_bytes().split()[0])

    def lines(self) -> int:
        return pathlib.Path(self.out.name).read_bytes().count(b"\n")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.out.close()


def targets(kind: str, healthy: int, hanging: int, silent: int, secret: pathlib.Path) -> list[dict]:
    """As JSON, which is YAML."""
    def http(name: str, kind: str, port: int) -> dict:
        more = {"secret_files": [str(secret)]} if kind == "webhook" else {}
        return {"name": name, "kind": kind, "url": f"http://127.0.0.1:{port}/", "private_addresses": True, "when": ALL, **more}
    if kind == "none":
        return []
    if kind == "healthy":
        return [http("a", "webhook", healthy), http("b", "webhook", healthy), http("c", "slack", healthy)]
    return [http("a", "webhook", 1), http("b", "slack", hanging),
            {"name": "c", "kind": "email", "url": f"smtp://127.0.0.1:{silent}", "private_addresses": True, "when": ALL,
             "from": "a@example.com", "to": ["b@example.com"]}]


def measure(binary: pathlib.Path, root: pathlib.Path, kind: str, chosen: list[dict], seconds: int) -> dict[str, float]:
    folder = pathlib.Path(tempfile.mkdtemp(dir=root))
    if chosen:
        crowd_config = crowd.CONFIG + "notify: " + json.dumps({"targets": chosen}) + "\n"
    else:
        crowd_config = crowd.CONFIG
    server = crowd.Server(binary, folder, 64, crowd_config)
    try:
        loader = server.token("loader", "agent", "agent", "--may-actors", "*", "--may-roles", "*")
        metrics = server.token("metrics", "service", "metrics")
        crowd.load(server, loader, 2, f"{kind}-warm")
        found = crowd.load(server, loader, seconds, kind)
        for name in [one["name"] for one in chosen]:
            for what in ("sent_total", "failures_total"):
                found[f"{name}.{what}"] = server.metric(f'gatekeeper_notify_{what}{{target="{name}"}}', metrics)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(60)
    finally:
        if server.process.poll() is None:
            server.process.kill()
        shutil.rmtree(folder, ignore_errors=True)
    return found


def check(kind: str, one: dict[str, float]) -> None:
    """A figure of targets that weren't what they are said to be is none."""
    sent = [one[name] for name in one if name.endswith("sent_total")]
    if kind == "healthy" and (len(sent) != 3 or min(sent) == 0) or kind == "dead" and (len(sent) != 3 or max(sent) > 0):
        sys.exit(f"the {kind} targets weren't: {one}")


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("build", type=pathlib.Path)
    args.add_argument("--seconds", type=int, default=8)
    args.add_argument("--rounds", type=int, default=5)
    args.add_argument("--json", type=pathlib.Path)
    asked = args.parse_args()
    root = pathlib.Path(tempfile.mkdtemp(prefix="gk-told-"))
    secret = root / "secret"
    secret.write_text("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")
    binary = (asked.build / "gatekeeper/main/gatekeeper").resolve()
    kinds, rounds, load = ("none", "healthy", "dead"), [], [os.getloadavg()[0]]
    receivers = []
    try:
        receivers = [Receiver("healthy", root), Receiver("hanging", root)]
        with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:  # connections are made by the system, and nobody speaks
            for _ in range(asked.rounds):
                rounds.append({kind: measure(binary, root, kind, targets(kind, receivers[0].port, receivers[1].port,
                                                                         silent.getsockname()[1], secret), asked.seconds) for kind in kinds})
                for kind in kinds:
                    check(kind, rounds[-1][kind])
    finally:
        for one in receivers:
            one.close()
        shutil.rmtree(root, ignore_errors=True)
    load.append(os.getloadavg()[0])
    print(f"load of the machine {load[0]:.1f} before, {load[1]:.1f} after (ours included); {asked.rounds} rounds of {asked.seconds} s")
    best = {kind: min(one[kind]["p99_ms"] for one in rounds) for kind in kinds}
    middle = {kind: statistics.median(one[kind]["p99_ms"] for one in rounds) for kind in kinds}
    for kind in kinds:
        rows = [one[kind] for one in rounds]
        told = sum(value for row in rows for name, value in row.items() if name.endswith("sent_total"))
        print(f"  {kind:<8} p50 {min(row['p50_ms'] for row in rows):.2f} ms  p99 best {best[kind]:.2f} ms, middle {middle[kind]:.2f} ms ({best[kind] / best['none']:.2f} x, "
              f"{middle[kind] / middle['none']:.2f} x)  CPU {min(row['cpu_us'] for row in rows):.0f} µs a decision  {max(row['rps'] for row in rows):.0f}/s  {told:.0f} told")
    if asked.json:
        asked.json.write_text(json.dumps({"rounds": rounds, "load": load}, indent=1) + "\n")


if __name__ == "__main__":
    main()
