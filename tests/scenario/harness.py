"""Start the real gatekeeper in a folder of its own, talk to it, kill it, and report tests as TAP.

    class Example(harness.ServerCase):             # one server for the class
        policy = "policy: p\nallow:\n  - id: a\n    actions: [kb.read]\n"
        config = {"queue": 64}                     # keys of gatekeeper.yaml besides the harness's own

        def test_a_known_action_is_allowed(self):
            answer = self.agent.decide("run_1", "1", "kb.read")
            self.assertEqual((answer.status, answer.body["decision"]), (200, "allow"))

    if __name__ == "__main__":
        harness.main()

Server     a temporary folder with gatekeeper.yaml, policies/ and data/; start, stop, kill, cli, token
Client     one identity's HTTP: get, post, delete, decide, result, events
Answer     status, headers, text, body (parsed JSON or None), code (of a problem)
ServerCase unittest case with .server and the usual people: .agent .alice .bob .operator .auditor
main       run the file's tests, print TAP, exit 1 when one failed

The binary is $GATEKEEPER, else build/gatekeeper/main/gatekeeper or gatekeeper on PATH.
Nothing here waits without a deadline; a server that ends with a sanitizer's report fails its test.
"""

from __future__ import annotations

import atexit
import base64
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
from typing import Any, Callable, Iterable, Mapping

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parent.parent
DEADLINE_S = float(os.environ.get("GATEKEEPER_TEST_DEADLINE", "30"))

POLICY = """\
policy: test
allow:
  - id: reads
    actions: ["kb.*", "ticket.*", crm.search]
  - id: refunds
    actions: [refund.create]
approvals:
  - id: refunds-need-a-human
    actions: [refund.create]
    reason: refund_needs_approval
    approvers: {groups: [finance], count: 1}
    expires: 30m
    grant_valid: 15m
"""


def binary() -> str:
    """The path of the gatekeeper under test."""
    found = os.environ.get("GATEKEEPER") or shutil.which("gatekeeper")
    for build in sorted(REPO.glob("build*")):
        found = found or shutil.which(str(build / "gatekeeper/main/gatekeeper"))
    if not found:
        sys.exit("harness: no gatekeeper: build it, or name it in GATEKEEPER")
    return os.path.abspath(found)


def until(what: str, check: Callable[[], Any], seconds: float = DEADLINE_S, pause: float = 0.02) -> Any:
    """Poll check() until it gives something true, and give that; AssertionError after the deadline."""
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain for: {what}")
        time.sleep(pause)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Recorded:
    """One event as it lies in the store: seq, data (its bytes), event (parsed)."""

    def __init__(self, seq: int, data: bytes):
        self.seq, self.data, self.event = seq, data, json.loads(data)
        self.leaf = hashlib.sha256(b"\0" + data).digest()

    def has_leaf(self, text: str) -> bool:
        """Is text, hex or base64, the RFC 6962 leaf hash of these bytes?"""
        plain = base64.b64encode(self.leaf).decode()
        return text in (self.leaf.hex(), plain, plain.rstrip("="),
                        base64.urlsafe_b64encode(self.leaf).decode().rstrip("="))


class Answer:
    """What came back: status, headers (lower case), text, body (JSON or None)."""

    def __init__(self, status: int, headers: Mapping[str, str], data: bytes):
        self.status, self.data = status, data
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.text = data.decode("utf-8", "replace")
        try:
            self.body: Any = json.loads(self.text)
        except ValueError:
            self.body = None

    @property
    def code(self) -> str | None:
        """The stable code of a problem+json answer."""
        return self.body.get("code") if isinstance(self.body, dict) else None

    @property
    def outcome(self) -> tuple:
        """(200, decision, reason) of a decision, (status, code) of anything else: what tables assert on."""
        if self.status == 200 and isinstance(self.body, dict) and "decision" in self.body:
            return (200, self.body["decision"], self.body["reason"])
        return (self.status, self.code)

    def __repr__(self) -> str:
        return f"<Answer {self.status} {self.text[:400]}>"


