"""What deploy/ ships names only metrics and labels that /metrics has; promtool, where it is installed, agrees."""

import base64
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

DEPLOY = harness.REPO / "deploy"
RULES, DASHBOARD = DEPLOY / "prometheus-rules.yaml", DEPLOY / "grafana-dashboard.json"
NAME = re.compile(r"\bgatekeeper_[a-z0-9_]+\b")


def witness_line():
    """A policy with a witness that nobody runs: its metrics are there all the same."""
    key = base64.b64decode("xGrcLxLlCyTmFjAxkwVSxPF8CD4iJzBzb7tK3PvGq0U=")
    name = "witness.example"
    number = hashlib.sha256(name.encode() + b"\n\x04" + key).hexdigest()[:8]
    text = base64.b64encode(b"\x04" + key).decode()
    return f"witness w1 {name}+{number}+{text} http://127.0.0.1:9/\nquorum w1\n"


class Deploy(unittest.TestCase):
    """A server with everything switched on that has metrics of its own."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="gk-deploy-"))
        (cls.folder / "witness").write_text(witness_line())
        (cls.folder / "secret").write_text("whsec_" + base64.b64encode(b"x" * 32).decode())
        target = {"name": "ops", "url": "http://127.0.0.1:9/", "private_addresses": True,
                  "secret_files": [str(cls.folder / "secret")]}
        cls.server = harness.Server(config={"witness": {"policy": str(cls.folder / "witness"), "timeout": "100ms"},
                                            "export": {"file": str(cls.folder / "events")},
                                            "notify": {"targets": [target]}}).start()
        cls.server.agent().decide("run_1", "1", "kb.read")
        cls.metrics = cls.server.client("prom", "service", "metrics", tenant="*").get("/metrics").text
        cls.names = set(re.findall(r"^# TYPE (\S+)", cls.metrics, re.M))

    @classmethod
    def tearDownClass(cls):
        cls.server.destroy()
        shutil.rmtree(cls.folder)

    def known(self, text):
        named = {re.sub(r"_(bucket|sum|count)$", "", name) for name in NAME.findall(text)}
        self.assertTrue(named)
        return sorted(named - self.names)

    def test_every_metric_of_the_alert_rules_exists(self):
        expressions = re.findall(r"expr: (.*)", RULES.read_text())
        self.assertGreater(len(expressions), 10)
        self.assertEqual(self.known("\n".join(expressions)), [])

    def test_every_alert_says_how_grave_it_is_and_what_it_means(self):
        alerts = re.split(r"^      - alert: ", RULES.read_text(), flags=re.M)[1:]
        for alert in alerts:
            self.assertRegex(alert, r"(?m)^        labels: \{severity: (info|warning|critical)\}$", alert)
            self.assertRegex(alert, r"(?m)^          summary: \S", alert)
            self.assertRegex(alert, r"(?m)^          description: \S", alert)
        names = [alert.split("\n")[0] for alert in alerts]
        self.assertEqual(len(names), len(set(names)))

    def test_every_default_alert_has_a_rule(self):
        text = RULES.read_text()
        for metric in ("violations_total", "unreported_total", "kill_switches", "policy_loads_rejected_total",
                       "budgets_reached_total", "witnessed_events", "space_low", "approvals_pending"):
            self.assertIn("gatekeeper_" + metric, text)

    def test_every_metric_and_label_of_the_dashboard_exists(self):
        board = json.loads(DASHBOARD.read_text())
        texts = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
        legends = [target["legendFormat"] for panel in board["panels"] for target in panel["targets"]]
        self.assertGreater(len(texts), 20)
        self.assertEqual(self.known("\n".join(texts)), [])
        for label in set(re.findall(r"\{\{(\w+)\}\}", "\n".join(legends + [RULES.read_text()]))):
            self.assertRegex(self.metrics, rf"[{{,]{label}=\"")

    def test_panels_lie_side_by_side(self):
        taken = set()
        for panel in json.loads(DASHBOARD.read_text())["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(at["x"] + at["w"], 24)
            taken |= cells

    @unittest.skipUnless(shutil.which("promtool"), "promtool isn't installed")
    def test_promtool_takes_the_rules(self):
        done = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    harness.main()
