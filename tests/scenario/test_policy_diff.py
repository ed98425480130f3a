"""`gatekeeper policy diff`: two policies, the same requests."""

from __future__ import annotations

import json
import pathlib
import subprocess
import tempfile
import unittest

import harness

OLD = """policy: p
allow:
  - {id: all, actions: [crm.search, pay]}
limits:
  - {id: few, actions: [crm.search], per: tenant, rate: 2/min, burst: 2}
"""
NEW = OLD.replace("allow:\n", "stop:\n  - {id: large, actions: [pay], when: args.amount > 50, reason: too_large}\nallow:\n")
REQUESTS = [{"action": "pay", "args": {"amount": n}} for n in (10, 60, 70)] + [{"action": "crm.search"}] * 3


class PolicyDiff(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def diff(self, old: str, new: str, requests: list, *flags: str) -> subprocess.CompletedProcess:
        for name, text in (("a", old), ("b", new)):
            (self.folder / name).mkdir(exist_ok=True)
            (self.folder / name / "p.yaml").write_text(text)
        lines = [line if isinstance(line, str) else json.dumps(line) for line in requests]
        (self.folder / "r.ndjson").write_text("\n".join(lines) + "\n\n")
        return subprocess.run([harness.binary(), "policy", "diff", str(self.folder / "a"), str(self.folder / "b"),
                               str(self.folder / "r.ndjson"), *flags],
                              capture_output=True, text=True, timeout=harness.DEADLINE_S)

    def test_the_same(self):
        ended = self.diff(OLD, OLD, REQUESTS)
        self.assertEqual((ended.returncode, ended.stdout), (0, "6 requests: 6 the same, 0 different\n"))

    def test_what_differs_is_told_once_with_its_count(self):
        ended = self.diff(OLD, NEW, REQUESTS)
        self.assertEqual(ended.returncode, 1, ended.stderr)
        self.assertRegex(ended.stdout, r"2 +pay +allow all \(allowed\) +stop large \(too_large\) +line 2\n")
        self.assertIn("6 requests: 4 the same, 2 different\n", ended.stdout)
        report = json.loads(self.diff(OLD, NEW, REQUESTS, "--json").stdout)
        self.assertEqual((report["requests"], report["same"]), (6, 4))
        self.assertEqual(report["changes"], [{
            "a": {"decision": "allow", "layer": "access", "reason": "allowed", "rule": "all"}, "action": "pay",
            "b": {"decision": "stop", "layer": "access", "reason": "too_large", "rule": "large"}, "count": 2, "line": 2}])

    def test_together_limits_count(self):
        looser = OLD.replace("burst: 2", "burst: 3").replace("2/min", "3/min")
        self.assertEqual(self.diff(OLD, looser, REQUESTS).returncode, 0)
        report = json.loads(self.diff(OLD, looser, REQUESTS, "--together", "--json").stdout)
        [change] = report["changes"]
        self.assertEqual((change["a"]["rule"], change["b"]["decision"], change["line"]), ("few", "allow", 6))

    def test_time_and_agent(self):
        night = OLD.replace("[crm.search, pay]}", "[crm.search, pay], when: now.getHours() < 12}")
        self.assertEqual(self.diff(OLD, night, REQUESTS, "--now", "2026-11-23T08:00:00Z").returncode, 0)
        self.assertEqual(self.diff(OLD, night, REQUESTS, "--now", "2026-11-23T18:00:00Z").returncode, 1)
        sales = OLD.replace("policy: p\n", "policy: p\napplies_to: {agents: [sales]}\n")
        self.assertEqual(self.diff(OLD, sales, REQUESTS, "--agent", "sales").returncode, 0)
        self.assertEqual(self.diff(OLD, sales, REQUESTS, "--agent", "other").returncode, 1)

    def test_what_is_wrong(self):
        for line, word in (("{", "r.ndjson:1: "), ("[]", "expected the body"), ('{"action": "!"}', "r.ndjson:1: /action: "),
                           ('{"action": "a", "agrs": {}}', "unknown field")):
            ended = self.diff(OLD, NEW, [line])
            self.assertEqual(ended.returncode, 65)
            self.assertIn(word, ended.stderr)
        self.assertEqual(self.diff(OLD, "policy: [", REQUESTS).returncode, 65)
        (self.folder / "r.ndjson").unlink()
        gone = subprocess.run([harness.binary(), "policy", "diff", "/nowhere", "/nowhere", "/nowhere"], capture_output=True)
        self.assertEqual(gone.returncode, 66)


if __name__ == "__main__":
    harness.main()
