"""SIGKILL at any moment while values and bodies are let go: the next start goes on, and nothing is ever unexplained."""

from __future__ import annotations

import os
import pathlib
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scenario"))
import harness  # noqa: E402

SHOW = harness.POLICY.replace("    expires: 30m", "    show: [/note]\n    forget_after: 20d\n    expires: 30m")
MARK = "M4RK-of-a-customer-%d-"
SEED = int(os.environ.get("GATEKEEPER_SEED", "1"))


def everything(folder: pathlib.Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_socket())


@unittest.skipUnless(os.environ.get("CLOCK_PRELOAD"), "CLOCK_PRELOAD names the library that moves the clock")
class Kill(unittest.TestCase):
    def setUp(self) -> None:
        self.random = random.Random(SEED)
        self.clock = pathlib.Path(tempfile.mkdtemp(prefix="gk-clock-")) / "offset"
        self.clock.write_text("0")
        self.addCleanup(shutil.rmtree, self.clock.parent)
        self.server = harness.Server(SHOW, {"admission_burst": 100000},
                                     env={"LD_PRELOAD": os.environ["CLOCK_PRELOAD"], "CLOCK_FILE": str(self.clock),
                                          "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")})
        self.addCleanup(self.server.destroy)
        self.server.start()
        self.agent, self.alice = self.server.agent(), self.server.approver("alice")
        self.operator = self.server.client("olga", "human", "operator", tenant="*")

    def ask(self, run: str, mark: int) -> int:
        asked = self.agent.decide(run, f"ask{mark}", "refund.create", {"note": MARK % mark}).body
        self.alice.post(f"/v1/approvals/{asked['approval']['approval_id']}/deny", {"comment": "no"})
        return asked["event"]["seq"]

    def select(self, sql: str) -> list:
        store = sqlite3.connect(f"file:{self.server.data}/journal.db?mode=ro", uri=True)
        try:
            return store.execute(sql).fetchall()
        finally:
            store.close()

    def verified(self) -> None:
        done = self.server.verify()
        self.assertEqual(done.returncode, 0, f"seed {SEED}: {done.stdout}{done.stderr}")

    def test_retention_goes_on_after_each_kill_and_the_log_verifies_every_time(self):
        for i in range(500):
            answer = self.agent.decide(f"run_{i // 20}", str(i), "kb.read", {"q": i}).body
            self.agent.result(answer["decision_id"])
            if i % 50 == 0:
                self.ask(f"run_{i // 20}", i)
        self.server.cli("hold", "on", "--run-id", "run_5", "--tenant", "t_42", "--reason", "case")
        self.clock.write_text(str(181 * 86400))
        auditor = self.server.client("ann", "human", "auditor", tenant="*")
        harness.until("the jump to be seen", lambda: auditor.events("kind=clock"))
        self.server.cli("clock", "accept", "--reason", "time passed")
        kills = 0
        while kills < 60:
            time.sleep(self.random.random() * (0.7 + 0.15 * kills))  # a slow machine gets longer lives
            self.server.kill()
            kills += 1
            if kills % 3 == 0:
                self.verified()
            below = self.select("SELECT bound FROM minimum WHERE what = 'bodies'")[0][0]
            left = self.select(f"SELECT count(*) FROM body WHERE seq < {below}")[0][0]
            bases = self.select(f"SELECT count(DISTINCT generation) FROM ledger_row WHERE generation < 0")[0][0]
            if below >= 1024 and left == 0 and bases == 1 and kills >= 8:
                break
            self.server.start()
        self.assertGreaterEqual(below, 1024, f"seed {SEED}: nothing went in {kills} kills")
        self.assertEqual(left, 0)
        self.verified()
        self.server.start()
        held = [event for event in auditor.events("run_id=run_5")]
        self.assertGreater(len(held), 30)
        bytes_now = everything(self.server.data)
        for i in range(0, 500, 50):
            self.assertEqual((MARK % i).encode() in bytes_now, i // 20 == 5, i)
        self.assertEqual(self.server.stop(), 0)
        self.verified()

    def test_a_redaction_that_is_in_the_log_is_finished_by_the_next_start(self):
        seqs = {mark: self.ask(f"run_{mark}", mark) for mark in range(1000, 1060)}
        marks = list(seqs)
        while marks:
            todo = marks[:]

            def redact() -> None:
                try:
                    for mark in todo:
                        self.operator.post("/v1/redactions", {"seq": seqs[mark], "all": True, "reason": "request"})
                except (OSError, Exception):
                    pass  # it was killed

            thread = threading.Thread(target=redact)
            thread.start()
            time.sleep(0.01 + self.random.random() * 0.25)
            self.server.kill()
            thread.join()
            self.verified()
            said = {seq for (seq,) in self.select("SELECT seq FROM redaction")}
            self.server.start()
            bytes_now = everything(self.server.data)
            for mark, seq in seqs.items():
                if seq in said:
                    self.assertNotIn((MARK % mark).encode(), bytes_now, f"seed {SEED}")
            marks = [mark for mark in marks if seqs[mark] not in said]
        self.assertEqual(self.server.stop(), 0)
        self.verified()


if __name__ == "__main__":
    harness.main()
