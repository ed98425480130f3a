#!/usr/bin/env python3
"""Witnesses: they cosign what grows, and find what was rolled back or rewritten, with the signing key in hand too."""

from __future__ import annotations

import http.server
import json
import pathlib
import random
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

import harness
from harness import until


class Witness:
    """`gatekeeper witness` in a folder of its own."""

    def __init__(self, *flags: str):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="gk-witness-"))
        self.port, self.flags = harness.free_port(), flags
        self.process: subprocess.Popen | None = None
        self.vkey = self.run("--print-key").stdout.strip()
        self.log_path = self.root / "log"
        self.scheme = "https" if "--tls-cert" in flags else "http"

    def run(self, *flags: str) -> subprocess.CompletedProcess:
        command = [harness.binary(), "witness", "--dir", str(self.root / "w"), *flags]
        return subprocess.run(command, capture_output=True, text=True, timeout=harness.DEADLINE_S)

    def start(self, *logs: str) -> "Witness":
        command = [harness.binary(), "witness", "--dir", str(self.root / "w"), "--listen", f"127.0.0.1:{self.port}",
                   *self.flags]
        for log in logs:
            command += ["--log", log]
        with open(self.log_path, "ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        self.logs = logs
        until("the witness listens", self.listens)
        return self

    def listens(self) -> bool:
        assert self.process.poll() is None, self.log()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(harness.DEADLINE_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(harness.DEADLINE_S)

    def log(self) -> str:
        return self.log_path.read_text() if self.log_path.exists() else ""

    def size(self) -> int:
        """Of the last head that it cosigned, by its own file; 0: none."""
        files = [f for f in (self.root / "w/state").glob("*") if f.suffix != ".new"]
        return int(files[0].read_text().split("\n")[1]) if files else 0

    def destroy(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for mark in ("Sanitizer", "runtime error:", "assertion failed"):
            assert mark not in self.log(), self.log()
        shutil.rmtree(self.root, ignore_errors=True)


def policy_of(*witnesses: Witness, quorum: str = "all") -> str:
    """A tlog-policy file that names them w0, w1 …"""
    lines = [f"witness w{i} {w.vkey} {w.scheme}://127.0.0.1:{w.port}/" for i, w in enumerate(witnesses)]
    names = " ".join(f"w{i}" for i in range(len(witnesses)))
    return "\n".join([*lines, f"group all-of-them {quorum} {names}", "quorum all-of-them", ""])


def rows(server: harness.Server) -> list[tuple[int, str, str]]:
    """(size, witness, line) of every cosignature in the journal, read without gatekeeper's help."""
    store = sqlite3.connect(f"file:{server.data}/journal.db?mode=ro", uri=True)
    try:
        return store.execute("SELECT size, witness, line FROM cosignature ORDER BY size").fetchall()
    finally:
        store.close()


def metric(client: harness.Client, name: str) -> int:
    found = re.search(rf"^{re.escape(name)} (\d+)$", client.get("/metrics").text, re.M)
    return int(found.group(1)) if found else -1


class WitnessCase(unittest.TestCase):
    """A gatekeeper with witnesses; each test starts what it needs."""

    def setUp(self) -> None:
        self.witnesses: list[Witness] = []
        self.server = harness.Server(config={"witness": {"every": "1s", "every_events": 1, "timeout": "2s"}})
        self.step = 0

    def tearDown(self) -> None:
        self.server.destroy()
        self.server.check_log()
        for witness in self.witnesses:
            witness.destroy()

    def witness(self, *flags: str) -> Witness:
        self.witnesses.append(Witness(*flags))
        return self.witnesses[-1]

    def configure(self, *witnesses: Witness, quorum: str = "all", **keys) -> None:
        """Name the witnesses in the server's configuration; none: nobody is asked."""
        (self.server.root / "witnesses").write_text(policy_of(*witnesses, quorum=quorum) if witnesses else "")
        path = "witnesses" if witnesses else None
        self.server.write_config(witness={**self.server.config["witness"], "policy": path, **keys})

    def make_log(self) -> str:
        """A log with an agent, not witnessed yet; gives its verifier key."""
        self.agent, self.metrics = self.server.agent(), self.server.client("prom", "service", "metrics")
        self.auditor = self.server.client("ann", "human", "auditor", tenant="*")
        return self.server.cli("verify", "--print-key").stdout.strip()

    def act(self, times: int = 1, run: str = "run") -> list:
        answers = []
        for _ in range(times):
            self.step += 1
            answers.append(self.agent.decide(run, str(self.step), "kb.read").outcome)
        return answers

    def size(self) -> int:
        return metric(self.metrics, "gatekeeper_journal_size_events")

    def start_fails(self, *words: str) -> None:
        self.server.start(ready=False)
        self.assertEqual(self.server.wait(), 65, self.server.log()[-2000:])
        for word in words:
            self.assertIn(word, self.server.log().splitlines()[-2])

    def two_running(self, **keys) -> None:
        log = self.make_log()
        self.configure(self.witness().start(log), self.witness().start(log), **keys)
        self.server.start()

    def all_cosigned(self, at_least: int) -> bool:
        return all(witness.size() >= at_least for witness in self.witnesses)

    # they cosign

    def test_two_witnesses_cosign_what_is_recorded_and_it_is_kept(self):
        self.two_running()
        self.act(5)
        size = self.size()
        until("both cosign", lambda: self.all_cosigned(size))
        until("both are in the journal", lambda: {w for s, w, _ in rows(self.server) if s >= size}
              == {w.vkey for w in self.witnesses})
        for _, vkey, line in rows(self.server):
            self.assertTrue(line.startswith(f"\u2014 {vkey.split('+')[0]} ") and line.endswith("\n"), line)
        until("the quorum is told", lambda: metric(self.metrics, "gatekeeper_witnessed_events") >= size)
        self.assertGreaterEqual(metric(self.metrics, 'gatekeeper_witness_events{witness="w1"}'), size)
        self.assertEqual(metric(self.metrics, 'gatekeeper_witness_failures_total{witness="w1"}'), 0)
        for path in ("/log/checkpoint", "/v1/events/1/proof"):  # both carry what the witnesses said
            until(path, lambda: {line.split(" ")[1] for line in self.auditor.get(path).text.splitlines()
                                 if line.startswith("\u2014 ")} >= {w.vkey.split("+")[0] for w in self.witnesses})

    def test_a_clean_end_leaves_nothing_unwitnessed(self):
        self.two_running()
        self.act(3)
        self.assertEqual(self.server.stop(), 0)
        size = len(self.server.recorded())
        self.assertEqual([w.size() for w in self.witnesses], [size, size])
        self.assertEqual({w for s, w, _ in rows(self.server) if s == size}, {w.vkey for w in self.witnesses})
        self.assertEqual(self.server.verify().returncode, 0)

    def test_a_witness_that_restarts_knows_what_it_cosigned(self):
        self.two_running()
        self.act(2)
        first = self.witnesses[0]
        until("it cosigns", lambda: first.size() >= self.size() - 2 > 0)
        self.assertEqual(first.stop(), 0)
        before = first.size()
        self.act(2)
        until("its failure is told", lambda: "witness_failed" in self.server.log())
        first.start(*first.logs)
        self.assertGreaterEqual(first.size(), before)
        until("it goes on", lambda: first.size() >= self.size(), 60)
        until("it is told", lambda: "witness_again" in self.server.log())

    def test_over_tls_only_an_authority_that_was_named_is_believed(self):
        folder = self.server.root
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=w",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        log = self.make_log()
        witness = self.witness("--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")).start(log)
        self.configure(witness)
        self.server.start()
        until("it is told", lambda: "witness_failed" in self.server.log())
        self.assertIn("certificate", self.server.log())
        self.assertEqual(witness.size(), 0)
        self.server.stop()
        self.configure(witness, ca_file="cert.pem")
        self.server.start()
        until("it cosigns", lambda: witness.size() > 0)

    # they find out

    def test_a_data_directory_of_yesterday_is_not_started(self):
        self.two_running()
        self.act(2)
        self.server.stop()
        shutil.copytree(self.server.data, self.server.root / "yesterday")
        yesterday = len(self.server.recorded())
        self.server.start()
        self.act(5)
        self.server.stop()
        shutil.rmtree(self.server.data)
        shutil.copytree(self.server.root / "yesterday", self.server.data)
        self.start_fails("rollback", "recover --accept")
        self.assertEqual(len(self.server.recorded()), yesterday)  # nothing was written
        # an operator goes on with it: the break is recorded, and the witnesses never cosign it again
        self.server.cli("recover", "--accept", str(yesterday), "--reason", "the disk of today is gone")
        self.server.start()
        self.assertEqual(self.act()[0][1], "allow")
        self.assertIn("witness_parted", self.server.log())
        self.server.stop()
        self.server.start()  # and so it stays
        self.assertEqual(self.act()[0][1], "allow")
        self.server.stop()
        boots = [e.event for e in self.server.recorded() if e.event["kind"] == "boot"]
        self.assertEqual(["accepted" in str(boot) for boot in boots[-3:]], [True, False, False])

    def forge(self) -> None:
        """Yesterday's journal with the key in hand, and a longer history of today than the true one."""
        self.two_running()
        self.act(2)
        self.server.stop()
        shutil.copytree(self.server.data, self.server.root / "yesterday")
        self.server.start()
        self.act(4)
        self.server.stop()
        self.truth = len(self.server.recorded())
        shutil.copytree(self.server.data, self.server.root / "truth")
        shutil.rmtree(self.server.data)
        shutil.copytree(self.server.root / "yesterday", self.server.data)
        self.configure()  # nobody is asked while the history is rewritten
        self.server.start()
        self.act(8, run="another")
        self.server.stop()
        self.assertGreater(len(self.server.recorded()), self.truth)
        self.assertEqual(self.server.verify().returncode, 0)  # by itself it looks whole

    def test_history_rewritten_with_the_key_in_hand_is_not_started(self):
        self.forge()
        self.configure(*self.witnesses)
        self.start_fails("fork")
        self.assertEqual([w.size() for w in self.witnesses], [self.truth, self.truth])

    def test_history_rewritten_while_no_witness_could_be_asked_ends_the_process(self):
        self.forge()
        for witness in self.witnesses:
            witness.stop()
        self.configure(*self.witnesses)
        self.server.start()
        self.assertEqual(len(self.act(1, run="third")), 1)
        self.witnesses[1].start(*self.witnesses[1].logs)
        self.assertEqual(self.server.wait(60), 65, self.server.log()[-2000:])
        self.assertIn("witness_contradiction", self.server.log())
        self.assertEqual(self.witnesses[1].size(), self.truth)

    def test_a_shorter_rewritten_history_is_a_rollback(self):
        self.two_running()
        self.act(1)
        self.server.stop()
        shutil.copytree(self.server.data, self.server.root / "yesterday")
        self.server.start()
        self.act(20)
        self.server.stop()
        shutil.rmtree(self.server.data)
        shutil.copytree(self.server.root / "yesterday", self.server.data)
        self.configure()
        self.server.start()
        self.act(1, run="another")
        self.server.stop()
        self.configure(*self.witnesses)
        self.start_fails("rollback")

    def test_a_witness_killed_again_and_again_never_goes_back(self):
        self.two_running(quorum="any")
        victim, seen, rng = self.witnesses[0], 0, random.Random(7)
        for _ in range(8):
            self.act(4)
            time.sleep(rng.random() * 0.4)
            victim.kill()
            told = max([s for s, w, _ in rows(self.server) if w == victim.vkey], default=0)
            self.assertGreaterEqual(victim.size(), max(seen, told))
            seen = victim.size()
            victim.start(*victim.logs)  # what it kept is whole
        until("it goes on", lambda: victim.size() >= self.size(), 60)
        self.assertEqual(self.server.stop(), 0)

    # and so does verify

    def verify(self, *flags: str) -> tuple[int, dict]:
        done = self.server.cli("verify", "--json", *flags, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else {}

    def trusted(self, *lines: str) -> str:
        """A policy file of an auditor's own."""
        path = self.server.root / "trusted"
        path.write_text("\n".join([*lines, ""]))
        return str(path)

    def test_verify_says_up_to_where_it_is_witnessed(self):
        self.two_running()
        self.act(2)
        self.server.stop()
        size = len(self.server.recorded())
        code, report = self.verify("--require-witness")
        self.assertEqual((code, report["witnessed_size"], report["witnessed"]), (0, size, "all of it"))
        self.configure()  # nobody is asked: a tail grows
        self.server.start()
        self.act(1)
        self.server.stop()
        grown = len(self.server.recorded())
        self.assertEqual(self.verify()[0], 0)
        code, report = self.verify("--require-witness")
        self.assertEqual((code, report["size"], report["witnessed_size"]), (4, grown, size))
        self.assertIn("proves less", report["witnessed"])  # by keys that lie beside the log

    def test_only_witnesses_that_the_auditor_trusts_count(self):
        self.two_running()
        self.server.stop()
        stranger = self.witness()
        one, two = self.witnesses[0].vkey, self.witnesses[1].vkey
        log = self.server.cli("verify", "--print-key").stdout.strip()

        def code(*lines: str) -> int:
            return self.verify("--require-witness", "--policy", self.trusted(*lines))[0]
        self.assertEqual(code(f"log {log}", f"witness a {one}", "quorum a"), 0)
        self.assertEqual(code(f"witness a {one}", f"witness b {two}", "group g all a b", "quorum g"), 0)
        self.assertEqual(code(f"witness a {stranger.vkey}", "quorum a"), 4)
        self.assertEqual(code(f"witness a {one}", f"witness b {stranger.vkey}", "group g all a b", "quorum g"), 4)
        self.assertEqual(code("quorum none"), 4)
        self.assertEqual(code("quorum a"), 65)
        other = log.split("+")[0] + stranger.vkey[stranger.vkey.index("+"):]
        self.assertEqual(code(f"log {other}", "quorum none"), 65)  # no log's key

    def test_a_cosignature_that_was_changed_is_found(self):
        self.two_running()
        self.server.stop()
        store = sqlite3.connect(f"{self.server.data}/journal.db")
        trigger = store.execute("SELECT sql FROM sqlite_schema WHERE name = 'cosignature_update'").fetchone()[0]

        def change(sql: str, *values: str) -> None:
            store.execute("DROP TRIGGER cosignature_update")
            store.execute(sql, values)
            store.execute(trigger)
            store.commit()
        size, line = store.execute("SELECT size, line FROM cosignature ORDER BY size DESC").fetchone()
        flipped = line[:-6] + ("A" if line[-6] != "A" else "B") + line[-5:]
        change("UPDATE cosignature SET line = ? WHERE line = ?", flipped, line)
        code, report = self.verify()
        self.assertEqual((code, report["where"]), (1, f"cosignature {size}"), report)
        change("UPDATE cosignature SET line = ? WHERE line = ?", line, flipped)
        self.assertEqual(self.verify()[0], 0)
        change("UPDATE cosignature SET time = time + 1 WHERE line = ?", line)
        self.assertEqual(self.verify()[0], 1)
        store.close()

    def test_what_a_witness_holds_convicts_a_rewritten_log(self):
        self.forge()
        held = next(f for f in (self.witnesses[0].root / "w/state").glob("*"))
        self.assertEqual(self.verify()[0], 0)
        code, report = self.verify("--checkpoint", str(held))
        self.assertEqual((code, report["where"]), (1, f"the checkpoint you hold, {self.truth}"), report)
        shutil.rmtree(self.server.data)
        shutil.copytree(self.server.root / "yesterday", self.server.data)
        code, report = self.verify("--checkpoint", str(held))
        self.assertEqual(code, 1)
        self.assertIn("rolled back", report["text"])
        shutil.rmtree(self.server.data)
        shutil.copytree(self.server.root / "truth", self.server.data)
        self.assertEqual(self.verify("--checkpoint", str(held))[0], 0)
        self.assertEqual(self.verify("--checkpoint", str(self.server.config_path))[0], 65)
        self.assertEqual(self.verify("--checkpoint", "/nowhere")[0], 66)

    # they can't be reached

    def test_unreachable_with_alert_decisions_go_on(self):
        self.make_log()
        self.configure(self.witness(), unreachable="alert", grace="0s")
        self.server.start()
        until("it is told", lambda: "witness_failed" in self.server.log())
        time.sleep(1.5)
        self.assertEqual({answer[1] for answer in self.act(2)}, {"allow"})
        self.assertGreater(metric(self.metrics, 'gatekeeper_witness_failures_total{witness="w0"}'), 0)
        self.assertEqual(self.server.log().count('"witness_failed"'), 1)

    def test_unreachable_with_stop_new_allows_are_refused_until_a_quorum_is_back(self):
        log = self.make_log()
        self.configure(self.witness(), self.witness(), unreachable="stop", grace="1s")
        self.server.start()
        self.assertEqual(self.act()[0][1], "allow")  # within the grace
        until("it stops", lambda: self.act()[0] == (200, "stop", "audit_unwitnessed"))
        self.assertEqual(harness.Client(self.server.address, None).get("/readyz").status, 503)
        self.witnesses[0].start(log)
        until("one of two cosigns", lambda: self.witnesses[0].size() > 0)
        self.assertEqual(self.act()[0], (200, "stop", "audit_unwitnessed"))
        self.witnesses[1].start(log)
        until("it goes on", lambda: self.act()[0][1] == "allow")
        self.assertEqual(self.server.stop(), 0)

    def test_a_witness_that_does_not_know_the_log_is_told_once(self):
        log = self.make_log()
        other = harness.Server(config={})
        try:
            other.agent()
            stranger = other.cli("verify", "--print-key").stdout.strip()
        finally:
            other.destroy()
        self.configure(self.witness().start(stranger))
        self.server.start()
        until("it is told", lambda: "doesn't watch this log" in self.server.log())
        self.assertEqual(self.witnesses[0].size(), 0)
        self.assertTrue(log)

    def test_after_a_rotation_a_witness_cosigns_again_once_it_knows_the_new_key(self):
        log = self.make_log()
        watched = self.witness().start(log)
        self.configure(watched)
        self.server.start()
        self.act(2)
        until("it cosigns", lambda: watched.size() >= self.size() > 0)
        self.server.cli("key", "rotate", "--signing", "--reason", "a drill")
        new = self.server.cli("verify", "--print-key").stdout.strip()
        self.assertNotEqual(log, new)
        self.act(2)
        until("that it knows the old key only is told", lambda: "witness_failed" in self.server.log())
        until("the checkpoint of the handover, which both keys signed, is the last that it could cosign",
              lambda: self.size() > watched.size())
        self.assertEqual(watched.stop(), 0)
        stood = watched.size()
        watched.start(log, new)
        until("it goes on from where it stood", lambda: watched.size() >= self.size() > stood, 60)
        until("it is told", lambda: "witness_again" in self.server.log())
        self.assertEqual(watched.stop(), 0)
        watched.start(new)  # the old key has done its duty
        self.act(1)
        until("the new key is enough", lambda: watched.size() >= self.size(), 60)
        self.assertEqual(self.server.stop(), 0)
        (self.server.root / "trusted").write_text(f"log {new}\n{policy_of(watched)}")
        for key in (log, new):
            done = self.server.cli("verify", "--key", key, "--policy", str(self.server.root / "trusted"), "--require-witness", check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_witness_that_talks_nonsense_stops_nobody(self):
        answers = [(200, b""), (200, b"\xe2\x80\x94 w AAAA\n"), (200, b"x" * 100000), (302, b""), (409, b"soon\n"),
                   (409, b"0\n"), (500, b"oops"), (204, b"")]

        class Nonsense(http.server.BaseHTTPRequestHandler):
            count = 0

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                status, body = answers[Nonsense.count % len(answers)]
                Nonsense.count += 1
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        fake = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nonsense)
        threading.Thread(target=fake.serve_forever, daemon=True).start()
        try:
            self.make_log()
            witness = self.witness()
            witness.port = fake.server_address[1]
            self.configure(witness)
            self.server.start()
            until("it has said it all", lambda: Nonsense.count >= len(answers), 60)
            self.assertEqual(self.act()[0][1], "allow")
            self.assertEqual(rows(self.server), [])
            self.assertEqual(self.server.stop(), 0)
        finally:
            fake.shutdown()

    # its command line

    def test_the_command_line_says_what_is_wrong(self):
        witness = self.witness()
        self.assertRegex(witness.vkey, r"^gatekeeper\.local/witness-[0-9a-f]{16}\+[0-9a-f]{8}\+")
        self.assertEqual(witness.run().returncode, 64)
        self.assertEqual(witness.run("--log", "nonsense").returncode, 64)
        self.assertEqual(witness.run("--name", "other.example", "--log", self.make_log()).returncode, 64)
        self.assertEqual(oct((witness.root / "w/witness.key").stat().st_mode & 0o777), "0o600")
        witness.start(self.server.cli("verify", "--print-key").stdout.strip())
        self.assertEqual(witness.run("--print-key").stdout.strip(), witness.vkey)  # while it runs
        self.assertEqual(witness.run("--log", witness.logs[0]).returncode, 75)
        client = harness.Client(lambda: ("127.0.0.1", witness.port), None)
        self.assertEqual(client.request("POST", "/add-checkpoint", b"old 0\n").status, 400)
        self.assertEqual(client.request("POST", "/add-checkpoint", b"").status, 400)
        self.assertEqual(client.request("POST", "/add-checkpoint", b"x" * 70000).status, 413)
        self.assertEqual(client.get("/v1/events").status, 404)
        self.assertEqual(client.get("/readyz").status, 200)
        self.assertEqual(witness.stop(), 0)


if __name__ == "__main__":
    harness.main()
