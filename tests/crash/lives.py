"""Lives of a gatekeeper and of those that stand beside it, and what must hold when it was cut off and started again.

World  a root folder with a gatekeeper's data/, a signer's signer/ and a witness's witness/, as far as the life has them
Life   make() lays the ground, tell() is the story that is put to the test, check() looks at what a restart made of it
"""

from __future__ import annotations

import concurrent.futures
import copy
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Callable, Iterable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scenario"))
import harness  # noqa: E402

CLOCK_PRELOAD = os.environ.get("CLOCK_PRELOAD", "")
PARTS = ("data", "signer", "witness")
MARK = "M4RK-of-a-customer-%d-"
SHOW = harness.POLICY.replace("    expires: 30m", "    show: [/note]\n    expires: 30m")
EVENT = re.compile(rb'"event":\{"leaf_hash":"([^"]+)","seq":(\d+)\}')
UNREADABLE = (OSError, http.client.HTTPException)


def everything(folder: pathlib.Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def select(data: pathlib.Path, sql: str) -> list:
    """Ask the store without gatekeeper's help; of a copy, so that nothing is changed."""
    with tempfile.TemporaryDirectory(prefix="gk-look-") as folder:
        for name in ("journal.db", "journal.db-wal", "journal.db-journal"):
            if (data / name).exists():
                shutil.copy(data / name, folder)
        store = sqlite3.connect(f"{folder}/journal.db")
        try:
            return store.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            store.close()


class World:
    """The processes of one life in one root folder; env[role] is put into the environment of that role's processes."""

    def __init__(self, life: "Life", root: pathlib.Path):
        self.life, self.root = life, root
        self.env: dict[str, dict[str, str]] = {}
        self.signer: subprocess.Popen | None = None
        self.witness: subprocess.Popen | None = None
        self.witness_port = harness.free_port()
        self.server = harness.Server(life.policy, {"admission_burst": 100000, **life.config}, root=root)
        if life.has_signer:
            self.server.write_config(signer=f"unix:{root}/socket")
        self.clock(life.clock_s)

    # the clock

    def clock(self, seconds: int) -> None:
        (self.root / "offset").write_text(str(seconds))

    def environment(self, role: str) -> dict[str, str]:
        more = dict(self.env.get(role, {}))
        preload = [more.pop("LD_PRELOAD", ""), CLOCK_PRELOAD if self.life.clock_s or self.life.moves_clock else ""]
        return {**os.environ, "CLOCK_FILE": str(self.root / "offset"), "LD_PRELOAD": ":".join(filter(None, preload)),
                "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""), **more}

    # processes

    def spawn(self, role: str, *command: str) -> subprocess.Popen:
        with open(self.root / f"{role}.log", "ab") as log:
            return subprocess.Popen([harness.binary(), *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                    env=self.environment(role))

    def start_signer(self) -> None:
        (self.root / "socket").unlink(missing_ok=True)
        self.signer = self.spawn("signer", "signer", "--socket", f"{self.root}/socket", "--data", f"{self.root}/signer")
        harness.until("the signer", lambda: (self.root / "socket").exists() or self.signer.poll() is not None)

    def witness_key(self) -> str:
        done = subprocess.run([harness.binary(), "witness", "--dir", f"{self.root}/witness", "--print-key"],
                              capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def start_witness(self) -> None:
        listening = self.log("witness").count('"listening"')
        logs = [word for vkey in (self.root / "logs").read_text().split() for word in ("--log", vkey)]
        self.witness = self.spawn("witness", "witness", "--dir", f"{self.root}/witness",
                                  "--listen", f"127.0.0.1:{self.witness_port}", *logs)
        harness.until("the witness", lambda: self.log("witness").count('"listening"') > listening
                      or self.witness.poll() is not None)

    def write_witnesses(self, vkey: str) -> None:
        (self.root / "vkey").write_text(vkey)
        self.point_to_witness()

    def point_to_witness(self) -> None:
        vkey = (self.root / "vkey").read_text()
        (self.root / "witnesses").write_text(f"witness w0 {vkey} http://127.0.0.1:{self.witness_port}/\n"
                                             "group all-of-them all w0\nquorum all-of-them\n")

    def start(self) -> bool:
        """All of them; false: the gatekeeper ended before it was ready."""
        if self.life.has_signer:
            self.start_signer()
        if self.life.has_witness:
            self.start_witness()
        return self.start_server()

    def start_server(self) -> bool:
        self.server.env = self.environment("server")
        self.server.start(ready=False)
        end = time.monotonic() + harness.DEADLINE_S
        while time.monotonic() < end:
            if self.server.process.poll() is not None:
                return False
            try:
                # While nobody knows what time it is, it works, and isn't ready.
                path = "/livez" if self.life.moves_clock else "/readyz"
                if harness.Client(self.server.address, None, 2).get(path).status == 200:
                    return True
            except UNREADABLE:
                pass
            time.sleep(0.005)
        raise AssertionError("neither ready nor ended:\n" + self.server.log()[-2000:])

    def stop(self) -> int:
        """The gatekeeper first, so that the others can answer it; gives its exit code."""
        code = self.server.process.wait(harness.DEADLINE_S) if self.server.process.poll() is not None else self.server.stop()
        for process in (self.signer, self.witness):
            if process is not None:
                if process.poll() is None:
                    process.terminate()
                process.wait(harness.DEADLINE_S)
        self.check_logs()
        return code

    def log(self, role: str) -> str:
        path = self.server.log_path if role == "server" else self.root / f"{role}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def check_logs(self) -> None:
        for role in ("server", "signer", "witness"):
            for mark in ("Sanitizer", "runtime error:", "GK_ASSERT", "assertion failed"):
                if mark in self.log(role):
                    raise AssertionError(f"{mark} in the {role}'s log:\n{self.log(role)[-6000:]}")

    def destroy(self) -> None:
        for process in (self.signer, self.witness):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait(harness.DEADLINE_S)
        self.server.destroy()

    # people and files

    def client(self, name: str) -> harness.Client:
        return harness.Client(self.server.address, self.life.tokens[name])

    @property
    def data(self) -> pathlib.Path:
        return self.root / "data"

    def verify(self, *flags: str) -> None:
        done = self.server.cli("verify", *flags, check=False, env=self.environment("cli"))
        if done.returncode != 0:
            raise AssertionError(f"verify {flags}: exit {done.returncode}: {done.stdout}{done.stderr}")

    def witness_size(self) -> int:
        """Of the last head that the witness keeps; 0: none."""
        files = [path for path in self.root.glob("witness/state/*") if path.suffix != ".new"]
        return int(files[0].read_text().split("\n")[1]) if files else 0


class Life:
    """What is the same of all lives; each says what is its own."""

    name = ""
    policy = SHOW
    config: dict = {}
    has_signer = has_witness = moves_clock = False
    clock_s = 0
    roles = ["server"]

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        self.vkey = ""  # under which the log began
        self.told: list[tuple[bytes, bytes]] = []  # (leaf hash, seq) of each event that an answer told of

    def again(self) -> "Life":
        """The same life, to be told or looked at once more."""
        life = copy.copy(self)
        life.tokens, life.told = dict(self.tokens), []
        return life

    def people(self, server: harness.Server) -> None:
        self.tokens.update(agent=str(server.agent().token), alice=str(server.approver("alice").token),
                           olga=server.token("olga", "human", "operator", tenant="*"),
                           ann=server.token("ann", "human", "auditor", tenant="*"))

    def make(self, world: World) -> None:
        """Before the story: nothing fails here."""
        self.people(world.server)
        self.vkey = world.server.cli("verify", "--print-key").stdout.strip()
        world.server.start()
        self.ground(world)
        if world.server.stop() != 0:
            raise AssertionError(world.server.log())

    def ground(self, world: World) -> None:
        pass

    def tell(self, world: World) -> None:
        """The story, from the start on; AssertionError or no answer where it is cut off."""
        raise NotImplementedError

    def found(self, world: World) -> None:
        """What was found, before anything is started on it."""

    def check(self, world: World) -> None:
        """Started again, and ready."""

    def ask(self, world: World, run: str, step: str, action: str = "kb.read", **args) -> dict:
        answer = world.client("agent").decide(run, step, action, args)
        return self.take(answer, f"{run} {step}")

    def take(self, answer: harness.Answer, what: str) -> dict:
        if answer.status not in (200, 201):
            raise ConnectionError(f"{what}: {answer}")
        self.told += EVENT.findall(answer.data)
        return answer.body

    def do(self, world: World, who: str, path: str, **body) -> dict:
        return self.take(world.client(who).post(path, body), path)


class Redaction(Life):
    """One value and then a whole run's are redacted, while decisions go on."""

    name = "redaction"

    def __init__(self) -> None:
        super().__init__()
        self.marks: dict[int, int] = {}  # mark: seq

    def ground(self, world: World) -> None:
        for mark in range(9):
            asked = self.ask(world, "run_one" if mark < 5 else "run_all", str(mark), "refund.create", note=MARK % mark)
            self.do(world, "alice", f"/v1/approvals/{asked['approval']['approval_id']}/deny", comment="no")
            self.marks[mark] = asked["event"]["seq"]

    def tell(self, world: World) -> None:
        self.ask(world, "run_new", "1")
        self.do(world, "olga", "/v1/redactions", seq=self.marks[2], all=True, reason="request 1")
        self.ask(world, "run_new", "2")
        self.do(world, "olga", "/v1/redactions", run_id="run_all", tenant_id="t_42", all=True, reason="request 2")
        self.ask(world, "run_new", "3")

    def check(self, world: World) -> None:
        """A value whose redaction is in the log is gone when the start is over; any other is there and shown."""
        there, rows = everything(world.data), {event["seq"]: event for event in world.client("ann").events()}
        said = {event["of_seq"] for event in rows.values() if event["kind"] == "redaction"}
        for mark, seq in self.marks.items():
            text = MARK % mark
            if seq in said:
                assert text.encode() not in there, f"{text} is redacted, and still on the disk"
                assert "opened" not in rows[seq], rows[seq]
            else:
                assert rows[seq]["opened"]["/note"] == text, rows[seq]


class Retention(Life):
    """Half a year later, bodies and shown values go, bounded, while decisions go on."""

    name = "retention"
    moves_clock = True
    policy = SHOW.replace("    expires: 30m", "    forget_after: 20d\n    expires: 30m")

    def ground(self, world: World) -> None:
        for i in range(130):
            done = self.ask(world, f"run_{i // 20}", str(i), q=i)
            self.do(world, "agent", f"/v1/decisions/{done['decision_id']}/result", status="ok")
        asked = self.ask(world, "run_0", "shown", "refund.create", note=MARK % 1)
        self.do(world, "alice", f"/v1/approvals/{asked['approval']['approval_id']}/deny", comment="no")
        world.server.cli("hold", "on", "--run-id", "run_2", "--tenant", "t_42", "--reason", "case")

    def tell(self, world: World) -> None:
        world.clock(181 * 86400)
        harness.until("the jump to be seen", lambda: world.client("ann").events("kind=clock"))
        self.do(world, "olga", "/v1/clock/accept", reason="time passed")
        step = 0
        end = time.monotonic() + harness.DEADLINE_S
        while self.left(world) and time.monotonic() < end:
            step += 1
            self.ask(world, "run_new", str(step))
            time.sleep(0.05)

    @staticmethod
    def left(world: World) -> bool:
        """Is there a body that has to go?"""
        store = sqlite3.connect(f"file:{world.data}/journal.db?mode=ro", uri=True)
        try:
            bound = store.execute("SELECT bound FROM minimum WHERE what = 'bodies'").fetchone()[0]
            return bound == 0 or store.execute("SELECT 1 FROM body WHERE seq < ?", (bound,)).fetchone() is not None
        finally:
            store.close()

    def found(self, world: World) -> None:
        world.clock(181 * 86400)

    def check(self, world: World) -> None:
        """What an event has named goes on going; the base is whole, or it wouldn't have started."""
        events = world.client("ann").events("kind=retention")
        if not [event for event in events if event.get("retention", {}).get("what") == "bodies"]:
            return
        harness.until("what was let go to be gone", lambda: not self.left(world))
        held = [event["seq"] for event in world.client("ann").events("run_id=run_2")]
        assert len(held) >= 40, held
        assert len(set(select(world.data, "SELECT generation FROM ledger_row WHERE generation < 0"))) == 1
        assert (MARK % 1).encode() not in everything(world.data)


class Rotation(Life):
    """Hash keys and the signing key change; a hash key is destroyed."""

    name = "rotation"

    def ground(self, world: World) -> None:
        self.ask(world, "run_old", "1", q=1)

    def rotate(self, world: World, what: str) -> None:
        self.do(world, "olga", "/v1/keys/rotate", what=what, reason="a drill")

    def tell(self, world: World) -> None:
        self.rotate(world, "hash")
        done = self.ask(world, "run_two", "1")
        self.do(world, "agent", f"/v1/decisions/{done['decision_id']}/result", status="ok")
        self.do(world, "agent", "/v1/runs/run_two/end")
        self.rotate(world, "signing")
        self.rotate(world, "hash")
        self.take(world.client("olga").delete("/v1/keys/2", {"reason": "a drill"}), "destroy")
        self.ask(world, "run_new", "2")

    def check(self, world: World) -> None:
        """A key that the log names is there, one that it has destroyed is gone, and the first step is still the same step."""
        events = world.client("ann").events("kind=key")
        again = self.ask(world, "run_old", "1", q=1)
        assert again["replayed"] is True, again
        signing = [event["key"]["vkey"] for event in events if event["key"]["what"] == "signing"]
        assert (world.data / "vkey").read_text().strip() == (signing or [self.vkey])[-1]
        rest = world.data / "keys/signing-next.key"
        assert not rest.exists() or not any(rest.read_bytes()), "a next key, and no rotation"
        for event in events:
            if event["key"]["what"] == "hash" and event["key"]["id"] == 2:
                assert (world.data / "keys/hmac-2.key").exists() == (event["change"] == "rotated" and not any(
                    other["change"] == "destroyed" for other in events)), event
        for key in {self.vkey, *signing}:
            world.verify("--key", key)


class SignerState:
    """A signer's file: key, acked and pending (size, peaks; pending with its key), None where they aren't there."""

    def __init__(self, path: pathlib.Path):
        self.acked = self.pending = None
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            word, size, *more = line.split(" ")
            setattr(self, word, (int(size), *more))


class Signer(Life):
    """The first life of a log whose signing key lies apart: people, decisions, a new signing key."""

    name = "signer"
    has_signer = True
    roles = ["server", "signer"]

    def make(self, world: World) -> None:
        """Nothing is there before: the first start is part of the story."""

    def tell(self, world: World) -> None:
        self.people(world.server)
        for step in range(3):
            self.ask(world, "run_new", str(step))
        self.do(world, "olga", "/v1/keys/rotate", what="signing", reason="a drill")
        self.ask(world, "run_new", "3")

    def found(self, world: World) -> None:
        self.before = SignerState(world.root / "signer/state")
        self.size = len(recorded(world))  # nothing is let go in this life

    def check(self, world: World) -> None:
        """Pending became acked, or was dropped and named; the key is nowhere but with the signer."""
        boot = next(event.event for event in recorded(world) if event.event["kind"] == "boot" and event.seq >= self.size)
        pending = self.before.pending
        dropped = f"the signer dropped a head of {pending[0]} events" if pending and pending[0] != self.size else None
        told = "the signer dropped" in json.dumps(boot)
        assert (dropped in json.dumps(boot)) if dropped else not told, (dropped, boot)
        state = SignerState(world.root / "signer/state")
        assert state.acked and state.acked[0] >= self.size, (state.acked, self.size)
        assert not [path for path in (world.data / "keys").iterdir() if "signing" in path.name]
        keys = [event.event["key"]["vkey"] for event in recorded(world) if event.event["kind"] == "key"]
        genesis = recorded(world)[0].event
        for key in [genesis["process"]["vkey"], *keys]:
            world.verify("--key", key)


class Witnessed(Life):
    """Each decision's head is sent to a witness, which keeps it and cosigns; the cosignature is stored."""

    name = "witness"
    has_witness = True
    config = {"witness": {"every": "1s", "every_events": 1, "timeout": "10s", "policy": "witnesses"}}
    roles = ["server", "witness"]

    def make(self, world: World) -> None:
        world.write_witnesses(world.witness_key())
        self.people(world.server)
        self.vkey = world.server.cli("verify", "--print-key").stdout.strip()
        (world.root / "logs").write_text(self.vkey)
        self.logs = (world.root / "logs").read_text()

    def tell(self, world: World) -> None:
        for step in range(4):
            answer = self.ask(world, "run_new", str(step))
            wanted = answer["event"]["seq"] + 1
            harness.until("the witness", lambda: world.witness_size() >= wanted or "fault_preload: " in
                          world.log("witness") + world.log("server"))

    def check(self, world: World) -> None:
        """The log continues what the witness holds."""
        for path in world.root.glob("witness/state/*"):
            if path.suffix != ".new":
                world.verify("--checkpoint", str(path))


LIVES: dict[str, type[Life]] = {life.name: life for life in (Witnessed, Redaction, Retention, Rotation, Signer)}


def recorded(world: World) -> list[harness.Recorded]:
    """Every event, while the gatekeeper runs or not."""
    return [harness.Recorded(seq, data) for seq, data in
            select(world.data, "SELECT seq, bytes FROM body UNION ALL SELECT seq, bytes FROM held ORDER BY seq")]


# what must hold


def start_again(world: World, may_ask: bool = False) -> bool:
    """Start on what is found, look, go on, end, and look again.  may_ask: it may ask for an operator; gives: it did."""
    life = world.life
    if life.has_witness:
        world.point_to_witness()
    life.found(world)
    asked = not world.start()
    if asked:
        assert may_ask and "recover" in world.server.log().splitlines()[-2], "it doesn't start"
        size = max([row.seq for row in recorded(world)], default=-1) + 1
        done = world.server.cli("recover", "--accept", str(size), check=False, env=world.environment("cli"))
        assert done.returncode == 0, f"recover: {done.stdout}{done.stderr}"
        assert world.start_server(), "it doesn't start after it was recovered"
    world.verify()
    life.check(world)
    go_on(world)
    assert world.stop() == 0, "it doesn't end well"
    world.verify()
    check_told(world)
    if life.has_witness:
        size = recorded(world)[-1].seq + 1
        assert world.witness_size() == size, f"{world.witness_size()} of {size} are witnessed at the end"
    return asked


def go_on(world: World) -> None:
    agent = world.client("agent") if world.life.tokens else None
    if agent is None or agent.decide("run_later", "0", "kb.read").status == 401:  # nobody knew it yet
        agent = world.server.agent("later")
    answer = agent.decide("run_later", "1", "kb.read")
    assert answer.outcome[:2] == (200, "allow"), answer


def check_told(world: World) -> None:
    """Whatever an answer told of is recorded, and as it was told."""
    rows = {row.seq: row for row in recorded(world)}
    minimum = dict(select(world.data, "SELECT what, bound FROM minimum"))["bodies"]
    for leaf, text in world.life.told:
        seq = int(text)
        assert seq in rows or seq < minimum, f"seq {seq} was told of, and isn't recorded"
        assert seq not in rows or rows[seq].has_leaf(leaf.decode()), f"seq {seq} is another"


# walking


def choose(places: list, points: int, seed: int) -> list:
    """At most so many (0: all), spread evenly, the first and the last among them; the seed says which ones between."""
    if points == 0 or len(places) <= points:
        return places
    chance, width = random.Random(seed), len(places) / points
    return [places[0], *(places[int(i * width + chance.random() * width)] for i in range(1, points - 1)), places[-1]]


def in_parallel(check: Callable[[Any], Any], places: Iterable[Any]) -> list:
    """check() of each place, on as many threads as there are processors; the first that fails ends it."""
    workers = os.cpu_count() or 1
    room, failed = threading.Semaphore(2 * workers), threading.Event()  # places that wait are memory

    def one(place: Any) -> Any:
        try:
            return None if failed.is_set() else check(place)
        except Exception:
            failed.set()
            raise
        finally:
            room.release()

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        futures = []
        for place in places:
            room.acquire()
            futures.append(pool.submit(one, place))
        return [future.result() for future in futures]