class Client:
    """HTTP as one identity; a connection per request.  address() gives (host, port) at each call."""

    def __init__(self, address: Callable[[], tuple[str, int]], token: str | None, timeout: float = DEADLINE_S):
        self.address, self.token, self.timeout = address, token, timeout

    def request(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None,
                timeout: float | None = None) -> Answer:
        """Send; body is bytes as they are, anything else as JSON.  OSError or HTTPException when there's no answer."""
        send = dict(headers or {})
        if self.token is not None:
            send.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            send.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(*self.address(), timeout=timeout or self.timeout)
        try:
            connection.request(method, path, body, send)
            reply = connection.getresponse()
            return Answer(reply.status, dict(reply.getheaders()), reply.read())
        finally:
            connection.close()

    def get(self, path: str, **more: Any) -> Answer:
        return self.request("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.request("POST", path, {} if body is None else body, **more)

    def delete(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.request("DELETE", path, body, **more)

    def decide(self, run: str, step: str, action: str, args: Any = None, *, headers: Mapping[str, str] | None = None,
               **fields: Any) -> Answer:
        """POST /v1/decisions; fields are further members of the request."""
        body = {"run_id": run, "step_id": step, "action": action, "args": {} if args is None else args, **fields}
        return self.post("/v1/decisions", body, headers=headers)

    def result(self, decision_id: str, status: str = "ok", **fields: Any) -> Answer:
        return self.post(f"/v1/decisions/{decision_id}/result", {"status": status, **fields})

    def grant(self, approval_id: str, **fields: Any) -> Answer:
        return self.post(f"/v1/approvals/{approval_id}/grant", fields)

    def events(self, query: str = "") -> list[dict]:
        """All events that match a query string, oldest first, as the NDJSON export gives them."""
        answer = self.get(f"/v1/events?order=asc{'&' + query if query else ''}",
                          headers={"Accept": "application/x-ndjson"})
        if answer.status != 200:
            raise AssertionError(f"events: {answer}")
        return [json.loads(line) for line in answer.text.splitlines() if line]


class Server:
    """gatekeeper in a temporary folder: root/gatekeeper.yaml, root/policies, root/data, root/log."""

    def __init__(self, policy: str | Mapping[str, str] = POLICY, config: Mapping[str, Any] | None = None,
                 root: str | os.PathLike | None = None, env: Mapping[str, str] | None = None):
        """policy: one file's text, or {file name: text}.  Nothing is started yet."""
        self.root = pathlib.Path(root or tempfile.mkdtemp(prefix="gk-"))
        self._own_root = root is None
        self.data, self.policies, self.log_path = self.root / "data", self.root / "policies", self.root / "log"
        self.config_path = self.root / "gatekeeper.yaml"
        self.config = {"data_dir": "data", "policy_dir": "policies", "space_warn": 0, "space_stop": 0, "space_reserve": 0,
                       "approvals_per_hour": 0,
                       **(config or {})}
        self.own_listen = "listen" in self.config  # else each start gets a port of its own
        self.env = {**os.environ, **(env or {})}
        self.process: subprocess.Popen | None = None
        self.port = 0
        self.root.mkdir(exist_ok=True)
        self.write_policy(policy)
        self.write_config()
        atexit.register(self.destroy)

    # files

    def write_policy(self, policy: str | Mapping[str, str]) -> None:
        """Replace the whole policy folder."""
        shutil.rmtree(self.policies, ignore_errors=True)
        self.policies.mkdir()
        for name, text in ({"test.yaml": policy} if isinstance(policy, str) else policy).items():
            (self.policies / name).parent.mkdir(parents=True, exist_ok=True)
            (self.policies / name).write_text(text)

    def write_config(self, **keys: Any) -> None:
        """Write gatekeeper.yaml, keys on top of what there was."""
        self.config.update(keys)
        lines = [f"{key}: {json.dumps(value)}\n" for key, value in self.config.items()]
        self.config_path.write_text("".join(lines))

    # the process

    def start(self, ready: bool = True, wrap: Iterable[str] = ()) -> "Server":
        """Start on a fresh port of 127.0.0.1 and wait for /readyz."""
        if self.process and self.process.poll() is None:
            raise AssertionError("it runs already")
        self.port = free_port()
        if not self.own_listen:
            self.write_config(listen=f"127.0.0.1:{self.port}")
        command = [*wrap, binary(), "serve", "--config", str(self.config_path)]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.env)
        if ready:
            until("readyz", self.is_ready)
        return self

    def is_ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            code = self.process.returncode if self.process else None
            raise AssertionError(f"gatekeeper ended with {code} before it was ready:\n{self.log()[-4000:]}")
        try:
            return Client(self.address, None, 2).get("/readyz").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, seconds: float = DEADLINE_S) -> int:
        """Wait for its end; gives the exit code (-9: killed)."""
        assert self.process is not None
        return self.process.wait(seconds)

    def stop(self) -> int:
        """SIGTERM, wait, give the exit code; a sanitizer's report in the log is an AssertionError."""
        self.signal(signal.SIGTERM)
        code = self.wait()
        self.check_log()
        return code

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self.wait()
        self.check_log()

    def destroy(self) -> None:
        """Kill what runs and remove the folder."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE_S)
        if self._own_root:
            shutil.rmtree(self.root, ignore_errors=True)

    def log(self) -> str:
        """All that it wrote to standard output and standard error so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def check_log(self) -> None:
        for mark in ("Sanitizer", "runtime error:", "GK_ASSERT", "assertion failed"):
            if mark in self.log():
                raise AssertionError(f"{mark} in the log:\n{self.log()[-6000:]}")

    # the command line

    def cli(self, *args: str, check: bool = True, stdin: str = "", seconds: float = DEADLINE_S,
            env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess:
        """Run "gatekeeper ARGS --config …"; check: exit code 0 is demanded."""
        done = subprocess.run([binary(), *args, "--config", str(self.config_path)],
                              input=stdin, capture_output=True, text=True, timeout=seconds,
                              env={**self.env, **(env or {})})
        if check and done.returncode != 0:
            raise AssertionError(f"gatekeeper {' '.join(args)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def recorded(self) -> list[Recorded]:
        """Every event of the journal, read from a copy of the database without gatekeeper's help; it must be stopped."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("journal.db", "journal.db-wal"):
                if (self.data / name).exists():
                    shutil.copy(self.data / name, folder)
            store = sqlite3.connect(f"{folder}/journal.db")
            try:
                return [Recorded(seq, data) for seq, data in store.execute("SELECT seq, bytes FROM body ORDER BY seq")]
            finally:
                store.close()

    def verify(self) -> subprocess.CompletedProcess:
        return self.cli("verify", check=False)

    def token(self, identity: str, kind: str, can: str | Iterable[str], **flags: str | Iterable[str]) -> str:
        """Create an identity on the command line; flags: group="finance", tenant=["a", "b"], may_actors="u_*" …"""
        command = ["token", "create", "--id", identity, "--kind", kind]
        for name, values in {"can": can, **flags}.items():
            for value in [values] if isinstance(values, str) else values:
                command += ["--" + name.replace("_", "-"), value]
        return self.cli(*command).stdout.strip()

    def client(self, identity: str, kind: str, can: str | Iterable[str], **flags: str | Iterable[str]) -> Client:
        """token() and a Client that holds it."""
        return Client(self.address, self.token(identity, kind, can, **flags))

    def anonymous(self) -> Client:
        return Client(self.address, None)

    def agent(self, identity: str = "agent-7", **flags: str | Iterable[str]) -> Client:
        """An agent of support-agent for tenant t_42 that may assert actors u_* and role support."""
        usual = {"agent": "support-agent", "tenant": "t_42", "may_actors": "u_*", "may_roles": "support"}
        return self.client(identity, "agent", "agent", **{**usual, **flags})

    def approver(self, identity: str, **flags: str | Iterable[str]) -> Client:
        """A human of group finance who sees all tenants."""
        return self.client(identity, "human", "approver", **{"group": "finance", "tenant": "*", **flags})


class ServerCase(unittest.TestCase):
    """One running server per class; override policy and config.  tearDown demands a clean stop."""

    policy: str | Mapping[str, str] = POLICY
    config: Mapping[str, Any] = {}
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server(cls.policy, cls.config).start()
        cls.agent = cls.server.agent()
        cls.alice, cls.bob = cls.server.approver("alice"), cls.server.approver("bob")
        cls.operator = cls.server.client("olga", "human", "operator", tenant="*")
        cls.auditor = cls.server.client("ann", "human", "auditor", tenant="*")

    @classmethod
    def tearDownClass(cls) -> None:
        try:
            if cls.server.process and cls.server.process.poll() is None:
                code = cls.server.stop()
                if code != 0:
                    raise AssertionError(f"stopped with {code}:\n{cls.server.log()[-4000:]}")
        finally:
            cls.server.destroy()


class _Tap(unittest.TestResult):
    """Prints each test as a TAP line, with what went wrong as comments."""

    count = 0

    def _line(self, ok: bool, test: Any, more: str = "", story: str = "") -> None:
        _Tap.count += 1
        name = str(getattr(test, "_testMethodName", test)).removeprefix("test_").replace("_", " ").replace("#", "no.")
        print(f"{'ok' if ok else 'not ok'} {_Tap.count} - {name}{more}")
        for line in story.splitlines():
            print(f"# {line}")
        sys.stdout.flush()

    def addSuccess(self, test: Any) -> None:
        self._line(True, test)

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self._line(False, test, story=self.errors[-1][1])

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self._line(False, test, story=self.failures[-1][1])

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._line(False, subtest, story=str((self.errors + self.failures)[-1][1]))

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        self._line(True, test, f" # SKIP {reason}")


def main() -> None:
    """Run the tests of the calling file; names on the command line choose some of them (as substrings)."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    wanted = sys.argv[1:]
    tests = [test for group in suite for test in group]  # type: ignore[union-attr]
    if wanted:
        tests = [test for test in tests if any(word in test.id() for word in wanted)]
    result = _Tap()
    unittest.TestSuite(tests).run(result)
    print(f"1..{_Tap.count}")
    sys.exit(0 if result.wasSuccessful() and _Tap.count > 0 else 1)
