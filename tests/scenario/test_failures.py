"""The failure table, a row at a time: what the caller sees and what is recorded when something breaks."""

from __future__ import annotations

import datetime
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import unittest

import harness

ACTOR = {"type": "user", "id": "u_7", "roles": ["support"]}
BROKEN = "policy: broken\nallow:\n  - id: a\n    actions: [kb.read]\n    aktions: [x]\n"


def server_case(test: unittest.TestCase, *args, **more) -> harness.Server:
    server = harness.Server(*args, **more)
    test.addCleanup(server.destroy)
    return server


def exit_code(server: harness.Server) -> int:
    """Start without waiting for readiness; it must end by itself."""
    return server.start(ready=False).wait()


CONDITIONS = """policy: conditions
stop:
  - {id: late, actions: [note], when: args.at > 5, reason: too_late}
allow:
  - {id: notes, actions: [note]}
  - {id: small, actions: [pay], when: args.amount < 100.0}
  - {id: asks, actions: [wire]}
  - {id: bombs, actions: [bomb], when: "args.l.all(a, args.l.all(b, args.l.all(c, a + b + c >= 0)))"}
approvals:
  - {id: ask, actions: [wire], when: args.amount > 50, approvers: {groups: [finance]}}
"""
SCHEMA = """{"type": "object", "required": ["amount"], "additionalProperties": false,
 "properties": {"amount": {"type": "number"}}}"""


