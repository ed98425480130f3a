"""Fail the n-th write, sync or rename of a server's life, for every n: an error is never an allow, and nothing is lost.

$FAULT_PRELOAD is the library of fault_preload.c; $FAULT_STRIDE walks every so many n only (default 1).
"""

from __future__ import annotations

import collections
import http.client
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scenario"))
import harness  # noqa: E402

PRELOAD = os.environ.get("FAULT_PRELOAD", "")
STRIDE = int(os.environ.get("FAULT_STRIDE", "1"))
CALLS_MAX = 2000
IO_ERROR, CORRUPT = 74, 65


class Play:
    """A short life: ask, report, be granted, resume, throw a switch; stops at the first call without an answer."""

    def __init__(self, server: harness.Server, tokens: dict[str, str]):
        self.server = server
        self.clients = {name: harness.Client(server.address, token, 10) for name, token in tokens.items()}
        self.answers: list[harness.Answer] = []

    def call(self, who: str, path: str, body: dict) -> dict:
        answer = self.clients[who].post(path, body)
        if answer.status not in (200, 201):
            raise ConnectionError(f"{path}: {answer.status}")
        self.answers.append(answer)
        return answer.body

    def ask(self, step: str, action: str, **more) -> dict:
        return self.call("agent", "/v1/decisions", {"run_id": "run", "step_id": step, "action": action,
                                                   "args": {"order": "A-1"}, **more})

    def all(self) -> None:
        first = self.ask("1", "kb.read")
        self.call("agent", f"/v1/decisions/{first['decision_id']}/result", {"status": "ok", "output": {"n": 1}})
        self.ask("2", "database.drop")
        approval = self.ask("3", "refund.create")["approval"]["approval_id"]
        self.call("alice", f"/v1/approvals/{approval}/grant", {"comment": "yes"})
        self.ask("4", "refund.create", approval_id=approval)
        self.call("olga", "/v1/kill-switches", {"scope": "run", "id": "run", "reason": "over"})
        self.ask("5", "kb.read")


class Template:
    """A journal with identities in it, copied for every life."""

    def __init__(self) -> None:
        self.server = harness.Server().start()
        self.tokens = {"agent": str(self.server.agent().token), "alice": str(self.server.approver("alice").token),
                       "olga": self.server.token("olga", "human", "operator", tenant="*")}
        assert self.server.stop() == 0

    def copy(self, folder: str, env: dict[str, str], **config) -> harness.Server:
        root = pathlib.Path(folder) / "life"
        shutil.copytree(self.server.root, root, ignore=shutil.ignore_patterns("log", "admin.sock"))
        return harness.Server(root=root, env=env, config=config)


