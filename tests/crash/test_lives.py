"""Cut off at every step: what any process did to the disk is followed step by step, and started again from what a crash leaves.

A life is lived once, under trace_preload.c.  Then each of its steps is a place to be cut off at, in these ways:

killed     all processes die there; what was written stays written
unplugged  the power goes before a sync, or right after an answer left: of what wasn't synced a part is there, some of it torn
alone      one of several processes dies, or its machine loses its power; the others do what they still can

The real binary is started on what is found.  It must start without an operator's help, hold
every event that an answer had told of, verify, keep the life's own promises, and go on.

$CRASH_POINTS: at most so many places of each life and way are walked, evenly spread (default 12; 0: all of them).
$CRASH_SEEDS: in how many ways the power goes at one place (default 1).
"""

from __future__ import annotations

import concurrent.futures
import copy
import os
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import disk  # noqa: E402
import lives  # noqa: E402
from lives import harness  # noqa: E402

TRACE_PRELOAD = os.environ.get("TRACE_PRELOAD", "")
POINTS = int(os.environ.get("CRASH_POINTS", "12"))
SEEDS = int(os.environ.get("CRASH_SEEDS", "1"))
WORKERS = os.cpu_count() or 1


class Place:
    """One place to be cut off at: what it is called, the files found there, and the steps that were done."""

    def __init__(self, story: str, image: disk.Image, steps: list[disk.Step]):
        self.story, self.image, self.steps = story, image, steps


class Lived:
    """A life that was lived once, and its trace."""

    def __init__(self, life: lives.Life):
        self.life = life
        self.root = pathlib.Path(tempfile.mkdtemp(prefix=f"gk-life-{life.name}-"))
        self.world = lives.World(life, self.root)
        life.make(self.world)
        self.base = disk.Disk(self.root, lives.PARTS)
        trace = pathlib.Path(tempfile.mkdtemp(prefix="gk-trace-")) / "trace"
        for role in life.roles:
            self.world.env[role] = {"LD_PRELOAD": TRACE_PRELOAD, "TRACE_DIR": str(self.root), "TRACE_FILE": str(trace),
                                    "TRACE_ROLE": role}
        if not self.world.start():
            raise AssertionError(self.world.log("server"))
        life.tell(self.world)
        if self.world.stop() != 0:
            raise AssertionError(self.world.log("server"))
        self.steps = disk.read_trace(trace, lives.PARTS)
        shutil.rmtree(trace.parent)

    def destroy(self) -> None:
        self.world.destroy()
        shutil.rmtree(self.root, ignore_errors=True)

    # where it is cut off

    def places(self, way: str) -> list[tuple[int, str]]:
        """(steps done, whose end it is) of every place, in order."""
        steps, found = self.steps, []
        for number, step in enumerate(steps):
            if way == "killed" or way == "alone":
                found.append((number + 1, step.role))
            elif step.op == "S":
                found.append((number, step.role))
            elif step.op == "A":
                found.append((number + 1, step.role))
        return [place for place in found if way != "alone" or len(self.life.roles) > 1]

    def images(self, way: str, chosen: list[tuple[int, str]]):
        """A Place each, in order."""
        now = copy.deepcopy(self.base)
        wanted = {number: role for number, role in chosen}
        halves: list[tuple[int, str, disk.Image]] = []
        for number in disk.follow(now, self.steps):
            step = self.steps[number] if number < len(self.steps) else None
            for half in [half for half in halves if step is None or step.role == half[1]]:
                halves.remove(half)
                yield self.joined(now, number, half)
            if number not in wanted:
                continue
            for seed in range(SEEDS if way != "killed" else 1):
                story = f"{self.life.name}, {way} at step {number} of {len(self.steps)} (seed {seed}; next: {step})"
                if way == "killed":
                    yield Place(story, now.killed(), self.steps[:number])
                elif way == "unplugged":
                    yield Place(story, now.unplugged(number * 1000 + seed), self.steps[:number])
                else:
                    part = {"server": "data"}.get(wanted[number], wanted[number])
                    image = now.unplugged(number * 1000 + seed, part) if seed % 2 == number % 2 else now.killed(part)
                    halves.append((number, wanted[number], image))

    def joined(self, now: disk.Disk, number: int, half: tuple[int, str, disk.Image]) -> Place:
        """One process ended at its place; the others went on as far as they could without it."""
        begun, role, image = half
        part = {"server": "data"}.get(role, role)
        image = {**{path: what for path, what in now.killed().items() if path.split("/")[0] != part}, **image}
        return Place(f"{self.life.name}, {role} alone ends at step {begun} of {len(self.steps)}, the others at {number}",
                     image, [step for i, step in enumerate(self.steps[:number]) if i < begun or step.role != role])


