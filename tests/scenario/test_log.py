#!/usr/bin/env python3
"""The log as others read it: checkpoint, tiles, entries and proofs over HTTP, by the rules of C2SP."""

from __future__ import annotations

import base64
import hashlib
import http.client
import unittest

import harness

FULL = 256
TOO_FAR = ("0/001", "0/000.p/256", "0/000.p/0", "0/000.p/01", "0/0", "0/0000", "0/x000/000", "00/000", "64/000", "-1/000", "7/000", "8/000",
           "0/x001/x002/x003/x004/x005/x006/007", "0/999999", "0/000.p", "0/000.p/", "0/000/", "0//000", "0", "x/000", "0/000.p/1/2", "0/%30%30%30",
           "0/x999/x999/x999/x999/x999/x999/x999/x999/x999/999")


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def root(hashes: list[bytes]) -> bytes:
    """RFC 6962, 2.1."""
    if len(hashes) == 1:
        return hashes[0]
    cut = 1 << (len(hashes) - 1).bit_length() - 1
    return node(root(hashes[:cut]), root(hashes[cut:]))


def climb(index: int, size: int, at: bytes, path: list[bytes]) -> bytes:
    """RFC 9162, 2.1.3.2."""
    fn, sn = index, size - 1
    for other in path:
        if fn & 1 or fn == sn:
            at = node(other, at)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            at = node(at, other)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0, "the proof is too short"
    return at


def entries(bundle: bytes) -> list[bytes]:
    found = []
    while bundle:
        n = int.from_bytes(bundle[:2], "big")
        found.append(bundle[2:2 + n])
        bundle = bundle[2 + n:]
    return found


def split(data: bytes) -> list[bytes]:
    return [data[at:at + 32] for at in range(0, len(data), 32)]


