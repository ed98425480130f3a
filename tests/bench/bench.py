#!/usr/bin/env python3
"""Measures gatekeeper beside a bare libmicrohttpd server, in one run on one machine.  Figures are ratios, never a gate.

usage: bench.py BUILD_DIR [--seconds N] [--json FILE]
BUILD_DIR is a release build with -Dbench=true; needs wrk.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TICK = os.sysconf("SC_CLK_TCK")


def policy(rules: int) -> str:
    """40 actions that the load uses and `rules` in all; each action meets one allow rule, one rate and one budget."""
    lines = ["policy: bench", "allow:"]
    lines += [f"  - {{id: allow-{i}, actions: [{'tool' if i < 40 else 'other'}.a{i}], roles: [support]}}" for i in range(rules - 2)]
    lines += ["limits:", "  - {id: per-tenant, per: tenant, rate: 1000000/s}"]
    lines += ["budgets:", "  - {id: spend, per: tenant, unit: usd, amount: 1000000000, every: day, cost: '0.001'}"]
    return "\n".join(lines) + "\n"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident_kib(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))


def until_open(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.002)
    sys.exit(f"nothing listens on port {port}")


def wrk(port: int, connections: int, seconds: int, pid: int, env: dict[str, str]) -> dict[str, float]:
    before = cpu_seconds(pid)
    out = subprocess.run(["wrk", "-t", "1" if connections == 1 else "2", "-c", str(connections), "-d", str(seconds), "--latency",
                          "-s", str(HERE / "decide.lua"), f"http://127.0.0.1:{port}"], env={**os.environ, **env},
                         capture_output=True, text=True, check=True)
    cpu = cpu_seconds(pid) - before
    if out.stderr.strip() or "Non-2xx" in out.stdout:
        sys.exit(f"wrk met errors:\n{out.stdout}{out.stderr}")
    units = {"us": 1.0, "ms": 1e3, "s": 1e6}
    p = {m[0]: float(m[1]) * units[m[2]] for m in re.findall(r"^\s+(50|75|90|99)%\s+([\d.]+)(us|ms|s)$", out.stdout, re.M)}
    count = int(re.search(r"(\d+) requests in", out.stdout).group(1))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out.stdout).group(1))
    p999 = float(re.search(r"^p99\.9 (\d+) us$", out.stdout, re.M).group(1))
    return {"rps": rate, "p50_us": p["50"], "p90_us": p["90"], "p99_us": p["99"], "p999_us": p999, "cpu_us": cpu / count * 1e6, "requests": count}


class Gatekeeper:
    def __init__(self, binary: pathlib.Path, root: pathlib.Path, rules: int) -> None:
        self.binary, self.root, self.port = binary, root, free_port()
        (root / "policies").mkdir(parents=True)
        (root / "policies/bench.yaml").write_text(policy(rules))
        self.config = root / "gatekeeper.yaml"
        self.config.write_text(f"listen: 127.0.0.1:{self.port}\ndata_dir: data\npolicy_dir: policies\n"
                               "admission_rate: 1000000\nadmission_burst: 1000000\nruns_per_identity: 1000000\napprovals_per_hour: 0\n")
        self.start()
        self.token = subprocess.run([binary, "token", "create", "--config", self.config, "--id", "agent", "--kind", "agent", "--can",
                                     "agent", "--tenant", "*", "--may-actors", "*", "--may-roles", "*"],
                                    capture_output=True, text=True, check=True).stdout.strip()

    def start(self) -> float:
        began = time.monotonic()
        self.process = subprocess.Popen([self.binary, "serve", "--config", self.config], stderr=subprocess.DEVNULL)
        until_open(self.port)
        return (time.monotonic() - began) * 1e3

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def load(self, connections: int, seconds: int, tag: str) -> dict[str, float]:
        return wrk(self.port, connections, seconds, self.process.pid, {"BENCH_TOKEN": self.token, "BENCH_TAG": tag})


def fdatasync_us(folder: pathlib.Path) -> float:
    times = []
    fd = os.open(folder / "sync", os.O_CREAT | os.O_WRONLY)
    for i in range(200):
        os.pwrite(fd, b"x" * 4096, i * 4096)
        began = time.perf_counter()
        os.fdatasync(fd)
        times.append(time.perf_counter() - began)
    os.close(fd)
    return sorted(times)[100] * 1e6


def row(name: str, r: dict[str, float]) -> str:
    return f"  {name:<28} {r['rps']:>9.0f}/s   p50 {r['p50_us']:>7.0f} µs   p99 {r['p99_us']:>8.0f} µs   p99.9 {r['p999_us']:>8.0f} µs   CPU {r['cpu_us']:>5.1f} µs"


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("build", type=pathlib.Path)
    args.add_argument("--seconds", type=int, default=8)
    args.add_argument("--json", type=pathlib.Path)
    asked = args.parse_args()
    binary = (asked.build / "gatekeeper/main/gatekeeper").resolve()
    bare = (asked.build / "tests/bench/bare_server").resolve()
    root = pathlib.Path(tempfile.mkdtemp(prefix="gk-bench-"))
    found: dict[str, object] = {}
    try:
        found["fdatasync_us"] = fdatasync_us(root)
        print(f"one fdatasync of this disk, median: {found['fdatasync_us']:.0f} µs")
        port = free_port()
        server = subprocess.Popen([bare, str(port)])
        until_open(port)
        gate = Gatekeeper(binary, root / "gate", 100)
        found["idle_kib"] = resident_kib(gate.process.pid)
        print(f"idle resident memory: {found['idle_kib']} KiB")
        for connections in (1, 32, 128):
            env = {"BENCH_TOKEN": gate.token, "BENCH_TAG": f"c{connections}"}
            a = wrk(port, connections, asked.seconds, server.pid, env)
            b = gate.load(connections, asked.seconds, f"c{connections}")
            found[f"c{connections}"] = {"a": a, "b": b, "ratio_rps": b["rps"] / a["rps"]}
            print(f"{connections} connections: b/a = {b['rps'] / a['rps']:.2f}")
            print(row("(a) bare libmicrohttpd", a))
            print(row("(b) gatekeeper, 100 rules", b), flush=True)
        server.kill()
        seq = int(subprocess.run(["sqlite3", "-readonly", root / "gate/data/journal.db", "SELECT max(seq) FROM body"],
                                 capture_output=True, text=True, check=True).stdout) + 1
        found["rss_loaded_kib"] = resident_kib(gate.process.pid)
        gate.stop()
        size = (root / "gate/data/journal.db").stat().st_size
        found["bytes_per_event"] = size / seq
        print(f"{seq} events, {size / seq:.0f} bytes each on disk; resident with every run still open: {found['rss_loaded_kib']} KiB")
        found["start_loaded_ms"] = gate.start()
        print(f"start with that journal, every run and result open: {found['start_loaded_ms']:.0f} ms")
        gate.stop()
        starts = []
        for i in range(5):
            empty = Gatekeeper(binary, root / f"empty{i}", 100)
            empty.stop()
            shutil.rmtree(root / f"empty{i}/data")
            starts.append(empty.start())
            empty.stop()
        found["start_empty_ms"] = sorted(starts)[2]
        print(f"start on an empty journal, keys made: {found['start_empty_ms']:.0f} ms")
        p50 = {}
        few, many = Gatekeeper(binary, root / "few", 42), Gatekeeper(binary, root / "many", 10000)
        for i in range(3):
            for name, g in (("few", few), ("many", many)):
                p50.setdefault(name, []).append(g.load(8, max(2, asked.seconds // 3), f"r{i}")["p50_us"])
        few.stop()
        many.stop()
        ratio = sorted(p50["many"])[1] / sorted(p50["few"])[1]
        found["rules_ratio"] = ratio
        print(f"p50 with 10000 rules is {ratio:.2f} x that with 42")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


main()
