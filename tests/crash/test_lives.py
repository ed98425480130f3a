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

import copy
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import disk  # noqa: E402
import lives  # noqa: E402
from lives import harness  # noqa: E402

TRACE_PRELOAD = os.environ.get("TRACE_PRELOAD", "")
POINTS = int(os.environ.get("CRASH_POINTS", "12"))
SEEDS = int(os.environ.get("CRASH_SEEDS", "1"))


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


def check_cosigned(place: Place, world: lives.World) -> None:
    """What the witness has cosigned, it knows."""
    asked = cosigned = 0
    for step in place.steps:
        if step.op == "A" and step.role == "server" and b"old " in step.data:
            asked = int(step.data.rsplit(b"\n\n", 2)[-2].split(b"\n")[1])
        if step.op == "A" and step.role == "witness" and "\u2014 ".encode() in step.data:
            cosigned = asked
    assert world.witness_size() >= cosigned, f"{cosigned} cosigned, {world.witness_size()} kept"


def check(lived: Lived, place: Place) -> None:
    """Start the real binary on what is found at one place."""
    with tempfile.TemporaryDirectory(prefix="gk-place-") as folder:
        root = pathlib.Path(folder)
        disk.write_out(place.image, root)
        for name in ("logs", "vkey"):
            if (lived.root / name).exists():
                shutil.copy(lived.root / name, root)
        world = lives.World(lived.life.again(), root)
        world.life.told = [event for step in place.steps if step.op == "A" and step.role == "server"
                           for event in lives.EVENT.findall(step.data)]
        try:
            if world.life.has_witness:
                check_cosigned(place, world)
            lives.start_again(world)
        except Exception as error:
            raise AssertionError(f"{place.story}: {type(error).__name__}: {error}\n"
                                 f"{world.log('server')[-1500:]}{world.log('signer')[-500:]}") from error
        finally:
            world.destroy()


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
        chosen = lives.choose(all_places, POINTS, len(name) + len(way))
        self.assertGreater(len(all_places), 20)
        lives.in_parallel(lambda place: check(lived, place), lived.images(way, chosen))
        count = len({number for number, _ in chosen}) * (SEEDS if way != "killed" else 1)
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