class Log(unittest.TestCase):
    """One server with some 300 events; its log is published."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = harness.Server(config={"publish_log": True}).start()
        agent = cls.server.agent()
        for step in range(FULL + 50):
            agent.decide("run_1", str(step), "refund.create", {"n": step})
        cls.auditor = cls.server.client("auditor-1", "service", "auditor", tenant="*")
        cls.anybody = cls.server.anonymous()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.destroy()

    def raw(self, client: harness.Client, path: str, status: int = 200) -> tuple[bytes, dict[str, str]]:
        """The bytes at a path, sent as it is."""
        connection = http.client.HTTPConnection(*self.server.address(), timeout=harness.DEADLINE_S)
        connection.putrequest("GET", path)
        if client.token:
            connection.putheader("Authorization", f"Bearer {client.token}")
        connection.endheaders()
        reply = connection.getresponse()
        body = reply.read()
        connection.close()
        self.assertEqual(reply.status, status, f"{path}: {body[:300]!r}")
        return body, {name.lower(): value for name, value in reply.getheaders()}

    def head(self) -> tuple[int, bytes]:
        body, _ = self.raw(self.anybody, "/log/checkpoint")
        origin, size, digest = body.decode().split("\n")[:3]
        self.assertTrue(body.decode().split("\n\n")[1].startswith(f"\u2014 {origin} "))
        return int(size), base64.b64decode(digest)

    def test_a_tree_of_entries_has_the_root_of_the_checkpoint(self):
        size, digest = self.head()
        bundle, headers = self.raw(self.auditor, "/log/tile/entries/000")
        self.assertEqual(headers["content-type"], "application/octet-stream")
        self.assertIn("private", headers["cache-control"])
        rest, _ = self.raw(self.auditor, f"/log/tile/entries/001.p/{size - FULL}")
        hashes = [leaf(entry) for entry in entries(bundle) + entries(rest)]
        self.assertEqual(len(hashes), size)
        self.assertEqual(root(hashes), digest)
        full, headers = self.raw(self.anybody, "/log/tile/0/000")
        self.assertEqual(headers["content-type"], "application/octet-stream")
        self.assertEqual(headers["cache-control"], "public, max-age=31536000, immutable")
        part, _ = self.raw(self.anybody, f"/log/tile/0/001.p/{size - FULL}")
        self.assertEqual(split(full) + split(part), hashes)
        above, _ = self.raw(self.anybody, "/log/tile/1/000.p/1")
        self.assertEqual(above, root(split(full)))

    def test_the_checkpoint_is_text_that_no_cache_keeps(self):
        _, headers = self.raw(self.anybody, "/log/checkpoint")
        self.assertEqual(headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(headers["cache-control"], "no-cache")

    def test_a_tile_that_has_become_complete_is_still_there_in_every_width(self):
        full, _ = self.raw(self.anybody, "/log/tile/0/000")
        bundle, _ = self.raw(self.auditor, "/log/tile/entries/000")
        for width in (1, 7, 255):
            part, _ = self.raw(self.anybody, f"/log/tile/0/000.p/{width}")
            self.assertEqual(part, full[:32 * width])
            part, _ = self.raw(self.auditor, f"/log/tile/entries/000.p/{width}")
            self.assertEqual(entries(part), entries(bundle)[:width])

    def test_what_the_head_does_not_reach_or_nobody_would_write_is_not_found(self):
        size, _ = self.head()
        for path in (*TOO_FAR, f"0/001.p/{size - FULL + 20}", "1/000", "1/000.p/2", "2/000.p/1"):
            body, headers = self.raw(self.anybody, f"/log/tile/{path}", 404)
            self.assertEqual(headers["cache-control"], "no-store", path)
        for path in ("001", "001.p/255", "000.p/256", "0", "x000/000", "000.p/0", "", "%30%30%30", "000%2ep/7"):
            self.raw(self.auditor, f"/log/tile/entries/{path}", 404)

    def test_every_event_has_a_proof_that_leads_to_the_checkpoint(self):
        bundle, _ = self.raw(self.auditor, "/log/tile/entries/000")
        for seq, entry in list(enumerate(entries(bundle)))[::37]:
            body, headers = self.raw(self.auditor, f"/v1/events/{seq}/proof")
            self.assertEqual(headers["content-type"], "text/plain; charset=utf-8")
            self.assertEqual(headers["cache-control"], "no-store")
            text, note = body.decode().split("\n\n", 1)
            lines = text.split("\n")
            self.assertEqual(lines[:2], ["c2sp.org/tlog-proof@v1", f"index {seq}"])
            _, size, digest = note.split("\n")[:3]
            got = climb(seq, int(size), leaf(entry), [base64.b64decode(line) for line in lines[2:]])
            self.assertEqual(base64.b64encode(got).decode(), digest)
        for seq in ("99999", "-1", "01", "x", "9" * 30):
            self.raw(self.auditor, f"/v1/events/{seq}/proof", 404)

    def test_entries_and_proofs_need_an_auditor_of_all_tenants(self):
        narrow = self.server.client("auditor-2", "service", "auditor", tenant="t_42")
        agent = self.server.agent("agent-8")
        for path in ("/log/tile/entries/000", "/v1/events/1/proof"):
            self.raw(self.anybody, path, 401)
            self.raw(agent, path, 403)
        self.raw(narrow, "/log/tile/entries/000", 403)
        self.raw(narrow, "/v1/events/1/proof")

    def test_reading_entries_is_recorded_once(self):
        reader = self.server.client("auditor-3", "service", "auditor", tenant="*")
        for width in range(1, 10):
            self.raw(reader, f"/log/tile/entries/000.p/{width}")
        seen = [event for event in self.auditor.events("kind=access&limit=1000")
                if event["caller"] == "auditor-3" and event["access"]["what"] == "entries"]
        self.assertEqual(len(seen), 1)

    def test_a_wrong_token_is_refused_even_where_none_is_needed(self):
        wrong = self.server.anonymous()
        wrong.token = "gk_wrong"
        self.raw(wrong, "/log/checkpoint", 401)

    def test_nobody_writes_there(self):
        for method in ("POST", "DELETE", "PUT"):
            answer = self.auditor.request(method, "/log/tile/0/000")
            self.assertEqual(answer.status, 405)


class Private(unittest.TestCase):
    """A server whose log isn't published."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = harness.Server().start()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.destroy()

    def test_without_publish_log_everything_needs_an_auditor(self):
        auditor = self.server.client("auditor-1", "service", "auditor", tenant="*")
        agent = self.server.agent()
        for path in ("/log/checkpoint", "/log/tile/0/000.p/1", "/log/tile/entries/000.p/1"):
            self.assertEqual(self.server.anonymous().get(path).status, 401, path)
            self.assertEqual(agent.get(path).status, 403, path)
            answer = auditor.get(path)
            self.assertEqual(answer.status, 200, path)
            self.assertNotIn("public", answer.headers["cache-control"])


if __name__ == "__main__":
    harness.main()