class Check:
    """Start the real binary on what is found at one place."""

    def __init__(self, lived: Lived, place: Place):
        self.lived, self.place, self.life = lived, place, lived.life

    def run(self) -> None:
        with tempfile.TemporaryDirectory(prefix="gk-place-") as folder:
            root = pathlib.Path(folder)
            disk.write_out(self.place.image, root)
            for name in ("logs", "vkey"):
                if (self.lived.root / name).exists():
                    shutil.copy(self.lived.root / name, root)
            life = type(self.life)()
            life.__dict__.update(self.life.__dict__)
            world = lives.World(life, root)
            try:
                self.walk(world, life)
            except Exception as error:
                raise AssertionError(f"{self.place.story}: {type(error).__name__}: {error}\n"
                                     f"{world.log('server')[-1500:]}{world.log('signer')[-500:]}") from error
            finally:
                world.destroy()

    def walk(self, world: lives.World, life: lives.Life) -> None:
        if life.has_witness:
            world.point_to_witness()
            self.check_cosigned(world)
        life.found(world)
        assert world.start(), "it doesn't start"
        world.verify()
        life.check(world)
        self.go_on(world, life)
        assert world.stop() == 0, "it doesn't end well"
        world.verify()
        self.check_answers(world)
        if life.has_witness:
            size = len(lives.recorded(world))
            assert world.witness_size() == size, f"{world.witness_size()} of {size} are witnessed at the end"

    def go_on(self, world: lives.World, life: lives.Life) -> None:
        agent = world.client("agent")
        if agent.decide("run_later", "0", "kb.read").status == 401:  # nobody knew it yet
            agent = world.server.agent("later")
        answer = agent.decide("run_later", "1", "kb.read")
        assert answer.outcome[:2] == (200, "allow"), answer

    def check_answers(self, world: lives.World) -> None:
        """Whatever an answer told of is recorded, and as it was told."""
        rows = {row.seq: row for row in lives.recorded(world)}
        minimum = dict(lives.select(world.data, "SELECT what, bound FROM minimum"))["bodies"]
        for step in self.place.steps:
            if step.op != "A" or step.role != "server":
                continue
            for leaf, seq in lives.EVENT.findall(step.data):
                if int(seq) < minimum and int(seq) not in rows:
                    continue
                assert int(seq) in rows, f"seq {seq.decode()} was told of, and isn't recorded"
                assert rows[int(seq)].has_leaf(leaf.decode()), f"seq {seq.decode()} is another"

    def check_cosigned(self, world: lives.World) -> None:
        """What the witness has cosigned, it knows."""
        asked = cosigned = 0
        for step in self.place.steps:
            if step.op == "A" and step.role == "server" and b"old " in step.data:
                asked = int(step.data.rsplit(b"\n\n", 2)[-2].split(b"\n")[1])
            if step.op == "A" and step.role == "witness" and "\u2014 ".encode() in step.data:
                cosigned = asked
        assert world.witness_size() >= cosigned, f"{cosigned} cosigned, {world.witness_size()} kept"


def choose(places: list, points: int, seed: int) -> list:
    """At most so many, spread evenly, the first and the last among them; which ones between is the seed's choice."""
    if points == 0 or len(places) <= points:
        return places
    chance, width = random.Random(seed), len(places) / points
    return [places[0], *(places[int(i * width + chance.random() * width)] for i in range(1, points - 1)), places[-1]]


class Walk(unittest.TestCase):
    """Each test walks one life in one way."""

    @classmethod
    def setUpClass(cls) -> None:
        if not os.path.exists(TRACE_PRELOAD):
            raise unittest.SkipTest("not run: TRACE_PRELOAD names no library")


def walker(name: str, way: str):
    def test(self: unittest.TestCase) -> None:
        lived = Lived(lives.LIVES[name]())
        self.addCleanup(lived.destroy)
        all_places = lived.places(way)
        chosen = choose(all_places, POINTS, len(name) + len(way))
        self.assertGreater(len(chosen), 4)
        count, lock, failed = 0, threading.Semaphore(2 * WORKERS), threading.Event()  # images that wait are memory

        def check(place: Place) -> None:
            try:
                if not failed.is_set():
                    Check(lived, place).run()
            except AssertionError:
                failed.set()
                raise
            finally:
                lock.release()

        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            futures = []
            for place in lived.images(way, chosen):
                lock.acquire()
                futures.append(pool.submit(check, place))
            for future in futures:
                future.result()
                count += 1
        print(f"# walked: {name} | {way} | {count} of {len(all_places) * (SEEDS if way != 'killed' else 1)} | started {count}",
              flush=True)
    return test


for life_name, life_type in lives.LIVES.items():
    for way_name in ("killed", "unplugged", *(["alone"] if len(life_type.roles) > 1 else [])):
        test = walker(life_name, way_name)
        test.__name__ = f"test_{life_name}_{way_name}_at_every_step_loses_nothing"
        setattr(Walk, test.__name__, test)


if __name__ == "__main__":
    harness.main()