class FailingConditions(unittest.TestCase):
    """A condition that fails never opens anything, and the record names its rule."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = harness.Server({"a.yaml": CONDITIONS, "schema/actions/pay.schema.json": SCHEMA}).start()
        cls.addClassCleanup(cls.server.destroy)
        cls.auditor = cls.server.client("ann", "human", "auditor", tenant="*")
        cls.agent = cls.server.agent()

    def decided(self, action: str, args) -> tuple:
        step = f"s{self._testMethodName[-20:]}-{abs(hash(repr(args))) % 10**9}"
        answer = self.agent.decide("run", step, action, args).body
        event = next(e for e in self.auditor.events("run_id=run&kind=decision") if e["seq"] == answer["event"]["seq"])
        self.assertEqual([event[k] for k in ("decision", "layer", "reason")],
                         [answer[k] for k in ("decision", "layer", "reason")])
        return answer["decision"], answer["layer"], answer["reason"], answer.get("rule")

    def test_in_stop_it_stops(self):
        self.assertEqual(self.decided("note", {"at": 1})[0], "allow")
        self.assertEqual(self.decided("note", {"at": 6}), ("stop", "access", "too_late", "late"))
        self.assertEqual(self.decided("note", {}), ("stop", "access", "condition_error", "late"))

    def test_in_allow_it_does_not_allow(self):
        self.assertEqual(self.decided("pay", {"amount": 99})[0], "allow")
        self.assertEqual(self.decided("pay", {"amount": 100})[:3], ("stop", "access", "no_rule_allows"))

    def test_in_approvals_it_asks(self):
        self.assertEqual(self.decided("wire", {"amount": 50})[0], "allow")
        self.assertEqual(self.decided("wire", {"amount": "50"}),
                         ("approval_required", "approval", "condition_error", "ask"))

    def test_what_costs_too_much_fails(self):
        self.assertEqual(self.decided("bomb", {"l": [1]})[0], "allow")
        self.assertEqual(self.decided("bomb", {"l": list(range(500))}),
                         ("stop", "access", "condition_error", "bombs"))

    def test_arguments_that_do_not_fit_their_schema_are_stopped(self):
        self.assertEqual(self.decided("pay", {})[:3], ("stop", "access", "invalid_args"))
        self.assertEqual(self.decided("pay", {"amount": 1, "more": 2})[:3], ("stop", "access", "invalid_args"))


class BrokenAtStart(unittest.TestCase):
    def test_a_broken_policy_is_told_with_file_line_and_column_and_nothing_starts(self):
        server = server_case(self, {"good.yaml": harness.POLICY, "bad.yaml": BROKEN})
        self.assertEqual(exit_code(server), 65)
        self.assertIn("bad.yaml", server.log())
        self.assertRegex(server.log(), r"bad\.yaml[^\n]{0,12}5[^\n]{0,12}5")
        self.assertIn("aktions", server.log())

    def test_an_empty_policy_folder_is_an_error_and_not_an_open_door(self):
        server = server_case(self, {})
        self.assertEqual(exit_code(server), 65)

    def test_a_misspelt_condition_is_told_at_its_place_and_nothing_starts(self):
        server = server_case(self, harness.POLICY.replace("actions: [refund.create]",
                                                          "actions: [refund.create]\n    when: agrs.amount > 1", 1))
        self.assertEqual(exit_code(server), 65)
        self.assertIn("no variable 'agrs'", server.log())

    def test_a_wrong_configuration_is_told_and_nothing_starts(self):
        for key, value in (("no_such_key", 1), ("queue", "many"), ("queue", 1), ("listen", "nowhere"),
                           ("run_idle", "soon"), ("audit", {"sign_events": False}), ("audit", {"hash_args": False}),
                           ("audit", {"sink": "memory"}), ("policy_dir", 7),
                           ("audit", {"retention_openings": ["kind=decisoin 30d"]})):
            server = harness.Server(config={key: value})
            try:
                command = [harness.binary(), "serve", "--config", str(server.config_path)]
                done = subprocess.run(command, capture_output=True, text=True, timeout=harness.DEADLINE_S)
                self.assertEqual(done.returncode, 78, (key, value, done.stderr))
                self.assertIn(next(iter(value)) if isinstance(value, dict) else key, done.stderr, (key, value))
                self.assertFalse(server.data.exists(), (key, value))
            finally:
                server.destroy()

    def test_plain_http_on_a_public_address_is_refused_unless_asked_for(self):
        server = server_case(self)
        command = [harness.binary(), "serve", "--config", str(server.config_path), "--set", "listen=0.0.0.0:0"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=harness.DEADLINE_S)
        self.assertEqual(done.returncode, 78, done.stderr)

    def test_two_processes_never_hold_one_journal(self):
        server = server_case(self).start()
        other = harness.Server(root=server.root)
        self.addCleanup(other.destroy)
        self.assertEqual(exit_code(other), 75)
        self.assertEqual(server.agent().decide("run", "1", "kb.read").body["decision"], "allow")

    def test_an_address_in_use_is_told(self):
        server = server_case(self)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            command = [harness.binary(), "serve", "--config", str(server.config_path),
                       "--set", f"listen=127.0.0.1:{taken.getsockname()[1]}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=harness.DEADLINE_S)
        self.assertEqual(done.returncode, 75, done.stderr)


class NoLibrary(unittest.TestCase):
    """Libraries that only some settings need: where one can't be loaded, the start that needs it says so, and no other minds."""

    def test_the_start_that_needs_a_library_names_it(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="gk-"))
        self.addCleanup(shutil.rmtree, folder)
        for name in ("libcurl-gnutls.so.4", "librhonabwy.so.1.1"):
            (folder / name).write_bytes(b"no library")
        (folder / "secret").write_text("whsec_" + "QUJD" * 11 + "\n")
        (folder / "secret").chmod(0o600)
        (folder / "jwks").write_text('{"keys": []}')
        hook = {"name": "ops", "kind": "webhook", "url": "https://127.0.0.1:9/", "secret_files": [str(folder / "secret")]}
        for config, library in (({}, None), ({"export": {"syslog": "tcp://127.0.0.1:9"}}, None),
                                ({"export": {"syslog": "tls://127.0.0.1:9"}}, "libcurl"), ({"export": {"https": "https://127.0.0.1:9/"}}, "libcurl"),
                                ({"notify": {"targets": [hook]}}, "libcurl"),
                                ({"sign_in": {"issuer": "https://idp.example", "audience": "gk", "jwks_file": str(folder / "jwks")}}, "librhonabwy")):
            with self.subTest(config=config):
                server = harness.Server(config=config, env={"LD_LIBRARY_PATH": str(folder)})
                self.addCleanup(server.destroy)
                server.start(ready=library is None)
                if library is None:
                    self.assertEqual(server.stop(), 0)
                else:
                    self.assertEqual(server.wait(), 74)
                    self.assertRegex(server.log(), rf'"level":"error","event":"[a-z]+","text":"[^"]*{library}')


