"""`gatekeeper watch`: a line per event elsewhere, and on a terminal what waits, granted and denied from the keyboard."""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import harness

ACTOR = {"type": "user", "id": "u_7", "roles": ["support"]}
HOSTILE = "\x1b]0;owned\x07\x1b[2Jrefund\u202eevil\x9b31m"


class Screen:
    """A terminal of so many rows and columns, as far as `watch` uses one; text is what a person sees."""

    def __init__(self, rows: int, columns: int):
        self.rows, self.columns, self.row, self.column = rows, columns, 0, 0
        self.cells = [[" "] * columns for _ in range(rows)]
        self.alternate, self.cursor, self.left, self.unknown = False, True, b"", []
        self.wrapped = False

    def feed(self, data: bytes) -> None:
        text = (self.left + data)
        try:
            chars, self.left = text.decode(), b""
        except UnicodeDecodeError as error:
            chars, self.left = text[:error.start].decode(), text[error.start:]
        at = 0
        while at < len(chars):
            found = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])").match(chars, at)
            if found:
                self.control(*found.groups())
                at = found.end()
                continue
            if chars[at] == "\x1b" and at + 12 > len(chars):
                self.left = chars[at:].encode() + self.left
                return
            self.put(chars[at])
            at += 1

    def control(self, arguments: str, letter: str) -> None:
        if letter == "H" and arguments == "":
            self.row = self.column = 0
        elif letter == "K" and arguments == "":
            self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
        elif letter == "m":
            pass
        elif (letter, arguments) in (("h", "?1049"), ("l", "?1049")):
            self.alternate = letter == "h"
        elif (letter, arguments) in (("h", "?25"), ("l", "?25")):
            self.cursor = letter == "h"
        elif (letter, arguments) in (("h", "?7"), ("l", "?7")):
            pass
        else:
            self.unknown.append(f"\\e[{arguments}{letter}")

    def put(self, char: str) -> None:
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self.row += 1
            if self.row >= self.rows:
                self.unknown.append("scrolled")
                self.row = self.rows - 1
        elif ord(char) < 32 or 127 <= ord(char) < 160:
            self.unknown.append(f"{ord(char):#x}")
        elif self.column >= self.columns:
            self.wrapped = True
        else:
            self.cells[self.row][self.column] = char
            self.column += 1

    @property
    def text(self) -> str:
        return "\n".join("".join(row).rstrip() for row in self.cells)


class Terminal:
    """gatekeeper watch behind a pty."""

    def __init__(self, server: harness.Server, token: str | None, *args: str, rows: int = 24, columns: int = 80):
        self.screen = Screen(rows, columns)
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns, tell=False)
        self.before = termios.tcgetattr(self.slave)
        env = {**server.env, "TERM": "xterm"}
        env.pop("GATEKEEPER_TOKEN", None)
        if token is not None:
            env["GATEKEEPER_TOKEN"] = token
        self.process = subprocess.Popen([harness.binary(), "watch", "--config", str(server.config_path), *args],
                                        stdin=self.slave, stdout=self.slave, stderr=self.slave, env=env, start_new_session=True)

    def resize(self, rows: int, columns: int, tell: bool = True) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            self.screen = Screen(rows, columns)
            self.process.send_signal(signal.SIGWINCH)

    def pump(self, seconds: float = 0.05) -> None:
        while select.select([self.master], [], [], seconds)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            self.screen.feed(data)

    def see(self, what: str, seconds: float = harness.DEADLINE_S) -> str:
        """Wait until a pattern is on the screen."""
        end = time.monotonic() + seconds
        while not re.search(what, self.screen.text):
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError(f"not seen: {what}\n{self.screen.text}")
            self.pump()
        return self.screen.text

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def end(self) -> int:
        """Wait for the end; gives the exit code."""
        finish = time.monotonic() + harness.DEADLINE_S
        while self.process.poll() is None:
            if time.monotonic() > finish:
                self.process.kill()
                raise AssertionError("it doesn't end")
            self.pump()
        self.pump()
        return self.process.returncode

    @property
    def restored(self) -> bool:
        return termios.tcgetattr(self.slave) == self.before and not self.screen.alternate and self.screen.cursor

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


