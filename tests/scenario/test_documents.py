"""The documents say what is there: tests that DESIGN.md names, files that are linked, and nothing of this machine."""

from __future__ import annotations

import re
import unittest

import harness

TESTS = harness.REPO / "tests"
DOCUMENTS = [path for folder in (harness.REPO, harness.REPO / "docs", harness.REPO / "examples" / "support-agent")
             for path in sorted(folder.glob("*.md"))]


def sentences(path: str) -> set[str]:
    """The names of the tests in a Python or C file, as TAP prints them."""
    names = re.findall(r"def test_(\w+)\(|^Test\(\w+, (\w+)\)", (TESTS / path).read_text(), flags=re.M)
    return {"".join(name).replace("_", " ") for name in names}


class Documents(unittest.TestCase):
    def test_every_promise_has_tests_and_every_test_that_is_named_exists(self):
        text = (harness.REPO / "DESIGN.md").read_text()
        promises = re.split(r"^\d+\. \*\*", text[text.index("## The ten promises"):], flags=re.M)[1:]
        self.assertEqual(len(promises), 10)
        for promise in promises:
            named = re.findall(r"^\s+- `(\S+)`: (.*)$", promise, flags=re.M)
            self.assertTrue(named, promise)
            for path, said in named:
                self.assertTrue((TESTS / path).exists(), path)
                sentence = said if said in sentences(path) else (re.findall(r"\*(.+)\*", said) or [""])[0]
                self.assertTrue(sentence in sentences(path) or said.startswith("a row each"), f"{path}: {said}")

    def test_every_file_that_is_linked_exists(self):
        for document in DOCUMENTS:
            for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
                if "://" not in target:
                    self.assertTrue((document.parent / target).exists(), f"{document.name}: {target}")

    def test_every_readme_begins_with_what_it_is_for_and_names_the_two_commands(self):
        text = (harness.REPO / "README.md").read_text()
        for command in ("scripts/run", "scripts/test"):
            self.assertIn(command, text)
            self.assertTrue((harness.REPO / command).stat().st_mode & 0o100, command)

    def test_every_command_that_a_document_shows_exists(self):
        known = harness.subprocess.run([harness.binary(), "--help"], capture_output=True, text=True, timeout=30).stdout
        for document in DOCUMENTS:
            for block in re.findall(r"```sh\n(.*?)```", document.read_text(), flags=re.S):
                for words in re.findall(r"^(?:\S*/)?gatekeeper ([a-z]+)", block, flags=re.M):
                    self.assertRegex(known, rf"\b{words}\b", f"{document.name}: gatekeeper {words}")


if __name__ == "__main__":
    harness.main()
