"""Letting go: redaction for good, retention, legal holds; and every proof still holds."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import sqlite3
import tempfile
import unittest

import harness

SHOW = harness.POLICY.replace("    expires: 30m", "    show: [/amount, /note]\n    expires: 30m")
MARK = "M4RK-of-a-customer-%d"


def everything(folder: pathlib.Path) -> bytes:
    """All bytes of the data directory, free pages and write-ahead log included."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


class Redaction(unittest.TestCase):
    def setUp(self) -> None:
        self.server = harness.Server(SHOW).start()
        self.addCleanup(self.server.destroy)
        self.agent = self.server.agent()
        self.alice = self.server.approver("alice")
        self.operator = self.server.client("olga", "human", "operator", tenant="*")
        self.auditor = self.server.client("ann", "human", "auditor", tenant="*")

    def ask(self, run: str, step: str, mark: int, **more) -> dict:
        answer = self.agent.decide(run, step, "refund.create", {"amount": mark, "note": MARK % mark}, **more)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.body["decision"], "approval_required")
        return answer.body

    def row(self, seq: int) -> dict:
        return next(event for event in self.auditor.events() if event["seq"] == seq)

    def verified(self) -> None:
        done = self.server.verify()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_redacted_value_is_nowhere_in_the_data_directory_and_the_log_verifies(self):
        asked = self.ask("run_1", "1", 1)
        others = [self.ask("run_1", str(i), i) for i in range(2, 60)]
        seq = asked["event"]["seq"]
        self.assertIn((MARK % 1).encode(), everything(self.server.data))
        done = self.operator.post("/v1/redactions", {"seq": seq, "paths": ["/note"], "reason": "erasure request 17"})
        self.assertEqual(done.status, 200, done)
        self.assertEqual(done.body["wal_cleared"], True)
        self.assertEqual(done.body["redactions"][0]["paths"], ["/note"])
        self.assertNotIn((MARK % 1).encode() + b'"', everything(self.server.data))
        self.assertIn((MARK % 59).encode(), everything(self.server.data))
        row = self.row(seq)
        self.assertEqual(row["opened"], {"/amount": 1})
        self.assertIn("/note redacted by event", self.server.cli("run", "run_1", "--tenant-id", "t_42").stdout)
        self.assertEqual(row["redacted"], {"/note": done.body["redactions"][0]["event"]["seq"]})
        self.assertEqual(sorted(row["shown"]), ["/amount", "/note"])
        shown = self.alice.get(f"/v1/approvals/{asked['approval']['approval_id']}").body
        self.assertEqual((shown["shown"], list(shown["redacted"])), ({"/amount": 1}, ["/note"]))
        self.verified()
        self.assertEqual(self.server.stop(), 0)
        self.assertNotIn((MARK % 1).encode() + b'"', everything(self.server.data))
        self.verified()
        self.assertEqual(len(others), 58)

    def test_the_command_line_redacts_a_run_and_an_actor_in_batches(self):
        for i in range(1, 81):
            self.ask("run_2", str(i), 100 + i)
        theirs = self.ask("run_3", "1", 300, actor={"type": "user", "id": "u_9", "roles": ["support"]})
        other = self.ask("run_4", "1", 400)
        done = self.server.cli("redact", "--run-id", "run_2", "--tenant", "t_42", "--all", "--reason", "request 2")
        self.assertIn("redacted values of 80 events", done.stdout)
        self.server.cli("redact", "--actor", "u_9", "--all", "--reason", "request 3")
        bytes_now = everything(self.server.data)
        for i in range(1, 81):
            self.assertNotIn((MARK % (100 + i)).encode(), bytes_now)
        self.assertNotIn((MARK % 300).encode(), bytes_now)
        self.assertIn((MARK % 400).encode(), bytes_now)
        self.assertNotIn("opened", self.row(theirs["event"]["seq"]))
        self.assertIn("opened", self.row(other["event"]["seq"]))
        events = [event for event in self.auditor.events("kind=redaction")]
        self.assertEqual(len(events), 81)
        self.assertEqual(events[-1]["opened"], {"/reason": "request 3"})
        self.assertTrue(events[0]["caller"].startswith("local:"))
        self.verified()

    def test_what_isnt_shown_or_isnt_there_is_told(self):
        asked = self.ask("run_5", "1", 5)
        seq = asked["event"]["seq"]
        post = lambda **body: self.operator.post("/v1/redactions", {"reason": "r", **body})
        self.assertEqual(post(seq=seq, paths=["/no"]).outcome, (404, "not_found"))
        self.assertEqual(post(seq=10 ** 9, all=True).outcome, (404, "not_found"))
        self.assertEqual(post(seq=seq).outcome, (400, "invalid_request"))
        self.assertEqual(post(all=True).outcome, (400, "invalid_request"))
        self.assertEqual(post(seq=seq, all=True, run_id="run_5").outcome, (400, "invalid_request"))
        self.assertEqual(self.operator.post("/v1/redactions", {"seq": seq, "all": True}).outcome, (400, "invalid_request"))
        self.assertEqual(self.auditor.post("/v1/redactions", {"seq": seq, "all": True, "reason": "r"}).status, 403)
        self.assertEqual(len(post(seq=seq, all=True).body["redactions"]), 1)
        self.assertEqual(post(seq=seq, all=True).body["redactions"], [])

    def test_an_operator_of_one_tenant_redacts_nothing_of_another(self):
        asked = self.ask("run_6", "1", 6)
        other = self.server.client("otto", "human", "operator", tenant="t_1")
        answer = other.post("/v1/redactions", {"seq": asked["event"]["seq"], "all": True, "reason": "r"})
        self.assertEqual(answer.outcome, (404, "not_found"))
        answer = other.post("/v1/redactions", {"run_id": "run_6", "all": True, "reason": "r"})
        self.assertEqual(answer.body["redactions"], [])
        self.assertIn("opened", self.row(asked["event"]["seq"]))

    def test_a_hold_keeps_values_from_redaction_until_it_is_released(self):
        held, free = self.ask("run_7", "1", 7), self.ask("run_8", "1", 8)
        hold = self.server.cli("hold", "on", "--run-id", "run_7", "--tenant", "t_42", "--reason", "case 1").stdout.strip()
        seq = held["event"]["seq"]
        answer = self.operator.post("/v1/redactions", {"seq": seq, "all": True, "reason": "r"})
        self.assertEqual(answer.outcome, (409, "under_hold"))
        answer = self.operator.post("/v1/redactions", {"tenant_id": "t_42", "all": True, "reason": "r"}).body
        self.assertEqual((answer["held"], len(answer["redactions"])), (1, 1))
        self.assertIn(hold, self.server.cli("hold", "list").stdout)
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.assertEqual(self.operator.get("/v1/holds").body["holds"][0]["id"], hold)
        self.assertEqual(self.operator.post("/v1/redactions", {"seq": seq, "all": True, "reason": "r"}).status, 409)
        self.assertEqual(self.operator.delete(f"/v1/holds/{hold}", {"reason": "closed"}).status, 200)
        self.assertEqual(self.operator.delete(f"/v1/holds/{hold}", {"reason": "closed"}).status, 404)
        self.assertEqual(self.operator.post("/v1/redactions", {"seq": seq, "all": True, "reason": "r"}).status, 200)
        self.assertNotIn("opened", self.row(seq))
        self.assertNotIn("opened", self.row(free["event"]["seq"]))
        self.verified()