class Watch(harness.ServerCase):
    policy = harness.POLICY.replace("[refund.create]", "[refund.create, pay.out]", 1) + """\
  - id: bounded
    actions: [pay.out]
    approvers: {groups: [finance]}
    show: [/order, /amount]
    bounded: {max_uses: 5, max_ttl: 2h, pins: [args.order]}
"""
    config = {"audit": {"show_fields": ["order", "amount", "note"]}}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.carol = cls.server.client("carol", "human", ["approver", "auditor"], group="finance", tenant="*")

    def ask(self, run: str, **args) -> str:
        answer = self.agent.decide(run, "1", "refund.create", {"order": "A-1", "amount": 120.5, **args}, actor=ACTOR)
        return answer.body["approval"]["approval_id"]

    def status(self, approval: str) -> dict:
        return self.alice.get(f"/v1/approvals/{approval}").body

    def watch(self, token: str | None, *args: str, **size: int) -> Terminal:
        terminal = Terminal(self.server, token, *args, **size)
        self.addCleanup(terminal.close)
        return terminal

    def tearDown(self) -> None:
        for one in self.operator.get("/v1/approvals?status=pending").body["approvals"]:
            self.alice.post(f"/v1/approvals/{one['approval_id']}/deny", {})

    def test_grants_in_two_steps_with_a_comment(self):
        terminal = self.watch(self.carol.token)
        terminal.see("live")
        approval = self.ask("run_w1", note="for the kettle")
        terminal.see("run_w1")
        terminal.see("refund.create")
        terminal.see("for the kettle")
        terminal.type("g")
        terminal.see("Grant, comment:")
        terminal.type("ok by phonx\x7fe")
        terminal.see("ok by phone")
        terminal.type("\r")
        terminal.see("Grant\\? y: yes")
        self.assertEqual(self.status(approval)["status"], "pending")
        terminal.type("y")
        terminal.see("granted: refund.create")
        terminal.see("Nothing waits")
        self.assertEqual(self.status(approval)["status"], "granted")
        votes = self.auditor.events(f"kind=approval&approval_id={approval}")
        self.assertIn("ok by phone", json.dumps(votes))
        self.assertIn("carol", json.dumps(votes))
        terminal.type("q")
        self.assertEqual((terminal.end(), terminal.restored), (0, True))

    def bounded(self, run: str, step: str, amount: float) -> harness.Answer:
        return self.agent.decide(run, step, "pay.out", {"order": "A-1", "amount": amount}, actor=ACTOR)

    def test_grants_more_than_once_within_bounds_that_are_typed(self):
        approval = self.bounded("run_b1", "1", 40).body["approval"]["approval_id"]
        terminal = self.watch(self.carol.token, columns=120)
        terminal.see("run_b1")
        terminal.type("b")
        terminal.see(r"How often \(Enter: 5\)")
        terminal.type("3\r")
        terminal.see(r"For how long \(Enter: 7200s\)")
        terminal.type("10m\r")
        terminal.see(r"/amount at most \(Enter: 40\)")
        terminal.type("50.5\r")
        terminal.see("Grant, comment:")
        terminal.type("a series\r")
        terminal.see(r"Grant 3 times within 10m, /amount at most 50.5\? y: yes")
        self.assertEqual(self.status(approval)["status"], "pending")
        terminal.type("y")
        terminal.see("granted: pay.out")
        view = self.status(approval)
        self.assertEqual(view["bound"], {"uses": 3, "used": 0, "at_most": {"/amount": "50.5"}})
        answers = [self.bounded("run_b1", str(step), amount).outcome[1] for step, amount in ((2, 50.5), (3, 51), (4, 1))]
        self.assertEqual(answers, ["allow", "approval_required", "allow"])
        granted = next(e for e in self.auditor.events(f"approval_id={approval}") if e.get("change") == "granted")
        self.assertEqual(self.seconds(view["grant_until"]) - self.seconds(granted["timestamp"]), 600)

    @staticmethod
    def seconds(text: str) -> int:
        return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())

    def test_enter_alone_takes_the_ceiling_and_what_is_asked(self):
        approval = self.bounded("run_b2", "1", 40).body["approval"]["approval_id"]
        terminal = self.watch(self.carol.token, columns=120)
        terminal.see("run_b2")
        terminal.type("b")
        for question in ("How often", "For how long", "/amount at most", "comment:"):
            terminal.see(question)
            terminal.type("\r")
        terminal.see("Grant 5 times within 7200s, /amount at most 40")
        terminal.type("y")
        terminal.see("granted: pay.out")
        self.assertEqual(self.status(approval)["bound"], {"uses": 5, "used": 0, "at_most": {"/amount": "40"}})

    def test_bounds_that_make_no_sense_and_rules_that_allow_none_grant_nothing(self):
        approval = self.bounded("run_b3", "1", 40).body["approval"]["approval_id"]
        terminal = self.watch(self.carol.token, columns=120)
        terminal.see("run_b3")
        for typed in (("6",), ("0",), ("x",), ("-1",), ("", "3h"), ("", "0s"), ("", "soon"), ("", "", "many"), ("", "", "1e"), ("", "", "[1]")):
            with self.subTest(typed):
                terminal.type("b")
                for question, text in zip(("How often", "For how long", "/amount at most"), typed):
                    terminal.see(question)
                    terminal.type(text + "\r")
                terminal.see("nothing was done: that isn't how far it may go")
        terminal.type("b")
        terminal.see("How often")
        terminal.type("\x1b")
        terminal.see("q quit|isn't how far")
        self.assertEqual((self.status(approval)["status"], self.status(approval)["votes"]), ("pending", []))
        self.alice.post(f"/v1/approvals/{approval}/deny", {})
        once = self.ask("run_b4")
        terminal.see("run_b4")
        terminal.type("b")
        terminal.see("allows no bounded grant")
        self.assertEqual(self.status(once)["status"], "pending")

    def test_anything_but_y_does_nothing_and_nothing_typed_ahead_is_an_answer(self):
        approval = self.ask("run_w2")
        terminal = self.watch(self.carol.token)
        terminal.see("run_w2")
        terminal.type("g\ry")  # typed ahead of both questions
        terminal.see("comment:|nothing was done")
        terminal.type("\x1b")
        terminal.see("q quit|nothing was done")
        terminal.type("d")
        terminal.see("Deny, comment:")
        terminal.type("\r")
        terminal.see("Deny\\? y: yes")
        terminal.type("n")
        terminal.see("nothing was done")
        self.assertEqual(self.status(approval)["status"], "pending")

    def test_says_the_risk_and_what_had_happened_in_the_run_of_the_chosen(self):
        stopped = self.agent.decide("run_p8", "0", "database.drop").body
        self.agent.result(stopped["decision_id"], status="ok")
        self.ask("run_p8")
        self.ask("run_p9", note="another")
        terminal = self.watch(self.alice.token)
        terminal.see("medium refund.create")
        terminal.see("before steps: 1, stopped: 1, VIOLATIONS: 1")
        terminal.type("j")
        terminal.see("before first step of this run")

    def test_denies_the_one_that_was_chosen(self):
        first, second = self.ask("run_w3"), self.ask("run_w4")
        terminal = self.watch(self.carol.token)
        terminal.see("2 waiting")
        terminal.see(r"run (run_w3|run_w4)")
        before = "run_w3" if "run run_w3" in terminal.screen.text else "run_w4"
        other = "run_w4" if before == "run_w3" else "run_w3"
        terminal.type("\x1b[B")
        terminal.see(f"run {other}")
        terminal.type("d")
        terminal.see("Deny, comment:")
        terminal.type("wrong account\r")
        terminal.see(f"Deny\\? .*{other}")
        terminal.type("y")
        terminal.see("denied: ")
        states = {"run_w3": self.status(first)["status"], "run_w4": self.status(second)["status"]}
        self.assertEqual(states, {before: "pending", other: "denied"})

    def test_without_a_persons_token_it_looks_on(self):
        self.ask("run_w5")
        terminal = self.watch(None)
        terminal.see("run_w5")
        terminal.type("g")
        terminal.see("token is needed to vote")
        self.agent.decide("run_w5b", "1", "database.drop")
        terminal.see("stop +database.drop +no_rule_allows +run_w5b/1")

    def test_an_approver_alone_sees_approvals_live(self):
        terminal = self.watch(self.alice.token)
        terminal.see("Nothing waits")
        terminal.see("live")
        approval = self.ask("run_w6")
        terminal.see("run_w6", 5)
        self.bob.post(f"/v1/approvals/{approval}/deny", {})
        terminal.see("Nothing waits", 5)

    def test_what_an_agent_writes_cannot_steer_the_terminal(self):
        # ids and actions can't hold such bytes; arguments, and people's comments, can
        self.ask("run_w7", note=HOSTILE)
        terminal = self.watch(self.carol.token)
        terminal.see("run_w7")
        terminal.see("note")
        terminal.pump(0.3)
        self.assertEqual(terminal.screen.unknown, [])
        self.assertNotIn("\u202e", terminal.screen.text)
        self.assertIn("refund?evil", terminal.screen.text)

    def test_fits_into_any_window(self):
        for i in range(4):
            self.ask(f"run_small{i}", note="n" * 300)
        for rows, columns in ((24, 80), (10, 40), (4, 20), (2, 10), (1, 5), (60, 200)):
            with self.subTest(rows=rows, columns=columns):
                terminal = self.watch(self.carol.token, rows=rows, columns=columns)
                terminal.see("gate|keep| gat")
                terminal.pump(0.5)
                self.assertEqual((terminal.screen.unknown, terminal.screen.wrapped), ([], False))
                terminal.type("q")
                self.assertEqual((terminal.end(), terminal.restored), (0, True))

    def test_a_resized_window_is_drawn_anew(self):
        self.ask("run_w8")
        terminal = self.watch(self.carol.token)
        terminal.see("run_w8")
        terminal.resize(8, 50)
        terminal.see("waiting for a person")
        terminal.see("q quit")
        self.assertEqual((terminal.screen.unknown, terminal.screen.wrapped), ([], False))

    def test_every_way_to_end_restores_the_terminal(self):
        for how in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, "q", "\x03", "\x04"):
            with self.subTest(how=how):
                terminal = self.watch(self.carol.token)
                terminal.see("live")
                self.assertFalse(terminal.restored)
                if isinstance(how, str):
                    terminal.type(how)
                else:
                    terminal.process.send_signal(how)
                self.assertEqual((terminal.end(), terminal.restored), (0, True))

    def test_a_fault_restores_the_terminal_too(self):
        terminal = self.watch(self.carol.token)
        terminal.see("live")
        terminal.process.send_signal(signal.SIGABRT)
        self.assertEqual((terminal.end(), terminal.restored), (-signal.SIGABRT, True))

    def test_stops_and_goes_on_as_a_shell_wants_it(self):
        terminal = self.watch(self.carol.token)
        terminal.see("live")
        terminal.process.send_signal(signal.SIGSTOP)
        terminal.process.send_signal(signal.SIGCONT)
        self.ask("run_w9")
        terminal.see("run_w9")

    def test_a_wrong_token_says_so(self):
        done = self.server.cli("watch", "--plain", check=False, env={"GATEKEEPER_TOKEN": "gk_wrong"})
        self.assertEqual(done.returncode, 77)
        self.assertIn("401", done.stderr)


