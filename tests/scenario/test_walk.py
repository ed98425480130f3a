"""docs/policy.md as a new user follows it: its files are written, its commands run, its outputs compared."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import unittest

import harness

DOCUMENT = harness.REPO / "docs" / "policy.md"
OLD = """policy: old
allow:
  - {id: all, actions: ["flight.*", booking.cancel]}
"""


class Walk(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        self.server = harness.Server({"old.yaml": OLD}).start()
        self.addCleanup(self.server.destroy)
        agent = self.server.agent(agent="travel-agent", tenant="t_1")
        for step in range(1, 5):
            agent.decide("run_1", str(step), "flight.search", {"from": "ZRH"})
        for step, price in ((5, 100), (6, 400)):
            agent.decide("run_1", str(step), "flight.book", {"flight": "LX318", "price": price, "currency": "EUR"})
        agent.decide("run_1", "7", "booking.cancel", {"booking": "B1"})
        binaries = self.server.root / "bin"
        binaries.mkdir()
        (binaries / "gatekeeper").symlink_to(harness.binary())
        self.env = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}

    def played(self, command: str) -> str:
        ended = subprocess.run(command, shell=True, cwd=self.server.root, env=self.env, capture_output=True, text=True,
                               timeout=harness.DEADLINE_S)
        text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:…", ended.stdout + ended.stderr)
        return re.sub(r"[ \t]+$", "", text, flags=re.M)

    def test_the_walk_through_is_true(self):
        text = DOCUMENT.read_text()
        for language, name, body in re.findall(r"^```(yaml|json|console)(?: (\S+))?\n(.*?)^```$", text, flags=re.M | re.S):
            if language != "console":
                path = pathlib.Path(self.server.root) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(body)
                continue
            command, shown = body.split("\n", 1)
            self.assertEqual(self.played(command.removeprefix("$ ")), shown, command)


if __name__ == "__main__":
    harness.main()
