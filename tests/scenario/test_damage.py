#!/usr/bin/env python3
"""A thousand random damages to an export: two verifiers that share nothing say the same of each."""

from __future__ import annotations

import base64
import hashlib
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "verifier"))
import verify as second  # noqa: E402  (the second verifier)

ROUNDS = int(os.environ.get("DAMAGES", "1000"))
SEED = int(os.environ.get("DAMAGE_SEED", "1"))
FAULTS = (second.Fault, OSError, ValueError, KeyError, TypeError, AttributeError)


def sign(seed: bytes, message: bytes) -> tuple[bytes, bytes]:
    """RFC 8032, 5.1.5 and 5.1.6: public key and signature."""
    digest = hashlib.sha512(seed).digest()
    a = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    public = second.compress(second.multiply(a, second.BASE))
    r = int.from_bytes(hashlib.sha512(digest[32:] + message).digest(), "little") % second.L
    point = second.compress(second.multiply(r, second.BASE))
    h = int.from_bytes(hashlib.sha512(point + public + message).digest(), "little") % second.L
    return public, point + ((r + h * a) % second.L).to_bytes(32, "little")


class Damage:
    """What was done to a folder, and how it is undone: files are put back as they were."""

    def __init__(self, folder: pathlib.Path, dice: random.Random):
        self.folder, self.dice = folder, dice
        self.saved: dict[pathlib.Path, bytes | None] = {}
        self.said: list[str] = []

    def files(self, pattern: str = "*") -> list[pathlib.Path]:
        return sorted(path for path in self.folder.rglob(pattern) if path.is_file())

    def put(self, path: pathlib.Path, data: bytes | None, what: str) -> None:
        self.saved.setdefault(path, path.read_bytes() if path.is_file() else None)
        self.said.append(f"{what} {path.relative_to(self.folder)}")
        if data is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def undo(self) -> None:
        for path, data in self.saved.items():
            if data is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(data)

    def changed(self) -> bool:
        return any((path.read_bytes() if path.is_file() else None) != data for path, data in self.saved.items())

    # --- single damages
    def flip(self) -> None:
        path = self.dice.choice(self.files())
        data = bytearray(path.read_bytes())
        data[self.dice.randrange(len(data))] ^= 1 << self.dice.randrange(8)
        self.put(path, bytes(data), "a bit of")

    def byte(self) -> None:
        path = self.dice.choice(self.files())
        data = bytearray(path.read_bytes())
        data[self.dice.randrange(len(data))] = self.dice.randrange(256)
        self.put(path, bytes(data), "a byte of")

    def truncate(self) -> None:
        path = self.dice.choice(self.files())
        data = path.read_bytes()
        self.put(path, data[:self.dice.randrange(len(data))], "the end of")

    def lengthen(self) -> None:
        path = self.dice.choice(self.files())
        self.put(path, path.read_bytes() + self.dice.randbytes(self.dice.choice((1, 32, 300))), "more behind")

    def remove(self) -> None:
        self.put(self.dice.choice(self.files()), None, "removed")

    def replace(self) -> None:
        one, other = self.dice.sample(self.files(), 2)
        self.put(one, other.read_bytes(), f"{other.name} in the place of")

    def bundle(self) -> tuple[pathlib.Path, list[bytes]]:
        path = self.dice.choice([path for path in self.files() if "entries" in path.parts])
        data, entries = path.read_bytes(), []
        while data:
            n = int.from_bytes(data[:2], "big")
            entries.append(data[2:2 + n])
            data = data[2 + n:]
        return path, entries

    def put_bundle(self, path: pathlib.Path, entries: list[bytes], what: str) -> None:
        self.put(path, b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries), what)

    def swap_entries(self) -> None:
        path, entries = self.bundle()
        a, b = self.dice.sample(range(len(entries)), 2)
        entries[a], entries[b] = entries[b], entries[a]
        self.put_bundle(path, entries, "swapped entries of")

    def drop_entry(self) -> None:
        path, entries = self.bundle()
        del entries[self.dice.randrange(len(entries))]
        self.put_bundle(path, entries, "an entry less in")

    def double_entry(self) -> None:
        path, entries = self.bundle()
        entries.insert(self.dice.randrange(len(entries)), self.dice.choice(entries))
        self.put_bundle(path, entries, "an entry twice in")

    def edit_entry(self) -> None:
        path, entries = self.bundle()
        at = self.dice.randrange(len(entries))
        old, new = self.dice.choice(((b"allow", b"stop"), (b":1", b":2"), (b",", b", "), (b"t_42", b"t_43"), (b'"', b"'"), (b"e", b"\xc3")))
        entries[at] = entries[at].replace(old, new, 1)
        self.put_bundle(path, entries, f"{old!r} is {new!r} in")

    def swap_hashes(self) -> None:
        path = self.dice.choice([path for path in self.files() if path.parent.parent.name in ("tile", "0") and "entries" not in path.parts])
        data = path.read_bytes()
        hashes = [data[at:at + 32] for at in range(0, len(data), 32)]
        a, b = self.dice.choices(range(len(hashes)), k=2)
        hashes[a], hashes[b] = hashes[b], hashes[a]
        self.put(path, b"".join(hashes), "swapped hashes of")

    def cut_checkpoint(self) -> None:
        path = self.folder / "checkpoint"
        lines = path.read_bytes().split(b"\n")
        del lines[self.dice.randrange(len(lines))]
        self.put(path, b"\n".join(lines), "a line less in")

    def shorten_log(self) -> None:
        path = self.folder / "checkpoint"
        lines = path.read_bytes().split(b"\n")
        lines[1] = str(self.dice.randrange(int(lines[1]) + 3)).encode()
        self.put(path, b"\n".join(lines), "another size in")

    def forge(self) -> None:
        """A history that is whole in itself, by somebody who hasn't the key."""
        self.edit_entry()
        entries = second.entries_of(self.folder, 0, 256) + second.entries_of(self.folder, 1, 256) + self.last_entries()
        hashes = [second.leaf_hash(entry) for entry in entries]
        origin, size = (self.folder / "checkpoint").read_text().split("\n")[:2]
        body = f"{origin}\n{size}\n{base64.b64encode(second.root_of(hashes)).decode()}\n".encode()
        public, signature = sign(self.dice.randbytes(32), body)
        key_id = hashlib.sha256(origin.encode() + b"\n\1" + public).digest()[:4]
        if self.dice.random() < 0.5:  # it claims to be the log's own key
            key_id = bytes.fromhex((self.folder / "vkey").read_text().split("+")[1])
        line = f"\n\u2014 {origin} {base64.b64encode(key_id + signature).decode()}\n"
        self.put(self.folder / "checkpoint", body + line.encode(), "signed by another key:")
        for level, width in ((0, 256), (1, 1)):
            for at in range(0, len(hashes), 256):
                part = hashes[at:at + 256]
                name = f"tile/{level}/{at // 256:03d}" + ("" if len(part) == 256 else f".p/{len(part)}")
                self.put(self.folder / name, b"".join(part), "a tile that fits:")
            hashes = [second.root_of(hashes[at:at + 256]) for at in range(0, len(hashes) - 255, 256)]

    def last_entries(self) -> list[bytes]:
        size = int((self.folder / "checkpoint").read_text().split("\n")[1])
        return second.entries_of(self.folder, 2, size - 512)

    # --- what must do no harm
    def stranger(self) -> None:
        name = self.dice.choice(("notes.txt", "tile/0/999", "tile/entries/000.p/7", "tile/9/000"))
        self.put(self.folder / name, self.dice.randbytes(40), "a file that nobody asked for:")

    def other_key(self) -> None:
        self.put(self.folder / "vkey", b"somebody+00000000+AAAA\n", "another key in")

    KINDS = (flip, flip, flip, byte, truncate, lengthen, remove, replace, swap_entries, drop_entry, double_entry, edit_entry, swap_hashes,
             cut_checkpoint, shorten_log, forge, stranger, other_key)


