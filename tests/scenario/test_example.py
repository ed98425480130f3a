"""The support agent of examples/ under the real sidecar, with the policy that ships."""

from __future__ import annotations

import http.server
import json
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import unittest

import harness

EXAMPLE = harness.REPO / "examples" / "support-agent"
sys.path.insert(0, str(EXAMPLE))
sys.dont_write_bytecode = True
from gatekeeper_client import Denied, Gatekeeper  # noqa: E402


class Played(unittest.TestCase):
    def setUp(self) -> None:
        policies = {path.name: path.read_text() for path in (harness.REPO / "policies").glob("*.yaml")}
        self.server = harness.Server(policies).start()
        self.addCleanup(self.server.destroy)
        self.agent, self.alice = self.server.agent(), self.server.approver("alice")
        for name, client in (("agent", self.agent), ("approver", self.alice)):
            (self.server.root / name).write_text(str(client.token) + "\n")
        self.shop = self.server.root / "shop.db"

    def command(self, *more: str) -> list[str]:
        host, port = self.server.address()
        root = str(self.server.root)
        return [sys.executable, "-B", str(EXAMPLE / "agent.py"), "--url", f"http://{host}:{port}", "--shop",
                str(self.shop), "--token", f"{root}/agent", "--approver-token", f"{root}/approver",
                "--gatekeeper", harness.binary(), "--config", str(self.server.config_path), *more]

    def rows(self, table: str) -> int:
        store = sqlite3.connect(self.shop)
        try:
            return store.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        finally:
            store.close()

    def assert_played(self, output: str) -> None:
        for text in ("rate_limited_tenant", "approval_required: apr_", "and paid: R-1", "allowed, done, reported"):
            self.assertIn(text, output)
        self.assertEqual([self.rows("refund"), self.rows("reply")], [1, 1])
        self.assertEqual(self.server.stop(), 0)
        run = re.search(r"run_[0-9a-f]{12}", output)
        assert run is not None
        rows = [row.event for row in self.server.recorded() if row.event.get("run_id") == run.group()]
        allowed = [row for row in rows if row["kind"] == "decision" and row["decision"] == "allow"]
        closed = [row for row in rows if row["kind"] == "result" and row["change"] == "reported"]
        self.assertEqual(sorted(row["decision_id"] for row in allowed), sorted(row["decision_id"] for row in closed))
        self.assertEqual(len(allowed), self.rows("search") + 2)

    def test_the_agent_plays_all_three_scenes_by_itself(self):
        done = subprocess.run(self.command("--approve"), capture_output=True, text=True, timeout=harness.DEADLINE_S * 2)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assert_played(done.stdout)

    def test_the_agent_waits_for_a_grant_from_the_command_line(self):
        with subprocess.Popen(self.command("--wait", "30"), stdout=subprocess.PIPE, text=True) as process:
            self.addCleanup(process.kill)
            assert process.stdout is not None
            printed = ""
            while "--token-file" not in printed:
                line = process.stdout.readline()
                self.assertNotEqual(line, "", printed)
                printed += line
            words = printed.splitlines()[-1].split()
            granted = subprocess.run(words, capture_output=True, text=True, timeout=harness.DEADLINE_S)
            self.assertEqual(granted.returncode, 0, granted.stdout + granted.stderr)
            rest, _ = process.communicate(timeout=harness.DEADLINE_S * 2)
        self.assertEqual(process.returncode, 0, printed + rest)
        self.assert_played(printed + rest)

    def test_the_agent_fails_when_nobody_grants(self):
        done = subprocess.run(self.command("--wait", "1"), capture_output=True, text=True,
                              timeout=harness.DEADLINE_S * 2)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.rows("refund"), 0)


class Liar(http.server.BaseHTTPRequestHandler):
    """Answers what the test says, whatever was asked."""

    reply: tuple[int, bytes] = (200, b"")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, data = Liar.reply
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


class FailsClosed(unittest.TestCase):
    """The client of examples/: anything but the exact answer is a no."""

    def setUp(self) -> None:
        self.liar = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
        thread = threading.Thread(target=self.liar.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(self.liar.server_close)
        self.addCleanup(self.liar.shutdown)
        self.gate = Gatekeeper(f"http://127.0.0.1:{self.liar.server_port}", "gk_x", timeout=2)

    def answer(self, **changes: object) -> bytes:
        answer = {"decision": "allow", "run_id": "run", "step_id": "1", "decision_id": "dec_x", "replayed": False}
        return json.dumps({**answer, **changes}).encode()

    def test_the_exact_answer_is_a_yes(self):
        Liar.reply = (200, self.answer())
        self.assertEqual(self.gate.ask("run", "1", "kb.read", {})["decision_id"], "dec_x")

    def test_anything_else_is_a_no(self):
        table = {
            "stop": (200, self.answer(decision="stop")),
            "approval": (200, self.answer(decision="approval_required")),
            "capital": (200, self.answer(decision="Allow")),
            "space": (200, self.answer(decision="allow ")),
            "true": (200, self.answer(decision=True)),
            "list": (200, self.answer(decision=["allow"])),
            "none": (200, self.answer(decision=None)),
            "another run": (200, self.answer(run_id="run2")),
            "another step": (200, self.answer(step_id="2")),
            "replayed": (200, self.answer(replayed=True)),
            "error status": (500, self.answer()),
            "created": (201, self.answer()),
            "redirect": (302, self.answer()),
            "cut": (200, self.answer()[:-1]),
            "empty": (200, b""),
            "not an object": (200, b'"allow"'),
            "bare": (200, b"allow"),
            "binary": (200, b"\xff\xfe\x00"),
        }
        for name, reply in table.items():
            Liar.reply = reply
            with self.subTest(name), self.assertRaises(Denied):
                self.gate.ask("run", "1", "kb.read", {})

    def test_nobody_there_is_a_no(self):
        gate = Gatekeeper(f"http://127.0.0.1:{harness.free_port()}", "gk_x", timeout=2)
        with self.assertRaises(Denied):
            gate.ask("run", "1", "kb.read", {})

    def test_a_server_that_never_answers_is_a_no(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            gate = Gatekeeper(f"http://127.0.0.1:{silent.getsockname()[1]}", "gk_x", timeout=0.3)
            with self.assertRaises(Denied):
                gate.ask("run", "1", "kb.read", {})

    def test_the_client_fits_on_a_screen(self):
        self.assertLessEqual(len((EXAMPLE / "gatekeeper_client.py").read_text().splitlines()), 60)


if __name__ == "__main__":
    harness.main()