class BrokenAtReload(harness.ServerCase):
    def assert_old_goes_on(self, before: str) -> None:
        self.assertEqual(self.operator.get("/v1/policy").body["digest"], before)
        answer = self.agent.decide("after", os.urandom(4).hex(), "kb.read")
        self.assertEqual((answer.body["decision"], answer.body["policy"]), ("allow", before))

    def rejected(self) -> list[dict]:
        return [event for event in self.auditor.events("kind=policy") if event["change"] == "rejected"]

    def setUp(self) -> None:
        self.before = self.operator.get("/v1/policy").body["digest"]
        self.count = len(self.rejected())
        self.server.write_policy(BROKEN)
        self.addCleanup(self.server.write_policy, harness.POLICY)

    def test_a_broken_reload_is_answered_422_and_the_old_policy_goes_on(self):
        answer = self.operator.post("/v1/policy/reload")
        self.assertEqual(answer.status, 422)
        self.assertIn("aktions", answer.text)
        self.assert_old_goes_on(self.before)
        events = self.rejected()
        self.assertEqual(len(events), self.count + 1)
        self.assertEqual(events[-1]["caller"], "olga")

    def test_a_broken_reload_by_signal_is_recorded_with_who_sent_it(self):
        self.server.signal(signal.SIGHUP)
        harness.until("the event", lambda: len(self.rejected()) == self.count + 1)
        self.assertEqual(self.rejected()[-1]["caller"], f"local:{os.getuid()}")
        self.assert_old_goes_on(self.before)


CLOCK_PRELOAD = os.environ.get("CLOCK_PRELOAD", "")


class NoSpace(unittest.TestCase):
    def test_with_little_space_allows_stop_while_switches_and_results_still_fit(self):
        server = server_case(self).start()
        agent = server.agent()
        operator = server.client("olga", "human", "operator", tenant="*")
        open_allow = agent.decide("run", "1", "kb.read").body
        self.assertEqual(server.stop(), 0)
        server.write_config(space_stop="1000000GiB")
        server.start(ready=False)
        harness.until("livez", lambda: answers(server, "/livez"))
        self.assertEqual(agent.decide("run", "2", "kb.read").outcome, (200, "stop", "audit_space"))
        self.assertEqual(agent.decide("run", "3", "no.such").outcome, (200, "stop", "no_rule_allows"))
        self.assertEqual(agent.result(open_allow["decision_id"]).status, 201)
        thrown = operator.post("/v1/kill-switches", {"scope": "global", "reason": "full"})
        self.assertEqual(thrown.status, 201)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server.verify().returncode, 0)

    def test_each_threshold_of_the_disk_is_an_event_and_a_metric_when_it_begins_and_ends(self):
        server = server_case(self)
        server.write_config(space_warn="1000000GiB", space_reserve="64KiB")
        server.start()
        metrics = server.client("prom", "service", "metrics")
        auditor = server.client("ann", "human", "auditor", tenant="*")
        agent = server.agent()

        def numbers() -> dict[str, float]:
            lines = metrics.get("/metrics").text.splitlines()
            return {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("gatekeeper_") and "{" not in line}

        def gaps() -> list[tuple]:
            return [(event["gap"]["what"], "count" in event["gap"])
                    for event in auditor.events("kind=gap")]
        self.assertEqual(agent.decide("run", "1", "kb.read").outcome[:2], (200, "allow"))
        self.assertEqual(gaps(), [("space_warn", False)])
        found = numbers()
        self.assertEqual((found["gatekeeper_space_low"], found["gatekeeper_space_full"]), (1, 0))
        self.assertEqual(found["gatekeeper_space_reserve_bytes"], 65536)
        self.assertGreater(found["gatekeeper_free_bytes"], 0)
        self.assertEqual(server.stop(), 0)
        server.write_config(space_warn="1000000GiB", space_stop="1000000GiB")
        server.start(ready=False)
        harness.until("livez", lambda: answers(server, "/livez"))
        self.assertEqual(agent.decide("run", "2", "kb.read").outcome, (200, "stop", "audit_space"))
        self.assertEqual([what for what, _ in gaps()], ["space_warn", "space_warn", "space"])
        self.assertEqual(numbers()["gatekeeper_space_full"], 1)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server.verify().returncode, 0)

    @unittest.skipUnless(os.path.exists(CLOCK_PRELOAD), "not run: CLOCK_PRELOAD names no library")
    def test_each_threshold_tells_its_end_too_and_how_long_it_lasted(self):
        free = pathlib.Path(harness.tempfile.mkdtemp(prefix="gk-free-")) / "free"
        self.addCleanup(shutil.rmtree, free.parent)

        def disk(amount: int) -> None:
            free.with_suffix(".new").write_text(str(amount))
            free.with_suffix(".new").rename(free)

        disk(1 << 30)
        server = server_case(self, env={"LD_PRELOAD": CLOCK_PRELOAD, "FREE_FILE": str(free),
                                        "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")})
        server.write_config(space_warn="512MiB", space_stop="64MiB", space_reserve="8MiB")
        server.start()
        auditor = server.client("ann", "human", "auditor", tenant="*")
        agent = server.agent()

        def gaps() -> list[tuple]:
            return [(event["gap"]["what"], "count" in event["gap"]) for event in auditor.events("kind=gap")]

        told: list[tuple] = []
        for amount, more in ((100 << 20, [("space_warn", False)]),
                             (20 << 20, [("space", False)]),
                             (1 << 20, [("space_reserve", False)]),
                             (20 << 20, []),
                             (200 << 20, [("space", True), ("space_reserve", True)]),
                             (1 << 30, [("space_warn", True)]),
                             (20 << 20, [("space_warn", False), ("space", False)])):
            disk(amount)
            told += more
            if more:
                harness.until(f"what {amount} free bytes mean", lambda: gaps() == told)
            stopped = amount < 64 << 20
            asked = agent.decide("run", f"{len(told)}-{amount}", "kb.read").outcome[1:]
            self.assertEqual(asked[0], "stop" if stopped else "allow", (amount, asked))
        last = [event["gap"] for event in auditor.events("kind=gap") if "count" in event["gap"]]
        self.assertTrue(all(gap["count"] >= 1 and gap["since"] for gap in last), last)
        disk(1 << 30)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server.verify().returncode, 0)