class Lines(harness.ServerCase):
    def start(self, *args: str, server: harness.Server | None = None) -> subprocess.Popen:
        server = server or self.server
        process = subprocess.Popen([harness.binary(), "watch", "--config", str(server.config_path), *args],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=server.env)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def is_followed(self, count: int = 1, server: harness.Server | None = None) -> None:
        client = (server or self.server).client(f"m{time.monotonic_ns()}", "service", "metrics")
        harness.until("a stream", lambda: f"gatekeeper_event_streams {count}\n" in client.get("/metrics").text)

    def test_json_prints_each_event_as_a_search_does(self):
        process = self.start("--json", "--run-id", "run_lines")
        self.is_followed()
        for step in range(3):
            self.agent.decide("run_lines", str(step), "kb.read")
        lines = [json.loads(process.stdout.readline()) for _ in range(3)]
        self.assertEqual(lines, self.auditor.events("run_id=run_lines"))
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(harness.DEADLINE_S), 0)

    def test_without_a_terminal_it_prints_lines(self):
        process = self.start("--decision", "stop")
        self.is_followed()
        self.agent.decide("run_plain", "1", "kb.read")
        self.agent.decide("run_plain", "2", "database.drop")
        line = process.stdout.readline()
        self.assertRegex(line, r"^\d\d:\d\d:\d\d  stop +database.drop  no_rule_allows  run_plain/2\n$")

    def test_who_reads_no_more_ends_it(self):
        process = self.start("--json")
        self.is_followed()
        process.stdout.close()
        for step in range(200):
            self.agent.decide("run_pipe", str(step), "kb.read")
        self.assertEqual(process.wait(harness.DEADLINE_S), 74)  # as of every command whose output can't be written
        process.stdout = open(os.devnull)

    def test_a_restart_of_the_server_loses_nothing_and_repeats_nothing(self):
        server = harness.Server(config={"listen": f"127.0.0.1:{harness.free_port()}"})
        self.addCleanup(server.destroy)
        server.start(ready=False)
        server.port = int(server.config["listen"].rsplit(":", 1)[1])
        harness.until("readyz", server.is_ready)
        agent, auditor = server.agent(), server.client("ann", "human", "auditor", tenant="*")
        process = self.start("--json", "--kind", "decision", server=server)
        self.is_followed(server=server)
        for step in range(3):
            agent.decide("run_kill", str(step), "kb.read")
        lines = [json.loads(process.stdout.readline()) for _ in range(3)]
        server.kill()
        server.start(ready=False)
        server.port = int(server.config["listen"].rsplit(":", 1)[1])
        harness.until("readyz", server.is_ready)
        for step in range(3, 6):
            agent.decide("run_kill", str(step), "kb.read")
        lines += [json.loads(process.stdout.readline()) for _ in range(3)]
        self.assertEqual(lines, auditor.events("kind=decision"))


if __name__ == "__main__":
    harness.main()