@unittest.skipUnless(os.environ.get("CLOCK_PRELOAD"), "CLOCK_PRELOAD names the library that moves the clock")
class Retention(unittest.TestCase):
    """The wall clock is moved; an operator accepts it, and the janitor finds what is due."""

    days = 180
    more: dict = {}

    def setUp(self) -> None:
        self.clock = pathlib.Path(tempfile.mkdtemp(prefix="gk-clock-")) / "offset"
        self.clock.write_text("0")
        self.addCleanup(shutil.rmtree, self.clock.parent)
        self.server = harness.Server(SHOW.replace("    expires: 30m", "    forget_after: 30d\n    expires: 30m"),
                                     {"audit": {"retention_days": self.days, **self.more}, "admission_burst": 100000},
                                     env={"LD_PRELOAD": os.environ["CLOCK_PRELOAD"], "CLOCK_FILE": str(self.clock)})
        self.addCleanup(self.server.destroy)
        self.server.start()
        self.agent = self.server.agent()
        self.alice = self.server.approver("alice")
        self.auditor = self.server.client("ann", "human", "auditor", tenant="*")
        self.metrics = self.server.client("prom", "service", "metrics")

    def days_pass(self, days: float, accept: bool = True) -> None:
        self.clock.write_text(str(int(self.clock.read_text()) + int(days * 86400)))
        if accept:
            harness.until("the jump to be seen", lambda: self.auditor.events("kind=clock"))
            self.server.cli("clock", "accept", "--reason", "time passed")

    def metric(self, name: str) -> float:
        for line in self.metrics.get("/metrics").text.splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise AssertionError(f"no metric {name}")

    def bodies(self) -> list[int]:
        store = sqlite3.connect(f"file:{self.server.data}/journal.db?mode=ro", uri=True)
        try:
            return [seq for (seq,) in store.execute("SELECT seq FROM body ORDER BY seq")]
        finally:
            store.close()

    def work(self, run: str, count: int) -> list[dict]:
        """Allowed and reported, so that nothing of it stays open."""
        done = []
        for i in range(count):
            answer = self.agent.decide(run, str(i), "kb.read", {"q": i}).body
            self.agent.result(answer["decision_id"])
            done.append(answer)
        return done

    def let_go(self, minimum: int) -> None:
        harness.until("bodies to go", lambda: self.metric("gatekeeper_retention_minimum") >= minimum
                      and min(self.bodies()) >= minimum)

    def allowed(self, query: str = "") -> int:
        return self.auditor.get(f"/v1/overview{query}").body["decisions"]["allow"]

    def verified(self, code: int = 0) -> str:
        done = self.server.verify()
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def test_old_bodies_go_and_the_log_still_verifies_and_starts(self):
        old = self.work("run_old", 300)
        kept = self.work("run_cut", 3)
        self.assertEqual(self.allowed(), 303)
        self.days_pass(181)
        self.let_go(512)
        new = self.work("run_new", 5)
        self.assertEqual(self.allowed(), 5, "of the last day")
        self.assertEqual(self.allowed("?since=2020-01-01T00:00:00Z"), len(self.auditor.events("kind=decision")), "of what is left")
        event = self.auditor.events("kind=retention")[0]
        minimum = event["retention"]["minimum"]
        self.assertEqual((event["change"], event["retention"]["what"], event["rule"]),
                         ("let_go", "bodies", "audit.retention_days=180"))
        self.assertEqual(minimum % 256, 0)
        self.assertEqual(min(self.bodies()), minimum)
        self.verified()
        gone = self.auditor.get(f"/v1/decisions/{old[0]['decision_id']}")
        self.assertEqual(gone.outcome, (410, "let_go"))
        self.assertEqual(self.agent.result(old[0]["decision_id"]).outcome, (410, "let_go"))
        cut = self.auditor.get("/v1/runs/run_cut?tenant_id=t_42").body
        self.assertEqual(len(cut["events"]) > 0, True)
        old_run = self.auditor.get("/v1/runs/run_old?tenant_id=t_42")
        self.assertEqual(old_run.body.get("let_go_before"), minimum)
        self.assertIn(f"before event {minimum} was let go", self.server.cli("run", "run_old", "--tenant-id", "t_42").stdout)
        page = self.auditor.get("/v1/events?order=asc&limit=5").body
        self.assertEqual((page["let_go_before"], page["events"][0]["seq"]), (minimum, 0))
        self.assertEqual(self.server.stop(), 0)
        self.verified()
        self.server.start()
        self.assertEqual(self.agent.decide("run_new", "0", "kb.read", {"q": 0}).body["replayed"], False)
        self.assertEqual(len(kept), 3)
        self.assertEqual(len(new), 5)
        self.verified()

    def test_retention_over_rotated_keys_leaves_a_log_that_every_key_verifies(self):
        first = self.server.cli("verify", "--print-key").stdout.strip()
        self.work("run_1", 100)
        self.server.cli("key", "rotate", "--signing", "--reason", "early")
        self.server.cli("key", "rotate", "--hash", "--reason", "early")
        second = self.server.cli("verify", "--print-key").stdout.strip()
        self.work("run_2", 200)
        self.days_pass(181)
        self.server.cli("key", "rotate", "--signing", "--reason", "late")
        third = self.server.cli("verify", "--print-key").stdout.strip()
        self.let_go(512)
        self.work("run_3", 5)
        self.server.cli("key", "destroy", "1", "--reason", "nothing needs it")
        self.assertEqual(len({first, second, third}), 3)
        out = self.server.root / "out"
        self.server.cli("export", str(out))
        self.assertFalse((out / "tile/entries/000").exists())
        for running in (True, False):
            if not running:
                self.assertEqual(self.server.stop(), 0)
                self.server.cli("export", str(out))
            for key in (first, second, third):
                for where in (str(self.server.data), str(out)):
                    done = self.server.cli("verify", where, "--key", key, check=False)
                    self.assertEqual(done.returncode, 0, (where, key, done.stdout, done.stderr))
        self.assertIn("hash key 1 was destroyed", self.verified())
        told = json.loads(self.server.cli("verify", str(self.server.data), "--json").stdout)
        self.assertEqual((told["destroyed_keys"], told["let_go_before"] >= 512), (["1"], True))
        keys = out / "signing-keys"
        whole = keys.read_text()
        keys.write_text(whole.replace('"phase"', '"phasf"', 1))
        self.assertEqual(self.server.cli("verify", str(out), "--key", third, check=False).returncode, 1)
        genesis, *rest = whole.splitlines(keepends=True)
        self.assertIn('"version":"', genesis)
        keys.write_text(genesis.replace('"version":"', '"version":"9', 1) + "".join(rest))
        said = self.server.cli("verify", str(out), "--key", third, check=False)
        self.assertEqual(said.returncode, 1)
        self.assertIn("isn't what the log has there", said.stdout)

    def test_what_the_base_says_is_what_the_ledger_goes_on_from(self):
        self.work("run_1", 300)
        switch = self.server.cli("kill", "on", "--run", "run_k", "--reason", "for ever").stdout.strip()
        self.work("run_2", 300)
        self.days_pass(181)
        self.let_go(1024)
        store = sqlite3.connect(self.server.data / "journal.db")
        store.close()
        self.server.kill()
        damaged = sqlite3.connect(self.server.data / "journal.db")
        damaged.execute("DELETE FROM ledger_row WHERE generation >= 0")
        damaged.commit()
        damaged.close()
        self.server.start()
        self.assertIn(switch, self.server.cli("kill", "list").stdout)
        self.assertEqual(self.agent.decide("run_k", "1", "kb.read").outcome, (200, "stop", "kill_switch"))
        self.verified()

    def test_retention_waits_until_the_clock_is_accepted(self):
        self.work("run_1", 300)
        self.days_pass(181, accept=False)
        harness.until("the jump to be seen", lambda: self.auditor.events("kind=clock"))
        before = self.metric("gatekeeper_journal_size_events")
        harness.until("some ticks", lambda: self.work("run_2", 1) and self.metric("gatekeeper_journal_size_events") > before + 30)
        self.assertEqual(self.auditor.events("kind=retention"), [])
        self.assertEqual(min(self.bodies()), 0)

    def test_a_hold_keeps_bodies_and_openings_until_it_is_released(self):
        asked = self.agent.decide("run_h", "ask", "refund.create", {"amount": 1, "note": MARK % 77}).body
        self.alice.post(f"/v1/approvals/{asked['approval']['approval_id']}/deny", {"comment": "no"})
        self.work("run_h", 3)
        self.work("run_x", 300)
        hold = self.server.cli("hold", "on", "--run-id", "run_h", "--tenant", "t_42", "--reason", "case").stdout.strip()
        self.days_pass(181)
        self.let_go(512)
        run = self.auditor.get("/v1/runs/run_h?tenant_id=t_42").body
        self.assertIn(asked["event"]["seq"], [event["seq"] for event in run["events"]])
        opened = next(event for event in run["events"] if event["seq"] == asked["event"]["seq"])
        self.assertEqual(opened["opened"]["/note"], MARK % 77)
        self.assertEqual(self.auditor.get(f"/v1/decisions/{asked['decision_id']}").status, 200)
        self.verified()
        out = self.server.root / "out"
        self.server.cli("export", str(out))
        held = out / "held/000"
        kept = [json.loads(line)["seq"] for line in held.read_text().splitlines()]
        self.assertIn(asked["event"]["seq"], kept)
        self.assertNotIn(MARK % 77, held.read_text())
        told = json.loads(self.server.cli("verify", str(out), "--json").stdout)
        self.assertEqual((told["verdict"], told["held"]), ("verified", sum(len(f.read_text().splitlines()) for f in (out / "held").iterdir())))
        whole = held.read_text()
        for damaged, what in ((whole.replace('"kb.read"', '"kb.reed"', 1), "isn't what was recorded"), (whole[:-1], "cut off"),
                              (whole.replace(f'"seq":{kept[1]}', '"seq":999', 1), "no event of this tile")):
            held.write_text(damaged)
            said = self.server.cli("verify", str(out), check=False)
            self.assertEqual(said.returncode, 1, said.stdout)
            self.assertIn(what, said.stdout)
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.verified()
        self.server.cli("hold", "off", hold, "--reason", "closed")
        harness.until("what was held to go", lambda: (MARK % 77).encode() not in everything(self.server.data))
        self.assertEqual(self.auditor.get(f"/v1/decisions/{asked['decision_id']}").outcome, (410, "let_go"))
        self.verified()

    def test_shown_values_are_forgotten_when_the_rule_says_so(self):
        asked = self.agent.decide("run_f", "1", "refund.create", {"amount": 1, "note": MARK % 78}).body
        row = self.auditor.events(f"run_id=run_f")[0]
        self.assertEqual(sorted(row["shown_until"]), ["/amount", "/note"])
        self.days_pass(31)
        harness.until("the values to go", lambda: (MARK % 78).encode() not in everything(self.server.data))
        row = self.auditor.events(f"run_id=run_f")[0]
        self.assertEqual((row["seq"], sorted(row["let_go"])), (asked["event"]["seq"], ["/amount", "/note"]))
        event = self.auditor.events("kind=retention")[-1]
        self.assertEqual((event["retention"]["what"], event["retention"]["count"]), ("forgotten", 2))
        self.verified()