def seconds_between(a: str, b: str) -> float:
    first, second = (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (a, b))
    return (second - first).total_seconds()


def answers(server: harness.Server, path: str) -> bool:
    try:
        return server.anonymous().get(path).status == 200
    except OSError:
        return False


class Results(unittest.TestCase):
    POLICY = harness.POLICY + "results: {within: 1s, allow_valid: 1s}\n"

    def test_a_result_never_reported_is_recorded_as_unreported_once_and_a_late_one_after_it(self):
        server = server_case(self, self.POLICY, {"result_grace": "0s"}).start()
        agent, auditor = server.agent(), server.client("ann", "human", "auditor", tenant="*")
        asked = agent.decide("run", "1", "kb.read").body
        events = harness.until("unreported", lambda: [
            event for event in auditor.events("run_id=run") if event.get("change") == "unreported"])
        self.assertEqual((events[0]["kind"], events[0]["decision_id"]), ("result", asked["decision_id"]))
        self.assertEqual(agent.result(asked["decision_id"]).status, 201)
        changes = [event.get("change") for event in auditor.events("run_id=run&kind=result")]
        self.assertEqual(changes, ["unreported", "late_result"])
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server.verify().returncode, 0)


class Waiting(unittest.TestCase):
    def setUp(self) -> None:
        self.server = server_case(self).start()
        self.agent, self.alice = self.server.agent(), self.server.approver("alice")

    def wait_in_vain(self) -> socket.socket:
        """Ask with Prefer: wait on a bare socket; gives it once the approval is pending."""
        body = b'{"run_id":"run","step_id":"1","action":"refund.create","args":{"order":"A-1"}}'
        waiter = socket.create_connection(self.server.address(), timeout=harness.DEADLINE_S)
        self.addCleanup(waiter.close)
        waiter.sendall(b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       b"Authorization: Bearer " + str(self.agent.token).encode() + b"\r\nPrefer: wait=60\r\n"
                       b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
        harness.until("the approval", self.pending)
        return waiter

    def pending(self) -> list[dict]:
        return self.alice.get("/v1/approvals?status=pending").body["approvals"]

    def test_an_approval_outlives_the_agent_that_waited_for_it(self):
        self.wait_in_vain().close()
        approval = self.pending()[0]["approval_id"]
        self.assertEqual(self.alice.grant(approval).status, 200)
        answer = self.agent.decide("run", "2", "refund.create", {"order": "A-1"}, approval_id=approval)
        retry = self.agent.decide("run", "1", "refund.create", {"order": "A-1"})
        allowed = [got.body["decision_id"] for got in (answer, retry) if got.body["decision"] == "allow"]
        self.assertEqual(len(set(allowed)), 1, (answer, retry))

    def test_who_waits_is_answered_when_the_server_stops(self):
        waiter = self.wait_in_vain()
        self.assertEqual(self.server.stop(), 0)
        answer = waiter.makefile("rb").read().decode()
        self.assertIn(" 200 ", answer.splitlines()[0])
        self.assertIn('"approval_required"', answer)


class RolledBack(unittest.TestCase):
    def setUp(self) -> None:
        self.server = server_case(self).start()
        self.agent = self.server.agent()
        self.agent.decide("run", "1", "kb.read")
        self.assertEqual(self.server.stop(), 0)
        self.old = self.server.root / "old"
        shutil.copytree(self.server.data, self.old)
        self.server.start()
        self.assertEqual(self.agent.decide("run", "2", "kb.read").status, 200)
        self.assertEqual(self.server.stop(), 0)

    def restore(self, keep_checkpoint: bool) -> None:
        for path in self.old.iterdir():
            if path.is_file() and not (keep_checkpoint and path.name == "checkpoint"):
                shutil.copy(path, self.server.data / path.name)

    def test_an_old_journal_beside_a_newer_published_checkpoint_does_not_start(self):
        self.restore(keep_checkpoint=True)
        self.assertEqual(exit_code(self.server), 65)
        self.assertRegex(self.server.log(), r"recover")
        self.assertNotEqual(self.server.verify().returncode, 0)

    def test_an_operator_who_accepts_the_break_goes_on_and_it_is_recorded(self):
        self.restore(keep_checkpoint=True)
        self.assertEqual(exit_code(self.server), 65)
        size = len(self.server.recorded())
        self.assertNotEqual(self.server.cli("recover", "--accept", str(size + 1), check=False).returncode, 0)
        self.server.cli("recover", "--accept", str(size), "--reason", "restored the backup of Monday")
        self.server.start()
        self.assertEqual(self.agent.decide("run", "3", "kb.read").body["decision"], "allow")
        self.assertEqual(self.server.stop(), 0)
        boots = [row.event for row in self.server.recorded()[size:] if row.event["kind"] == "boot"]
        self.assertIn(f"accepted {size} events", boots[0]["process"]["recovered"])
        self.assertIn("/reason", boots[0]["shown"])
        self.assertEqual(self.server.verify().returncode, 0)

    def test_a_journal_that_lost_its_signing_key_does_not_start_under_a_new_one(self):
        (self.server.data / "keys" / "signing.key").unlink()
        self.assertNotEqual(exit_code(self.server), 0)
        self.assertFalse((self.server.data / "keys" / "signing.key").exists())


class Tampered(unittest.TestCase):
    """Somebody with the file, without the key."""

    def setUp(self) -> None:
        self.server = server_case(self).start()
        agent = self.server.agent()
        for step in range(6):
            agent.decide("run", str(step), "kb.read" if step % 2 else "database.drop")
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.server.verify().returncode, 0)

    def edit(self, *statements: str) -> None:
        store = sqlite3.connect(self.server.data / "journal.db")
        for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            store.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            store.execute(statement)
        store.commit()
        store.close()

    def assert_tampered(self) -> None:
        done = self.server.verify()
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)

    def test_a_changed_event_is_found(self):
        self.edit("UPDATE body SET bytes = CAST(replace(CAST(bytes AS TEXT), '\"stop\"', '\"allow\"') AS BLOB) WHERE seq = "
                  "(SELECT max(seq) FROM body WHERE CAST(bytes AS TEXT) LIKE '%\"stop\"%')")
        self.assert_tampered()

    def test_a_missing_event_is_found(self):
        self.edit("DELETE FROM body WHERE seq = 4")
        self.assert_tampered()

    def test_a_missing_tail_is_found(self):
        self.edit("DELETE FROM body WHERE seq >= (SELECT max(seq) - 1 FROM body)")
        self.assert_tampered()

    def test_swapped_events_are_found(self):
        self.edit("UPDATE body SET seq = -1 WHERE seq = 4", "UPDATE body SET seq = 4 WHERE seq = 5",
                  "UPDATE body SET seq = 5 WHERE seq = -1")
        self.assert_tampered()

    def test_an_invented_event_is_found(self):
        self.edit("CREATE TEMP TABLE twin AS SELECT * FROM body WHERE seq = 4",
                  "UPDATE twin SET seq = (SELECT max(seq) + 1 FROM body)",
                  "INSERT INTO body SELECT * FROM twin")
        self.assert_tampered()

    def test_a_search_column_that_differs_from_the_event_is_found(self):
        self.edit("UPDATE body SET decision = 2 WHERE decision = 0")
        self.assert_tampered()

    def test_a_log_without_a_seal_fails(self):
        self.edit("DELETE FROM checkpoint")
        self.assert_tampered()

    def test_a_seal_of_another_key_fails(self):
        other = server_case(self).start()
        self.assertEqual(other.stop(), 0)
        vkey = (other.data / "vkey").read_text().strip()
        self.assertNotEqual(self.server.cli("verify", "--key", vkey, check=False).returncode, 0)

    def test_the_published_key_verifies(self):
        vkey = (self.server.data / "vkey").read_text().strip()
        self.assertEqual(self.server.cli("verify", "--key", vkey, check=False).returncode, 0)


