"""docs/approvals.md as a new user follows it: its files are written, its commands run, its outputs compared."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import unittest

import harness

DOCUMENT = harness.REPO / "docs" / "approvals.md"
BLOCKS = re.findall(r"^```(yaml|console|sh)(?: (\S+))?\n(.*?)^```$", DOCUMENT.read_text(), flags=re.M | re.S)


class Guide(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        self.server = harness.Server()
        self.addCleanup(self.server.destroy)
        for language, name, body in BLOCKS:
            if language == "yaml":
                pathlib.Path(self.server.root, name).write_text(body)
        (self.server.policies / "test.yaml").unlink()
        binaries = self.server.root / "bin"
        binaries.mkdir()
        (binaries / "gatekeeper").symlink_to(harness.binary())
        self.env = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}",
                    "GATEKEEPER_CONFIG": str(self.server.config_path)}

    def played(self, script: str) -> subprocess.CompletedProcess:
        return subprocess.run(["bash", "-euc", script], cwd=self.server.root, env=self.env, capture_output=True, text=True,
                              check=False, timeout=harness.DEADLINE_S)

    def test_the_policy_and_its_tests_do_what_is_shown(self) -> None:
        console = "".join(body for language, _, body in BLOCKS if language == "console")
        self.assertTrue(console)
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", console, flags=re.M):
            done = self.played(command)
            self.assertEqual(re.sub(r"sha256:[0-9a-f]{64}", "sha256:…", done.stdout + done.stderr), shown, command)

    def test_every_command_succeeds_in_the_order_of_the_page(self) -> None:
        self.server.start()
        self.env.update(url=f"http://127.0.0.1:{self.server.port}", agent=self.server.agent(agent="bot").token,
                        alice=self.server.approver("alice").token, bob=self.server.approver("bob").token)
        script = "".join(body for language, _, body in BLOCKS if language == "sh")
        self.assertGreater(script.count("gatekeeper approvals"), 3)
        done = self.played(script)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r'"groups":\[\{"alike":"alk_[^"]*","approval_ids":\["apr_[^"]*","apr_[^"]*"\]\}\]')
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.server.verify().returncode, 0)


if __name__ == "__main__":
    harness.main()
