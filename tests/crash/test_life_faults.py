"""Fail, or kill at, every call that a process makes on its files: lives with a witness, redaction, retention, new keys, a signer.

EIO, ENOSPC  that call alone fails; the process may end by that, and is started again
KILL         a witness or signer is killed before that call, and started again as a supervisor would; the rest lives on
(a gatekeeper that is killed: test_lives.py)

Then all are started anew on a disk that works: by themselves, or after `gatekeeper recover` where that is asked for;
and must hold what test_lives.py asks of every crash.

$FAULT_POINTS: at most so many calls of each life and process fail, evenly spread, in another way each time
(default 4; 0: every call, in every way).
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lives  # noqa: E402
from lives import harness  # noqa: E402

PRELOAD = os.environ.get("FAULT_PRELOAD", "")
POINTS = int(os.environ.get("FAULT_POINTS", "4"))
FAULTS = {"EIO": ("EIO", "once"), "ENOSPC": ("ENOSPC", "once"), "KILL": ("EIO", "kill")}
EXITS = (0, 65, 70, 74)


class Template:
    """What a life begins on; copied for every time that it is told."""

    def __init__(self, life: lives.Life):
        self.life = life
        self.root = pathlib.Path(tempfile.mkdtemp(prefix=f"gk-fault-{life.name}-"))
        self.world = lives.World(life, self.root)
        life.make(self.world)

    def copy(self, folder: str) -> lives.World:
        root = pathlib.Path(folder) / "life"
        shutil.copytree(self.root, root, ignore=shutil.ignore_patterns("log", "*.log", "admin.sock", "socket"))
        return lives.World(self.life.again(), root)

    def destroy(self) -> None:
        self.world.destroy()
        shutil.rmtree(self.root, ignore_errors=True)


class Supervisor(threading.Thread):
    """Starts a signer or witness again that has ended, on a disk that works."""

    def __init__(self, world: lives.World, role: str):
        super().__init__(daemon=True)
        self.world, self.role, self.over = world, role, threading.Event()
        self.codes: list[int] = []

    def run(self) -> None:
        while not self.over.wait(0.02):
            process = getattr(self.world, self.role)
            if process is not None and process.poll() is not None:
                self.codes.append(process.returncode)
                self.world.env.pop(self.role, None)
                getattr(self.world, f"start_{self.role}")()

    def stop(self) -> list[int]:
        self.over.set()
        self.join()
        return self.codes


def tell(world: lives.World, role: str, n: int, fault: str) -> list[int]:
    """Tell the life with its n-th call failing (0: none); gives the exit codes of that role's process."""
    error, mode = FAULTS[fault]
    part = world.root / {"server": "data"}.get(role, role)
    part.mkdir(mode=0o700, exist_ok=True)
    if world.life.has_witness:
        world.point_to_witness()
    world.env[role] = {"LD_PRELOAD": PRELOAD, "FAULT_DIR": str(part), "FAULT_N": str(n), "FAULT_ERRNO": error,
                       "FAULT_MODE": mode, "FAULT_NAMES": "1"}
    supervisor = Supervisor(world, role) if role != "server" else None
    try:
        if supervisor is not None:
            supervisor.start()
        if world.start():
            world.life.tell(world)
    except (OSError, AssertionError, *lives.UNREADABLE):
        if n == 0:
            raise
    finally:
        codes = supervisor.stop() if supervisor is not None else []
        code = world.stop()
    world.env.clear()
    return [*codes, code] if role == "server" else codes


def one_fault(template: Template, role: str, n: int, fault: str) -> tuple[bool, bool, bool]:
    """(struck, a process ended by it, an operator was asked)."""
    with tempfile.TemporaryDirectory(prefix="gk-fault-") as folder:
        world = template.copy(folder)
        try:
            codes = tell(world, role, n, fault)
            assert all(code in EXITS or (fault, code) == ("KILL", -9) for code in codes), f"exit codes {codes}"
            struck = "fault_preload: " in world.log(role)
            asked = lives.start_again(world, may_ask=role == "server")
            return struck, any(codes), asked
        except Exception as error:
            where = re.findall("fault_preload: .*", world.log(role))
            raise AssertionError(f"{template.life.name}, {fault} at call {n} of the {role} ({where}): {type(error).__name__}: "
                                 f"{error}\n" + "".join(world.log(r)[-2500:] for r in template.life.roles)) from error
        finally:
            world.destroy()


def one_that_comes(template: Template, role: str, n: int, fault: str) -> tuple[bool, bool, bool]:
    """As one_fault(); lives differ in length, so where the n-th call doesn't come, an earlier one fails."""
    done = one_fault(template, role, n, fault)
    while not done[0] and n > 1:
        n = n * 2 // 3
        done = one_fault(template, role, n, fault)
    return done


def count_calls(template: Template, role: str) -> int:
    with tempfile.TemporaryDirectory(prefix="gk-fault-") as folder:
        world = template.copy(folder)
        try:
            tell(world, role, 0, "EIO")
            return int(re.findall(r"fault_preload counted (\d+)", world.log(role))[-1])
        finally:
            world.destroy()


class Walk(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        if not os.path.exists(PRELOAD):
            raise unittest.SkipTest("not run: FAULT_PRELOAD names no library")


def walker(name: str, role: str):
    def test(self: unittest.TestCase) -> None:
        template = Template(lives.LIVES[name]())
        self.addCleanup(template.destroy)
        calls = count_calls(template, role)
        self.assertGreater(calls, 10)
        faults = [fault for fault in FAULTS if fault != "KILL" or role != "server"]
        if POINTS == 0:
            chosen = [(n, fault) for n in range(1, calls + 1) for fault in faults]
        else:
            picked = lives.choose(list(range(1, calls + 1)), POINTS, len(name) + len(role))
            chosen = [(n, faults[i % len(faults)]) for i, n in enumerate(picked)]
        walk = one_fault if POINTS == 0 else one_that_comes
        done = lives.in_parallel(lambda point: walk(template, role, *point), chosen)
        for fault in faults:
            of = [what for what, point in zip(done, chosen) if point[1] == fault]
            print(f"# walked: {name} | {fault} in the {role} | {len(of)} of {calls} | struck {sum(w[0] for w in of)}, "
                  f"ended by it {sum(w[1] for w in of)}, asked for an operator {sum(w[2] for w in of)}", flush=True)
        struck = sum(what[0] for what in done)
        self.assertGreater(struck, len(done) // 2) if POINTS == 0 else self.assertEqual(struck, len(done))
    return test


for life_name, life_type in lives.LIVES.items():
    for role_name in life_type.roles:
        test = walker(life_name, role_name)
        test.__name__ = f"test_{life_name}_a_call_of_the_{role_name}_that_fails_loses_nothing"
        setattr(Walk, test.__name__, test)


if __name__ == "__main__":
    harness.main()