class RetentionOfOpenings(Retention):
    more = {"retention_openings": ["tenant=t_7 20d", "kind=kill_switch 10d"]}

    def test_values_of_a_tenant_or_kind_go_before_their_events(self):
        other = self.server.agent("agent-8", tenant="t_7")
        theirs = other.decide("run_t", "1", "refund.create", {"amount": 1, "note": MARK % 79}).body
        ours = self.agent.decide("run_o", "1", "refund.create", {"amount": 1, "note": MARK % 80}).body
        self.server.cli("kill", "on", "--run", "run_k", "--reason", MARK % 81)
        self.days_pass(21)
        harness.until("the values to go", lambda: not any((MARK % i).encode() in everything(self.server.data) for i in (79, 81)))
        self.assertIn((MARK % 80).encode(), everything(self.server.data))
        rows = {event["seq"]: event for event in self.auditor.events()}
        self.assertEqual(sorted(rows[theirs["event"]["seq"]]["let_go"]), ["/amount", "/note"])
        self.assertEqual(rows[ours["event"]["seq"]]["opened"]["/note"], MARK % 80)
        rules = {event["rule"] for event in rows.values() if event["kind"] == "retention"}
        self.assertEqual(rules, {"audit.retention_openings tenant=t_7 20d", "audit.retention_openings kind=kill_switch 10d"})
        self.verified()


for name in [name for name in dir(Retention) if name.startswith("test_")]:
    setattr(RetentionOfOpenings, name, None)  # only its own


if __name__ == "__main__":
    harness.main()
