"""The signing key apart: killed at any moment, rolled back, forged without the key, rotated."""

from __future__ import annotations

import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import unittest

import harness

KILLS = int(os.environ.get("GATEKEEPER_SIGNER_KILLS", "50"))


class Signer:
    """A `gatekeeper signer` in a folder of its own."""

    def __init__(self, test: unittest.TestCase):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="gk-signer-"))
        test.addCleanup(shutil.rmtree, self.root, True)
        test.addCleanup(self.kill)
        self.socket, self.data = self.root / "socket", self.root / "data"
        self.process: subprocess.Popen | None = None

    def start(self, *more: str) -> "Signer":
        self.process = subprocess.Popen(
            [harness.binary(), "signer", "--socket", str(self.socket), "--data", str(self.data), *more],
            stdout=subprocess.DEVNULL, stderr=open(self.root / "log", "a"))
        harness.until("the signer's socket", self.socket.exists)
        return self

    def kill(self, how: int = signal.SIGKILL) -> int | None:
        if self.process is None:
            return None
        self.process.send_signal(how)
        code = self.process.wait(harness.DEADLINE_S)
        self.process = None
        if how == signal.SIGKILL:
            self.socket.unlink(missing_ok=True)
        return code


class Apart(unittest.TestCase):
    def setUp(self) -> None:
        self.signer = Signer(self).start()
        self.server = harness.Server(config={"signer": f"unix:{self.signer.socket}"})
        self.addCleanup(self.server.destroy)

    def start(self):
        self.server.start()
        return self.server.agent()

    def verified(self, *more: str) -> None:
        done = self.server.cli("verify", *more, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def refuses(self, word: str) -> None:
        code = self.server.start(ready=False).wait()
        self.assertNotEqual(code, 0)
        self.assertIn(word, self.server.log())

    def test_killed_at_any_moment_it_or_its_signer_goes_on_and_the_log_verifies(self) -> None:
        chance = random.Random(4)
        agent = self.start()
        for i in range(KILLS):
            try:
                for k in range(chance.randrange(6)):
                    agent.decide("run", f"{i}-{k}", "kb.read")
            except OSError:
                pass
            if chance.random() < 0.5:
                self.signer.kill()
                self.signer.start()
            else:
                self.server.kill()
                self.server.start()
        answer = agent.decide("run", "last", "kb.read")
        self.assertEqual(answer.body["decision"], "allow", answer)
        self.server.stop()
        self.verified()

    def test_the_key_is_not_in_the_data_directory(self) -> None:
        self.start().decide("run", "1", "kb.read")
        self.server.stop()
        self.assertFalse((self.server.data / "keys" / "signing.key").exists())
        self.assertTrue((self.signer.data / "signing.key").exists())
        self.assertEqual(self.signer.kill(signal.SIGTERM), 0)

    def test_yesterdays_data_directory_is_refused_until_the_signers_operator_adopts_it(self) -> None:
        agent = self.start()
        agent.decide("run", "1", "kb.read")
        self.server.stop()
        kept = self.server.root / "yesterday"
        shutil.copytree(self.server.data, kept)
        self.server.start()
        agent.decide("run", "2", "kb.read")
        self.server.stop()
        shutil.rmtree(self.server.data)
        shutil.copytree(kept, self.server.data)
        self.verified()  # in itself it is whole: only the signer knows better
        self.refuses("rollback")

    def test_who_has_the_data_directory_and_no_key_cannot_forge(self) -> None:
        self.start().decide("run", "1", "kb.read")
        self.server.stop()
        with sqlite3.connect(self.server.data / "journal.db") as db:
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                db.execute(f"DROP TRIGGER {name}")
            last = db.execute("SELECT max(seq) FROM body").fetchone()[0]
            db.execute("DELETE FROM body WHERE seq = ?", (last,))
        done = self.server.cli("verify", check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertNotEqual(self.server.start(ready=False).wait(), 0)

    def test_without_its_signer_it_does_not_start(self) -> None:
        self.signer.kill()
        self.refuses("the signer at")

    def test_the_signing_key_rotates_in_the_signer(self) -> None:
        agent = self.start()
        old = (self.server.data / "vkey").read_text().strip()
        done = self.server.cli("key", "rotate", "--signing", "--reason", "test", check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotEqual((self.server.data / "vkey").read_text().strip(), old)
        agent.decide("run", "1", "kb.read")
        self.signer.kill()
        self.signer.start()
        self.assertEqual(agent.decide("run", "2", "kb.read").body["decision"], "allow")
        self.server.stop()
        self.verified("--key", old)
        self.verified()


if __name__ == "__main__":
    harness.main()
