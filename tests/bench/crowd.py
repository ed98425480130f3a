#!/usr/bin/env python3
"""Measures what clients cost that wait or follow: memory for each, and the p99 of decisions with and without them.

usage: crowd.py BUILD_DIR [--clients N] [--seconds N] [--json FILE]
One run on one machine; figures are ratios, never a gate.  Needs wrk, and descriptors for N clients twice.
Half of the clients are streams of one run each, half wait for an approval; ten more follow everything.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import resource
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
POLICY = """\
policy: crowd
allow:
  - {id: tools, actions: ["tool.*", refund.create]}
approvals:
  - {id: human, actions: [refund.create], approvers: {groups: [finance]}, expires: 1h}
limits:
  - {id: per-tenant, actions: ["tool.*"], per: tenant, rate: 1000000/s}
"""
CONFIG = """\
listen: 127.0.0.1:%d
data_dir: data
policy_dir: policies
admission_rate: 1000000
admission_burst: 1000000
runs_per_identity: 1000000
approvals_per_hour: 0
max_connections: %d
"""
AGENTS = 10


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, binary: pathlib.Path, root: pathlib.Path, clients: int, config: str = CONFIG) -> None:
        self.binary, self.root, self.port = binary, root, free_port()
        (root / "policies").mkdir()
        (root / "policies/crowd.yaml").write_text(POLICY)
        (root / "gatekeeper.yaml").write_text(config % (self.port, clients * 2 + 1024))
        self.process = subprocess.Popen([binary, "serve", "--config", root / "gatekeeper.yaml"], stderr=(root / "log").open("w"))
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return
            except OSError:
                time.sleep(0.02)
        sys.exit("it doesn't listen")

    def token(self, name: str, kind: str, can: str, *more: str) -> str:
        return subprocess.run([self.binary, "token", "create", "--config", self.root / "gatekeeper.yaml", "--id", name, "--kind", kind,
                               "--can", can, "--tenant", "*", *more], capture_output=True, text=True, check=True).stdout.strip()

    def resident_kib(self) -> int:
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text()).group(1))

    def cpu_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def metric(self, name: str, token: str) -> float:
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.sendall(f"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            text = b""
            while piece := s.recv(65536):
                text += piece
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text.decode(), re.M).group(1))


class Crowd:
    """Sockets that are read by one thread and otherwise left alone."""

    def __init__(self, server: Server) -> None:
        self.server, self.sockets, self.bytes, self.closed = server, [], 0, 0
        self.selector, self.ends = selectors.DefaultSelector(), False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def add(self, request: str) -> None:
        s = socket.create_connection(("127.0.0.1", self.server.port), 30)
        s.sendall(request.encode())
        s.setblocking(False)
        self.sockets.append(s)
        self.selector.register(s, selectors.EVENT_READ)

    def read(self) -> None:
        while not self.ends:
            for key, _ in self.selector.select(0.1):
                try:
                    piece = key.fileobj.recv(65536)
                except BlockingIOError:
                    continue
                except OSError:
                    piece = b""
                self.bytes += len(piece)
                if not piece:
                    self.closed += 1
                    self.selector.unregister(key.fileobj)

    def close(self) -> None:
        self.ends = True
        self.thread.join()
        for s in self.sockets:
            s.close()


def stream(token: str, query: str) -> str:
    return f"GET /v1/events/stream{query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"


def wait(token: str, i: int) -> str:
    body = json.dumps({"run_id": f"wait_{i}", "step_id": "1", "tenant_id": "t_1", "action": "refund.create",
                       "args": {"order": f"A-{i}", "amount": 120.5}})
    return (f"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nPrefer: wait=300\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}")


def load(server: Server, token: str, seconds: int, tag: str) -> dict[str, float]:
    """Paced decisions: the same offered load with and without a crowd."""
    before = server.cpu_seconds()
    out = subprocess.run(["wrk", "-t", "1", "-c", "16", "-d", str(seconds), "--latency", "-s", str(HERE / "decide.lua"),
                          f"http://127.0.0.1:{server.port}"], capture_output=True, text=True, check=True,
                         env={**os.environ, "BENCH_TOKEN": token, "BENCH_TAG": tag, "BENCH_PAUSE_MS": "10"}).stdout
    units = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    p = {m[0]: float(m[1]) * units[m[2]] for m in re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)$", out, re.M)}
    cpu = (server.cpu_seconds() - before) / int(re.search(r"(\d+) requests in", out).group(1)) * 1e6
    return {"p50_ms": p["50"], "p99_ms": p["99"], "cpu_us": cpu, "rps": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))}


def until(what: str, check) -> None:
    end = time.monotonic() + 120
    while not check():
        if time.monotonic() > end:
            sys.exit(f"waited in vain for {what}")
        time.sleep(0.1)


def measure(server: Server, clients: int, seconds: int) -> dict[str, object]:
    metrics = server.token("metrics", "service", "metrics")
    loader = server.token("loader", "agent", "agent", "--may-actors", "*", "--may-roles", "*")
    auditors = [server.token(f"auditor-{i}", "human", "auditor") for i in range(AGENTS)]
    agents = [server.token(f"agent-{i}", "agent", "agent") for i in range(AGENTS)]
    half, found, crowd = clients // 2, {}, Crowd(server)
    before = [load(server, loader, seconds, "a"), load(server, loader, seconds, "b")]
    start = server.resident_kib()
    for i in range(half):
        crowd.add(stream(auditors[i % AGENTS], f"?run_id=wait_{i}"))
    until("streams", lambda: server.metric("gatekeeper_event_streams", metrics) >= half)
    streams = server.resident_kib()
    for i in range(half):
        crowd.add(wait(agents[i % AGENTS], i))
    until("waits", lambda: server.metric("gatekeeper_waiters", metrics) >= half)
    waits = server.resident_kib()
    quiet = load(server, loader, seconds, "c")
    for i in range(10):
        crowd.add(stream(auditors[i], ""))
    followed = load(server, loader, seconds, "d")
    followed_kib = server.resident_kib()
    if crowd.closed > 0:
        print(f"{crowd.closed} of the crowd were hung up on")
    began = time.monotonic()
    crowd.close()
    until("the end of the streams", lambda: server.metric("gatekeeper_event_streams", metrics) == 0)
    found["gone_s"] = time.monotonic() - began
    after = load(server, loader, seconds, "e")
    alone = sorted(one["p99_ms"] for one in [*before, after])[1]
    found.update({
        "clients": clients, "stream_kib": (streams - start) / half, "wait_kib": (waits - streams) / half,
        "followed_kib": followed_kib, "alone": [*before, after], "crowd": quiet, "followed": followed,
        "p99_ratio": quiet["p99_ms"] / alone, "p99_ratio_followed": followed["p99_ms"] / alone,
    })
    return found


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("build", type=pathlib.Path)
    args.add_argument("--clients", type=int, default=5000)
    args.add_argument("--seconds", type=int, default=8)
    args.add_argument("--json", type=pathlib.Path)
    asked = args.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    root = pathlib.Path(tempfile.mkdtemp(prefix="gk-crowd-"))
    server = None
    try:
        server = Server((asked.build / "gatekeeper/main/gatekeeper").resolve(), root, asked.clients)
        found = measure(server, asked.clients, asked.seconds)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        found["stopped"] = server.process.wait(60)
        found["stop_s"] = time.monotonic() - began
    finally:
        if server is not None and server.process.poll() is None:
            server.process.kill()
        print((root / "log").read_text()[-500:], file=sys.stderr)
        shutil.rmtree(root, ignore_errors=True)
    print(f"{asked.clients} clients: a stream {found['stream_kib']:.1f} KiB, a wait {found['wait_kib']:.1f} KiB (its run and approval included)")
    for name in ("crowd", "followed"):
        one = found[name]
        print(f"  {name:<9} p50 {one['p50_ms']:.2f} ms  p99 {one['p99_ms']:.2f} ms  CPU {one['cpu_us']:.0f} µs  {one['rps']:.0f}/s")
    for one in found["alone"]:
        print(f"  alone     p50 {one['p50_ms']:.2f} ms  p99 {one['p99_ms']:.2f} ms  CPU {one['cpu_us']:.0f} µs  {one['rps']:.0f}/s")
    print(f"p99 with the crowd {found['p99_ratio']:.2f} x, with ten more who follow everything {found['p99_ratio_followed']:.2f} x")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