def environment(folder: str, n: int, error: str, mode: str) -> dict[str, str]:
    return {"LD_PRELOAD": PRELOAD, "FAULT_DIR": f"{folder}/life/data", "FAULT_N": str(n), "FAULT_ERRNO": error,
            "FAULT_MODE": mode, "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}


def wait_ready(server: harness.Server) -> bool:
    """Ready, or ended?"""
    end = time.monotonic() + harness.DEADLINE_S
    while time.monotonic() < end:
        if server.process is not None and server.process.poll() is not None:
            return False
        try:
            if harness.Client(server.address, None, 2).get("/livez").status == 200:
                return True
        except (OSError, http.client.HTTPException):
            time.sleep(0.005)
    raise AssertionError("neither ready nor ended:\n" + server.log()[-2000:])


class Walk(unittest.TestCase):
    """Each test walks n through a whole life under one kind of failure."""

    @classmethod
    def setUpClass(cls) -> None:
        if not os.path.exists(PRELOAD):
            raise unittest.SkipTest("not run: FAULT_PRELOAD names no library")
        cls.template = Template()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.template.server.destroy()

    def live(self, server: harness.Server, story: str) -> Play:
        """One life under a failure: it may end early, by itself, with an I/O error; never by a signal."""
        play = Play(server, self.template.tokens)
        server.start(ready=False)
        if wait_ready(server):
            try:
                play.all()
            except (OSError, http.client.HTTPException):
                pass
        assert server.process is not None
        if server.process.poll() is None:
            server.process.terminate()
        code = server.wait()
        self.exits[code] += 1
        self.assertIn(code, (0, CORRUPT, 70, IO_ERROR), f"{story}: exit {code}\n{server.log()[-3000:]}")
        server.check_log()
        return play

    def recover(self, server: harness.Server, story: str) -> None:
        """Start again on a disk that works: by itself, or after gatekeeper recover where it asks for that."""
        server.env = dict(os.environ)
        server.start(ready=False)
        if wait_ready(server):
            return
        self.assertIn("recover", server.log(), story)
        self.recovered += 1
        size = len(server.recorded())
        done = server.cli("recover", "--accept", str(size), check=False)
        self.assertEqual(done.returncode, 0, f"{story}: {done.stderr}")
        server.start()

    def check(self, server: harness.Server, play: Play, story: str) -> None:
        """All that was answered is there, the log is whole, and decisions go on."""
        agent = harness.Client(server.address, self.template.tokens["agent"])
        self.assertEqual(agent.decide("later", "1", "kb.read").body["decision"], "allow", story)
        self.assertEqual(server.stop(), 0, story)
        rows = server.recorded()
        for answer in play.answers:
            event = answer.body.get("event")
            if event is None:
                continue
            row = rows[event["seq"]]
            self.assertTrue(row.has_leaf(event["leaf_hash"]), f"{story}: {answer}")
            if "decision" in answer.body and "decision" in row.event:
                self.assertEqual(row.event["decision"], answer.body["decision"], story)
        done = server.verify()
        self.assertEqual(done.returncode, 0, f"{story}: {done.stdout}{done.stderr}")

    def walk(self, error: str, mode: str) -> None:
        strikes = self.recovered = 0
        self.exits: collections.Counter[int] = collections.Counter()
        for n in range(1, CALLS_MAX, STRIDE):
            story = f"{error} {mode} at call {n}"
            with tempfile.TemporaryDirectory(prefix="gk-fault-") as folder:
                server = self.template.copy(folder, {})
                server.env = {**os.environ, **environment(folder, n, error, mode)}
                play = self.live(server, story)
                struck = "fault_preload: " in server.log()
                self.recover(server, story)
                self.check(server, play, story)
                server.destroy()
            if not struck:
                self.assertEqual(len(play.answers), 8, "a life without a failure is whole")
                break
            strikes += 1
        else:
            self.fail(f"{CALLS_MAX} calls, and no end")
        print(f"# {error} {mode}: struck {strikes} times, exits {dict(self.exits)}, recovered by hand {self.recovered}",
              flush=True)
        self.assertGreater(strikes * STRIDE, 20)

    def test_one_call_that_fails_with_an_io_error_costs_no_recorded_answer(self):
        self.walk("EIO", "once")

    def test_one_call_that_finds_no_space_costs_no_recorded_answer(self):
        self.walk("ENOSPC", "once")

    def test_a_disk_that_stays_full_costs_no_recorded_answer(self):
        self.walk("ENOSPC", "keep")

    def test_a_disk_that_stays_broken_costs_no_recorded_answer(self):
        self.walk("EIO", "keep")

    def test_a_write_torn_in_half_costs_no_recorded_answer(self):
        self.walk("EIO", "torn")


class FullDisk(unittest.TestCase):
    """A file system of some MiB that really fills up."""

    def setUp(self) -> None:
        self.template = Template()
        self.addCleanup(self.template.server.destroy)
        self.folder = tempfile.mkdtemp(prefix="gk-full-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", self.folder], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("not run: mounting a tmpfs isn't permitted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.folder], check=True)

    def fill(self, server: harness.Server) -> list[harness.Answer]:
        """Ask until there's no allow any more; gives all answers."""
        agent = harness.Client(server.address, self.template.tokens["agent"], 10)
        answers: list[harness.Answer] = []
        for step in range(20000):
            try:
                answer = agent.decide(f"run_{step // 50}", str(step), "kb.read", {"n": step})
            except (OSError, http.client.HTTPException):
                return answers
            answers.append(answer)
            if answer.status != 200 or answer.body["decision"] != "allow":
                return answers
        raise AssertionError("the disk never filled up")

    def check(self, server: harness.Server, answers: list[harness.Answer]) -> None:
        """With more room: every answer is there and the log is whole."""
        with tempfile.TemporaryDirectory(prefix="gk-room-") as room:
            shutil.copytree(server.root, f"{room}/life", ignore=shutil.ignore_patterns("admin.sock"))
            roomy = harness.Server(root=f"{room}/life", config={"space_stop": 0, "space_reserve": 0}).start()
            self.assertEqual(roomy.stop(), 0)
            rows = roomy.recorded()
            for answer in answers:
                if answer.status == 200:
                    self.assertTrue(rows[answer.body["event"]["seq"]].has_leaf(answer.body["event"]["leaf_hash"]))
            self.assertEqual(roomy.verify().returncode, 0)
            roomy.destroy()

    def test_a_disk_that_fills_up_ends_the_process_and_loses_no_answer(self):
        server = self.template.copy(self.folder, {})
        server.start()
        self.addCleanup(server.destroy)
        answers = self.fill(server)
        self.assertGreater(len(answers), 10)
        self.assertNotEqual(answers[-1].body.get("decision") if answers[-1].status == 200 else None, "approval_required")
        self.assertEqual(server.wait(), IO_ERROR)
        self.check(server, answers)

    def test_a_disk_nearly_full_stops_allows_while_the_switch_still_fits(self):
        server = self.template.copy(self.folder, {}, space_stop="1MiB", space_reserve="256KiB")
        server.start()
        self.addCleanup(server.destroy)
        answers = self.fill(server)
        self.assertEqual(answers[-1].outcome, (200, "stop", "audit_space"))
        agent = harness.Client(server.address, self.template.tokens["agent"])
        operator = harness.Client(server.address, self.template.tokens["olga"])
        self.assertEqual(agent.result(answers[0].body["decision_id"]).status, 201)
        self.assertEqual(operator.post("/v1/kill-switches", {"scope": "global", "reason": "full"}).status, 201)
        self.assertEqual(server.stop(), 0)
        self.check(server, answers)


if __name__ == "__main__":
    harness.main()
