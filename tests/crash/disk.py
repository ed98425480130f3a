"""What a crash leaves of a folder: a trace of all that processes did to it, and the disks that may be found after each step.

trace_preload.c writes the trace.  A Disk follows it step by step and knows of each file what was
synced and what wasn't, and the same of names: a name lasts when its folder was synced.

killed()  what the page cache holds: all processes died, the machine goes on
unplugged(seed)  the power went: of what wasn't synced a random part is there, some of it by halves
"""

from __future__ import annotations

import pathlib
import random
import struct
from typing import Iterator

RECORD = struct.Struct("=cBHIQQ")  # struct record of trace_preload.c
SECTOR = 512


class Step:
    """One record: op (a letter), role, path, node, at, data."""

    __slots__ = ("op", "role", "path", "node", "at", "data")

    def __init__(self, op: str, role: str, path: str, node: int, at: int, data: bytes):
        self.op, self.role, self.path, self.node, self.at, self.data = op, role, path, node, at, data

    def __repr__(self) -> str:
        return f"{self.role}: {self.op} {self.path or self.data[:40]!r} at {self.at}"

    @property
    def kind(self) -> str:
        return {"O": "open", "W": "write", "C": "cut", "S": "sync", "R": "rename", "U": "unlink", "M": "mkdir",
                "A": "answer"}[self.op]


def read_trace(path: pathlib.Path, parts: tuple[str, ...]) -> list[Step]:
    """The steps in those folders, syncs of the folder that they lie in, and all answers."""
    data, at, steps = path.read_bytes(), 0, []
    while at < len(data):
        op, role_n, path_n, data_n, node, place = RECORD.unpack_from(data, at)
        at += RECORD.size
        role = data[at:at + role_n].decode()
        name = data[at + role_n:at + role_n + path_n].decode()
        at += role_n + path_n
        if name == "" or name.split("/")[0] in parts:
            steps.append(Step(op.decode(), role, name, node, place, data[at:at + data_n]))
        at += data_n
    return steps


class Node:
    """A file: its bytes on the disk, those in the page cache, and the writes in between."""

    def __init__(self, mode: int, data: bytes = b""):
        self.mode, self.durable, self.live = mode, bytearray(data), bytearray(data)
        self.pending: list[tuple[int, bytes | None]] = []  # (offset, bytes), or (size, None): a cut


def put(data: bytearray, at: int, what: bytes | None) -> None:
    if what is None:
        del data[at:]
        data.extend(bytes(at - len(data)))
        return
    if at > len(data):
        data.extend(bytes(at - len(data)))
    data[at:at + len(what)] = what


Image = dict[str, "tuple[int, bytes] | None"]  # path: mode and bytes; None: a folder


class Disk:
    def __init__(self, folder: pathlib.Path, parts: tuple[str, ...]):
        """What lies in those parts of the folder now is on the disk, all of it."""
        self.nodes: dict[int, Node] = {}
        self.names: dict[str, Node | None] = {}
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            if name.split("/")[0] not in parts:
                continue
            if path.is_dir():
                self.names[name] = None
            elif path.is_file() and not name.endswith("-shm"):
                stat = path.stat()
                self.names[name] = self.nodes[stat.st_ino] = Node(stat.st_mode & 0o777, path.read_bytes())
        self.lasting = dict(self.names)
        self.changes: list[tuple[str, str, str, Node | None]] = []  # of names, not synced: (op, path, to, node)

    # following the trace

    def apply(self, step: Step) -> None:
        if step.op == "W":
            put(self.nodes[step.node].live, step.at, step.data)
            self.nodes[step.node].pending.append((step.at, step.data))
        elif step.op == "C":
            put(self.nodes[step.node].live, step.at, None)
            self.nodes[step.node].pending.append((step.at, None))
        elif step.op == "S":
            self.sync(step)
        elif step.op == "O":
            node = self.nodes[step.node] = Node(step.at)  # an inode's number may come again
            self.rename("O", step.path, "", node)
        elif step.op != "A":
            self.rename(step.op, step.path, step.data.decode(), self.names.get(step.path))

    def sync(self, step: Step) -> None:
        if step.path == "" or self.names.get(step.path, self) is None:  # a folder
            kept = []
            for change in self.changes:
                if change[1].rpartition("/")[0] == step.path:
                    self.name(self.lasting, change)
                else:
                    kept.append(change)
            self.changes = kept
            return
        node = self.nodes[step.node]
        node.durable, node.pending = bytearray(node.live), []

    def rename(self, *change) -> None:
        self.changes.append(change)
        self.name(self.names, change)

    @staticmethod
    def name(names: dict[str, Node | None], change: tuple[str, str, str, Node | None]) -> None:
        op, path, to, node = change
        if op in "OM":
            names[path] = node
        else:
            names.pop(path, None)
            if op == "R":
                names[to] = node

    # what is found

    def killed(self, below: str = "") -> Image:
        return {path: None if node is None else (node.mode, bytes(node.live)) for path, node in self.names.items()
                if path.startswith(below)}

    def unplugged(self, seed: int, below: str = "") -> Image:
        """Part of the unsynced is there: all, none and everything between; of the names' changes a number of the first."""
        chance = random.Random(seed)
        kept = chance.choice([0, len(self.changes), chance.randint(0, len(self.changes))])
        names = dict(self.lasting)
        for change in self.changes[:kept]:
            self.name(names, change)
        image: Image = {}
        for path, node in sorted(names.items()):
            if path.startswith(below):
                image[path] = None if node is None else (node.mode, self.lose(node, chance))
        # What lies in a folder that isn't there isn't there either.
        return {path: what for path, what in image.items()
                if all(str(folder) in image or str(folder) == "." for folder in pathlib.PurePath(path).parents)}

    @staticmethod
    def lose(node: Node, chance: random.Random) -> bytes:
        data, percent = bytearray(node.durable), chance.randrange(5) * 25
        for at, what in node.pending:
            if chance.randrange(100) >= percent:
                continue
            if what is None or chance.randrange(4) > 0:
                put(data, at, what)
                continue
            for begin in range(0, len(what), SECTOR):  # torn: some sectors of it
                if chance.random() < 0.5:
                    put(data, at + begin, what[begin:begin + SECTOR])
        return bytes(data)


def write_out(image: Image, folder: pathlib.Path) -> None:
    for path, what in sorted(image.items()):
        if what is None:
            (folder / path).mkdir(0o700, parents=True, exist_ok=True)
        else:
            (folder / path).write_bytes(what[1])
            (folder / path).chmod(what[0])


def follow(disk: Disk, steps: list[Step]) -> Iterator[int]:
    """Each step's number, when all before it are done and it isn't; the last number is behind all."""
    for number, step in enumerate(steps):
        yield number
        disk.apply(step)
    yield len(steps)
