#!/usr/bin/env python3
"""The log as files and from a server: export, and verify of an export, a URL and a single event, with a key or a policy."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "verifier"))
import verify as second  # noqa: E402  (the second verifier)
from test_damage import sign  # noqa: E402

FAULTS = (second.Fault, OSError, ValueError, KeyError, TypeError, AttributeError)


def agent_work(agent: harness.Client, first: int, count: int) -> None:
    for step in range(first, first + count):
        answer = agent.decide(f"run_{step // 20}", str(step), "refund.create", {"n": step})
        if answer.body["decision"] == "allow":
            agent.result(answer.body["decision_id"])


def bundle_of(entries: list[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def entries_of(folder: pathlib.Path) -> list[bytes]:
    """All entries of an export, in order; tests write fewer than 256,000."""
    found = []
    for path in sorted((folder / "tile/entries").rglob("*"), key=lambda path: str(path).removesuffix(".p")):
        if path.is_file():
            data = path.read_bytes()
            while data:
                n = int.from_bytes(data[:2], "big")
                found.append(data[2:2 + n])
                data = data[2 + n:]
    return found


def root_of(hashes: list[bytes]) -> bytes:
    """RFC 6962: the right edge is promoted."""
    while len(hashes) > 1:
        hashes = [hashlib.sha256(b"\1" + hashes[i] + hashes[i + 1]).digest() if i + 1 < len(hashes) else hashes[i]
                  for i in range(0, len(hashes), 2)]
    return hashes[0]


def write_log(folder: pathlib.Path, entries: list[bytes], seed: bytes, origin: str, key_id: bytes) -> None:
    """An export of these entries, signed: what who holds the key can make."""
    shutil.rmtree(folder / "tile")
    hashes = [hashlib.sha256(b"\0" + entry).digest() for entry in entries]

    def put(path: str, index: int, width: int, data: bytes) -> None:
        name = folder / f"tile/{path}/{index:03d}{'' if width == 256 else f'.p/{width}'}"
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_bytes(data)

    for at in range(0, len(entries), 256):
        put("entries", at // 256, len(entries[at:at + 256]), bundle_of(entries[at:at + 256]))
    level, row = 0, hashes
    while row:
        for at in range(0, len(row), 256):
            put(str(level), at // 256, len(row[at:at + 256]), b"".join(row[at:at + 256]))
        row = [root_of(row[at:at + 256]) for at in range(0, len(row) - len(row) % 256, 256)]
        level += 1
    text = f"{origin}\n{len(entries)}\n{base64.b64encode(root_of(hashes)).decode()}\n"
    signature = base64.b64encode(key_id + sign(seed, text.encode())[1]).decode()
    (folder / "checkpoint").write_text(f"{text}\n\u2014 {origin} {signature}\n")


class Snapshots(unittest.TestCase):
    """A log long enough for a snapshot of the state, exported."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = harness.Server(config={"admission_rate": 100000, "admission_burst": 100000}).start()
        agent = cls.server.agent()
        for i in range(900):
            answer = agent.decide(f"run_{i // 50}", str(i), "kb.read", {"n": i})
            if i % 5 == 0:
                agent.result(answer.body["decision_id"])
        assert cls.server.stop() == 0
        cls.key = cls.server.cli("verify", "--print-key").stdout.strip()
        cls.folder = cls.server.root / "export"
        cls.server.cli("export", str(cls.folder))
        cls.origin, key_id, _ = cls.key.split("+", 2)
        cls.key_id = bytes.fromhex(key_id)
        cls.seed = base64.b64decode((cls.server.data / "keys/signing.key").read_text().strip().split("+", 4)[4])[-32:]

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.destroy()

    def verify(self, folder: pathlib.Path, code: int) -> dict:
        done = subprocess.run([harness.binary(), "verify", str(folder), "--key", self.key, "--json"], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def forged(self, name: str, change) -> pathlib.Path:
        folder = self.server.root / name
        shutil.copytree(self.folder, folder)
        entries = entries_of(folder)
        place = next(i for i, entry in enumerate(entries) if b'"kind":"snapshot"' in entry)
        entries[place] = change(entries[place])
        write_log(folder, entries, self.seed, self.origin, self.key_id)
        return folder

    def test_an_export_verifies_with_its_snapshots_as_its_data_directory_does(self):
        for where in (self.server.data, self.folder, self.forged("again", lambda entry: entry)):
            said = self.verify(where, 0)
            self.assertEqual((said["state"], said["snapshots"], said["snapshots_unchecked"]), (True, 1, 0), where)
        text = self.server.cli("verify", str(self.folder), "--key", self.key).stdout
        self.assertIn("state    added up; 1 snapshots of it compared\n", text)
        second.verify(self.folder, self.key)

    def test_of_a_log_with_a_fault_no_state_is_told(self):
        folder = self.server.root / "emptied"
        shutil.copytree(self.folder, folder)
        shutil.rmtree(folder / "tile/entries")
        self.assertFalse(self.verify(folder, 1)["state"])
        text = subprocess.run([harness.binary(), "verify", str(folder), "--key", self.key], capture_output=True, text=True).stdout
        self.assertTrue(text.startswith("tampered at "), text)
        self.assertNotIn("  state ", text)

    def test_a_snapshot_of_another_state_is_found_in_an_export_whoever_signed_it(self):
        folder = self.forged("lies", lambda entry: re.sub(rb"sha256:[0-9a-f]{8}", b"sha256:00000000", entry))
        said = self.verify(folder, 1)
        self.assertIn("the snapshot of this state says something else", said["text"])
        said = self.verify(self.forged("early", lambda entry: re.sub(rb'"of_seq":(\d+)', lambda m: b'"of_seq":%d' % (int(m[1]) - 1), entry)), 1)
        self.assertIn("the snapshot of this state says something else", said["text"])

    def test_of_a_url_no_snapshots_are_compared_and_that_is_said(self):
        auditor = self.server.token("ann", "human", "auditor", tenant="*")
        self.server.start()
        try:
            done = self.server.cli("verify", f"http://127.0.0.1:{self.server.port}/log", "--key", self.key, "--json",
                                   env={"GATEKEEPER_TOKEN": auditor})
        finally:
            self.assertEqual(self.server.stop(), 0)
        said = json.loads(done.stdout)
        self.assertEqual((said["state"], said["snapshots"]), (True, 0))
        self.assertGreaterEqual(said["snapshots_unchecked"], 1)


class Export(unittest.TestCase):
    """One server whose log grows; each test exports to a folder of its own."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = harness.Server().start()
        cls.agent = cls.server.agent()
        agent_work(cls.agent, 0, 280)
        cls.key = cls.server.cli("verify", "--print-key").stdout.strip()
        cls.auditor = cls.server.token("auditor-1", "service", "auditor", tenant="*")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.destroy()

    def folder(self, name: str) -> pathlib.Path:
        return self.server.root / name

    def export(self, name: str, code: int = 0) -> subprocess.CompletedProcess:
        done = self.server.cli("export", str(self.folder(name)), check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def verify(self, what: object, code: int, *flags: str, env: dict | None = None) -> str:
        command = [harness.binary(), "verify", str(what), *(flags or ("--key", self.key))]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(env or {})}, timeout=harness.DEADLINE_S)
        self.assertEqual(done.returncode, code, f"{command}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def both(self, folder: pathlib.Path, whole: bool) -> str:
        said = self.verify(folder, 0 if whole else 1)
        if whole:
            second.verify(folder, self.key)
        else:
            with self.assertRaises(FAULTS):
                second.verify(folder, self.key)
        return said

    def test_an_export_that_is_gone_on_with_verifies_at_every_size(self):
        for step in range(30):
            self.export("grown")
            self.both(self.folder("grown"), True)
            agent_work(self.agent, 1000 + step * 4, step % 4 + 1)
        stale = [path for path in self.folder("grown").rglob("*.p") if len(list(path.iterdir())) != 1]
        self.assertEqual(stale, [], "one width of an incomplete tile, that of the checkpoint")

    def test_what_was_exported_once_is_not_written_again(self):
        self.export("once")
        tile = self.folder("once") / "tile/0/000"
        before = tile.stat()
        self.assertIn(" 0 of them new", self.export("once").stdout)
        self.assertEqual(tile.stat().st_ino, before.st_ino)

    def test_an_interrupted_export_is_taken_up_again(self):
        self.export("cut")
        (self.folder("cut") / "checkpoint").unlink()
        (self.folder("cut") / "tile/entries/000").write_bytes(b"")
        self.export("cut")
        self.both(self.folder("cut"), True)

    def test_a_folder_of_another_log_or_of_a_fork_is_left_alone(self):
        self.export("other")
        other = harness.Server().start()
        try:
            there = {path: path.read_bytes() for path in self.folder("other").rglob("*") if path.is_file()}
            done = other.cli("export", str(self.folder("other")), check=False)
            self.assertEqual(done.returncode, 65, done.stderr)
            (self.folder("other") / "vkey").write_text(other.cli("verify", "--print-key").stdout)
            done = other.cli("export", str(self.folder("other")), check=False)
            self.assertEqual(done.returncode, 65, done.stderr)
            (self.folder("other") / "vkey").write_text(self.key + "\n")
            self.assertEqual({path: path.read_bytes() for path in there}, there)
        finally:
            other.destroy()
        done = self.server.cli("export", str(self.server.data), check=False)
        self.assertEqual(done.returncode, 65, done.stderr)

    def test_a_log_that_was_rolled_back_is_not_exported_over_what_it_was(self):
        server = harness.Server().start()
        try:
            agent = server.agent()
            agent_work(agent, 0, 3)
            server.stop()
            shutil.copytree(server.data, server.root / "old")
            server.start()
            agent_work(agent, 10, 3)
            server.cli("export", str(server.root / "out"))
            server.stop()
            done = server.cli("export", "--from", str(server.root / "old"), str(server.root / "out"), check=False)
            self.assertEqual(done.returncode, 65, done.stderr)
            self.assertIn("rolled back", done.stderr)
        finally:
            server.destroy()

    def damaged(self, name: str) -> pathlib.Path:
        folder = self.folder("damaged")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder(name), folder)
        return folder

    def test_each_damage_is_told_at_its_place(self):
        self.export("good")
        bundle, tile = "tile/entries/000", "tile/0/000"

        def entry(n: int, change) -> callable:
            def damage(folder: pathlib.Path) -> None:
                entries = second.entries_of(folder, 0, 256)
                entries[n] = change(entries[n])
                (folder / bundle).write_bytes(b"".join(len(e).to_bytes(2, "big") + e for e in entries))
            return damage

        def edit(path: str, change) -> callable:
            return lambda folder: (folder / path).write_bytes(change((folder / path).read_bytes()))

        def swap(folder: pathlib.Path) -> None:
            entries = second.entries_of(folder, 0, 256)
            entries[20], entries[21] = entries[21], entries[20]
            (folder / bundle).write_bytes(b"".join(len(e).to_bytes(2, "big") + e for e in entries))

        table = [
            ("a changed event", entry(17, lambda e: e.replace(b"refund", b"refand")), "seq 17"),
            ("an event that isn't canonical", entry(18, lambda e: e.replace(b'","', b'", "', 1)), "seq 18"),
            ("swapped events", swap, "seq 20"),
            ("a bundle that is missing", lambda folder: (folder / bundle).unlink(), bundle),
            ("a bundle that is cut off", edit(bundle, lambda data: data[:-100]), "seq 255"),
            ("a bundle with more than belongs there", edit(bundle, lambda data: data + b"\0\1x"), bundle),
            ("a wrong hash in a tile", edit(tile, lambda data: data[:320] + bytes(32) + data[352:]), "seq 10"),
            ("a tile that is missing", lambda folder: (folder / tile).unlink(), tile),
            ("a tile that is cut off", edit(tile, lambda data: data[:-1]), tile),
            ("a wrong tile above", edit("tile/1/000.p/1", lambda data: bytes(32)), "tile/1/000.p/1"),
            ("a missing tile above", lambda folder: (folder / "tile/1/000.p/1").unlink(), "tile/1/000.p/1"),
            ("a missing checkpoint", lambda folder: (folder / "checkpoint").unlink(), "checkpoint"),
            ("a checkpoint without a signature", edit("checkpoint", lambda data: data.split(b"\n\n")[0] + b"\n\n"), "checkpoint"),
            ("a bad signature", edit("checkpoint", lambda data: data[:-12] + b"AAAAAAAAAA=\n"), "checkpoint"),
            ("another size", edit("checkpoint", lambda data: data.replace(b"\n", b"\n1", 1)), "checkpoint"),
            ("another log's name", edit("checkpoint", lambda data: b"x" + data), "checkpoint"),
            ("an empty checkpoint", edit("checkpoint", lambda data: b""), "checkpoint"),
            ("a policy's text that was changed",
             lambda folder: [path.write_bytes(path.read_bytes().replace(b"refund", b"refand")) for path in folder.glob("policies/*")], "policy text"),
            ("a policy's text that is missing", lambda folder: [path.unlink() for path in folder.glob("policies/*")], "seq "),
        ]
        for what, damage, where in table:
            folder = self.damaged("good")
            damage(folder)
            said = self.both(folder, False)
            self.assertTrue(said.startswith(f"tampered at {where}"), f"{what}: {said}")

    def test_without_a_key_it_cannot_be_verified(self):
        self.export("keyless")
        (self.folder("keyless") / "vkey").unlink()
        self.verify(self.folder("keyless"), 3, "--config", "/dev/null")
        self.verify(self.folder("keyless"), 3, "--key", "not a key")

    def test_the_log_of_a_server_verifies_as_a_whole(self):
        host, port = self.server.address()
        url = f"http://{host}:{port}/log"
        said = self.verify(url, 0, "--key", self.key, env={"GATEKEEPER_TOKEN": self.auditor})
        self.assertTrue(said.startswith("verified"), said)
        self.verify(f"{url}/", 0, "--key", self.key, env={"GATEKEEPER_TOKEN": self.auditor})
        self.assertIn("401", self.verify(url, 74, "--key", self.key))
        wrong = self.key[:-4] + "AAA="
        self.verify(url, 3, "--key", wrong, env={"GATEKEEPER_TOKEN": self.auditor})

    def policy(self, *lines: str) -> str:
        path = self.folder("trust.txt")
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    def test_a_policy_of_trust_names_the_log_and_its_witnesses(self):
        self.export("trusted")
        witness = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
        other = "audit.example/host-1+0c20ca15+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
        for what in (self.folder("trusted"), self.server.data):
            self.assertIn("verified", self.verify(what, 0, "--policy", self.policy(f"log {self.key}", "quorum none")))
            asks = self.policy(f"log {self.key}", f"witness w1 {witness}", "quorum w1")
            self.assertIn("nobody who is trusted", self.verify(what, 0, "--policy", asks))
            self.verify(what, 4, "--policy", asks, "--require-witness")
            self.verify(what, 1, "--policy", self.policy(f"log {other}", "quorum none"))
            self.verify(what, 65, "--policy", self.policy(f"log {self.key}"))

    def test_an_export_continues_the_checkpoint_that_somebody_holds(self):
        self.export("held")
        old = self.folder("held.checkpoint")
        shutil.copy(self.folder("held") / "checkpoint", old)
        agent_work(self.agent, 5000, 2)
        self.verify(self.folder("held"), 0, "--key", self.key, "--checkpoint", str(old))
        shutil.copytree(self.folder("held"), self.folder("older"))
        self.export("held")
        self.verify(self.folder("held"), 0, "--key", self.key, "--checkpoint", str(old))
        said = self.verify(self.folder("older"), 1, "--key", self.key, "--checkpoint", str(self.folder("held") / "checkpoint"))
        self.assertIn("rolled back", said)

    def test_one_event_verifies_by_its_proof(self):
        client = harness.Client(self.server.address, self.auditor)
        answer = client.get("/v1/events/30/proof")
        self.assertEqual(answer.status, 200)
        proof, event = self.folder("30.tlog-proof"), self.folder("30.json")
        proof.write_bytes(answer.data)
        self.export("events")
        event.write_bytes(second.entries_of(self.folder("events"), 0, 256)[30])
        given = ("--proof", str(proof), "--key", self.key)

        def one(code: int, *flags: str) -> str:
            done = subprocess.run([harness.binary(), "verify", *flags], capture_output=True, text=True, timeout=harness.DEADLINE_S)
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            return done.stdout + done.stderr

        self.assertIn("event 30 of", one(0, "--event", str(event), *given))
        for where in (self.folder("events"), self.server.data):
            one(0, str(where), "--event", "30", *given)
            one(1, str(where), "--event", "31", *given)
            one(66, str(where), "--event", "99999", *given)
        one(0, "--event", str(event), "--proof", str(proof), "--policy", self.policy(f"log {self.key}", "quorum none"))
        one(64, "--event", str(event), "--proof", str(proof))
        one(64, "--event", str(event), "--key", self.key)
        event.write_bytes(event.read_bytes().replace(b"refund", b"refand"))
        one(1, "--event", str(event), *given)
        event.write_bytes(b"not an event")
        one(1, "--event", str(event), *given)
        event.write_bytes(second.entries_of(self.folder("events"), 0, 256)[30])
        text = answer.text
        for broken in (text.replace("index 30", "index 31"), text.replace("index", "extra"), text[:100], "", text.replace("\n\n", "\n", 1),
                       "\n".join(line for i, line in enumerate(text.split("\n")) if i != 3)):
            proof.write_text(broken)
            one(1, "--event", str(event), *given)


class Rotated(unittest.TestCase):
    """The signing key is another one since event s: who trusts any of the two can follow."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = harness.Server(config={"publish_log": True}).start()
        cls.agent = cls.server.agent()
        agent_work(cls.agent, 0, 150)
        cls.old = cls.server.cli("verify", "--print-key").stdout.strip()
        cls.server.cli("export", str(cls.server.root / "grown"))
        cls.server.cli("key", "rotate", "--signing", "--reason", "a drill")
        agent_work(cls.agent, 1000, 150)
        cls.new = cls.server.cli("verify", "--print-key").stdout.strip()
        cls.auditor = cls.server.token("auditor-1", "service", "auditor", tenant="*")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.destroy()

    verify = Export.verify

    def export(self, name: str) -> pathlib.Path:
        self.server.cli("export", str(self.server.root / name))
        return self.server.root / name

    def test_either_key_verifies_an_export_and_the_server(self):
        folder = self.export("plain")
        self.assertNotEqual(self.old, self.new)
        self.assertEqual(len((folder / "signing-keys").read_text().splitlines()), 2)
        for key in (self.old, self.new):
            self.assertIn("verified", self.verify(folder, 0, "--key", key))
            url = f"http://127.0.0.1:{self.server.port}/log"
            self.assertIn("verified", self.verify(url, 0, "--key", key, env={"GATEKEEPER_TOKEN": self.auditor}))
        second.verify(folder, self.new)

    def test_an_export_from_before_the_rotation_is_gone_on_with(self):
        folder = self.export("grown")
        self.verify(folder, 0, "--key", self.old)
        self.verify(folder, 0, "--key", self.new)
        self.assertEqual((folder / "vkey").read_text().strip(), self.new)

    def test_without_the_list_of_keys_only_the_newest_verifies(self):
        folder = self.export("bare")
        (folder / "signing-keys").unlink()
        self.verify(folder, 0, "--key", self.new)
        self.assertIn("nobody with the log's key has signed this", self.verify(folder, 1, "--key", self.old))

    def test_a_list_of_keys_that_the_log_does_not_have_is_a_fault(self):
        folder = self.export("false")
        keys = folder / "signing-keys"
        genesis, handover = keys.read_text().splitlines(keepends=True)
        other = harness.Server().start()
        try:
            stranger = other.cli("verify", "--print-key").stdout.strip()
        finally:
            other.destroy()
        for damaged, what in (
            (genesis, "nobody with the log's key has signed this"),
            (genesis + handover[:-1], "cut off"),
            (genesis + genesis + handover, "out of order"),
            (handover + genesis, "out of order"),
            (genesis + handover.replace(self.new, stranger), "hasn't signed"),
            (genesis + handover + handover, "hasn't signed"),
            ("nonsense\n", ""),
        ):
            keys.write_text(damaged)
            for key in (self.old, self.new):
                if damaged == genesis and key == self.new:
                    continue  # that the key isn't among them is told below
                said = self.verify(folder, 1, "--key", key)
                self.assertIn(what, said)
        keys.write_text(genesis)
        self.assertIn("isn't among the log's keys", self.verify(folder, 1, "--key", self.new))
        keys.write_text(genesis + handover)
        self.assertIn("isn't among the log's keys", self.verify(folder, 1, "--key", stranger))


if __name__ == "__main__":
    harness.main()