class Damages(unittest.TestCase):
    """A log of some 600 events, exported once; damaged in place, and put right again."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = harness.Server().start()
        agent = cls.server.agent()
        for step in range(300):
            answer = agent.decide(f"run_{step // 20}", str(step), "refund.create", {"n": step})
            agent.result(answer.body["decision_id"])
        cls.key = cls.server.cli("verify", "--print-key").stdout.strip()
        root = pathlib.Path("/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir())
        cls.scratch = pathlib.Path(tempfile.mkdtemp(prefix="gk-damage-", dir=root))
        cls.folder = cls.scratch / "export"
        cls.server.cli("export", str(cls.folder))
        cls.server.stop()

    @classmethod
    def tearDownClass(cls) -> None:
        shutil.rmtree(cls.scratch)
        cls.server.destroy()

    def first(self) -> tuple[bool, str]:
        done = subprocess.run([harness.binary(), "verify", str(self.folder), "--key", self.key], capture_output=True, text=True,
                              timeout=harness.DEADLINE_S)
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        return done.returncode == 0, done.stdout

    def second(self) -> tuple[bool, str]:
        try:
            second.verify(self.folder, self.key)
        except FAULTS as why:
            return False, f"{type(why).__name__} {why}"
        return True, "verified"

    def test_a_good_log_is_good_to_both(self):
        self.assertTrue(self.first()[0])
        self.assertTrue(self.second()[0])
        self.assertGreater(int((self.folder / "checkpoint").read_text().split("\n")[1]), 600)

    def test_two_verifiers_agree_on_a_thousand_damages(self):
        dice = random.Random(SEED)
        found = harmless = 0
        for turn in range(ROUNDS):
            damage = Damage(self.folder, dice)
            kind = Damage.KINDS[turn % len(Damage.KINDS)]
            try:
                kind(damage)
                one, two = self.first(), self.second()
                story = f"round {turn}, {kind.__name__}: {damage.said}: {one} {two}"
                self.assertEqual(one[0], two[0], story)
                # Only what no file of the log is may change without being found.
                asked = [path for path in damage.saved if path != self.folder / "vkey" and damage.saved[path] is not None]
                whole = not damage.changed() or not asked
                self.assertEqual(one[0], whole, story)
                found, harmless = found + (not one[0]), harmless + one[0]
            finally:
                damage.undo()
        print(f"# {found} damages found by both, {harmless} harmless to both: the vkey file, files that nobody asks for, nothing changed")
        self.assertGreater(found, ROUNDS * 3 // 4)
        self.assertTrue(self.first()[0])


if __name__ == "__main__":
    harness.main()