@unittest.skipUnless(os.path.exists(CLOCK_PRELOAD), "not run: CLOCK_PRELOAD names no library")
class Clock(unittest.TestCase):
    """The wall clock moves under the server."""

    def setUp(self) -> None:
        self.file = pathlib.Path(harness.tempfile.mkdtemp(prefix="gk-clock-")) / "offset"
        self.addCleanup(shutil.rmtree, self.file.parent)
        self.set(0)
        preload = {"LD_PRELOAD": CLOCK_PRELOAD, "CLOCK_FILE": str(self.file),
                   "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}
        self.server = server_case(self, env=preload).start()
        self.agent = self.server.agent()

    def set(self, seconds: int) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(str(seconds))
        new.rename(self.file)

    def times(self) -> list[str]:
        return [row.event["timestamp"] for row in self.server.recorded()]

    def clocks(self) -> list[dict]:
        return [row.event for row in self.server.recorded() if row.event["kind"] == "clock"]

    def assert_whole(self) -> None:
        self.assertEqual(self.server.stop(), 0)
        times = self.times()
        self.assertEqual(times, sorted(times))
        self.assertEqual(self.server.verify().returncode, 0)

    def jump(self, seconds: int) -> None:
        """Decide, move the clock, wait for the event, decide again: ledger time went on as if nothing had happened."""
        auditor = self.server.client("ann", "human", "auditor", tenant="*")
        before = self.agent.decide("run", "1", "kb.read").body["event"]["seq"]
        self.set(seconds)
        harness.until("the clock event", lambda: auditor.events("kind=clock"), pause=0.1)
        answer = self.agent.decide("run", "2", "kb.read").body
        self.assertEqual(answer["decision"], "allow")
        self.assert_whole()
        self.assertEqual([event["change"] for event in self.clocks()], ["jumped"])
        times = self.times()
        self.assertLess(seconds_between(times[before], times[answer["event"]["seq"]]), 3600)

    def test_a_clock_that_jumps_ahead_is_recorded_and_moves_no_deadline(self):
        self.jump(86400)

    def test_a_clock_that_jumps_back_is_recorded_and_moves_no_deadline(self):
        self.jump(-86400)

    def test_a_clock_set_back_over_a_restart_never_lets_time_run_backwards(self):
        self.agent.decide("run", "1", "kb.read")
        self.assertEqual(self.server.stop(), 0)
        self.set(-86400)
        self.server.start()
        self.assertEqual(self.agent.decide("run", "2", "kb.read").body["decision"], "allow")
        self.assert_whole()

    def test_a_clock_far_ahead_at_start_is_not_believed_until_an_operator_accepts_it(self):
        self.assertEqual(self.server.stop(), 0)
        first = self.times()[0]
        self.set(400 * 86400)
        self.server.start(ready=False)
        harness.until("livez", lambda: answers(self.server, "/livez"))
        doubted = self.agent.decide("run", "1", "kb.read").body["event"]["seq"]
        self.server.cli("clock", "accept", "--reason", "it was switched off for a year")
        believed = self.agent.decide("run", "2", "kb.read").body["event"]["seq"]
        self.assert_whole()
        times = self.times()
        self.assertLess(seconds_between(first, times[doubted]), 3600)
        self.assertGreater(seconds_between(first, times[believed]), 399 * 86400)
        self.assertEqual(self.clocks()[-1]["change"], "accepted")

    def test_an_accepted_clock_stays_accepted_over_a_kill(self):
        auditor = self.server.client("ann", "human", "auditor", tenant="*")
        self.set(400 * 86400)
        harness.until("the clock event", lambda: auditor.events("kind=clock"), pause=0.1)
        self.server.cli("clock", "accept", "--reason", "time passed")
        self.server.kill()  # nothing was recorded at the new time but the acceptance itself
        self.server.start()
        self.assert_whole()


if __name__ == "__main__":
    harness.main()
