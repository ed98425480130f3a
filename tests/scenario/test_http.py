"""HTTP as raw bytes: malformed, slow, oversized, pipelined and crowded clients against the real server."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import resource
import shutil
import signal
import socket
import ssl
import stat
import struct
import subprocess
import threading
import time
import unittest

import harness

LIVE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
MIB = 1024 * 1024


class Reply:
    """One answer read from a socket; status 0: the connection ended instead."""

    def __init__(self, status: int = 0, headers: dict[str, str] | None = None, body: bytes = b""):
        self.status, self.headers, self.body = status, headers or {}, body
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = None

    @property
    def code(self) -> str | None:
        return self.json.get("code") if isinstance(self.json, dict) else None

    def __repr__(self) -> str:
        return f"<Reply {self.status} {self.headers} {self.body[:300]!r}>"


class Wire:
    """A connection that sends bytes as they are."""

    def __init__(self, server: harness.Server, timeout: float = harness.DEADLINE_S):
        self.socket = socket.create_connection(server.address(), timeout)
        self.buffer = b""

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> "Wire":
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # it has hung up: what it said before is still there to read
        return self

    def fill(self) -> bool:
        """Read some; False at the end."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        self.buffer += data
        return data != b""

    def until(self, mark: bytes) -> bytes | None:
        while mark not in self.buffer:
            if not self.fill():
                return None
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def exactly(self, n: int) -> bytes:
        while len(self.buffer) < n:
            if not self.fill():
                break
        found, self.buffer = self.buffer[:n], self.buffer[n:]
        return found

    def chunks(self) -> bytes:
        body = b""
        while True:
            size = int(self.until(b"\r\n") or b"0", 16)
            body += self.exactly(size)
            self.exactly(2)
            if size == 0:
                return body

    def reply(self, head: bool = False) -> Reply:
        block = self.until(b"\r\n\r\n")
        if block is None:
            return Reply()
        first, *lines = block.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(first.split(" ")[1])
        if status == 100:
            return self.reply(head)
        if headers.get("transfer-encoding") == "chunked":
            return Reply(status, headers, b"" if head else self.chunks())
        return Reply(status, headers, b"" if head else self.exactly(int(headers.get("content-length", "0"))))

    def ended(self) -> bool:
        """Nothing more comes, and the connection is closed."""
        return self.buffer == b"" and not self.fill()


def request(method: str, path: str, *lines: str, token: str | None = None, body: bytes = b"",
            host: str | None = "localhost", version: str = "HTTP/1.1") -> bytes:
    head = [f"{method} {path} {version}"]
    if host is not None:
        head.append(f"Host: {host}")
    if token is not None:
        head.append(f"Authorization: Bearer {token}")
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, *lines, "", ""]).encode("latin-1") + body


class HttpCase(harness.ServerCase):
    def ask(self, data: bytes, head: bool = False) -> Reply:
        with Wire(self.server) as wire:
            return wire.send(data).reply(head)


class Malformed(HttpCase):
    """Bytes that two readers could read in two ways end with 400 and the connection, and nothing behind them is a request."""

    ROWS = {
        "two lengths": b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "two different lengths": b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 0\r\n\r\n{}",
        "a length and an encoding": b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
                                    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "an encoding and a length": b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                                    b"Content-Length: 4\r\n\r\n0\r\n\r\n",
        "another encoding": b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
        "two codings": b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "two encodings": b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "identity": b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: identity\r\n\r\n",
        "a name with a space behind it": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length : 5\r\n\r\n",
        "a name with a tab behind it": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A\t: 5\r\n\r\n",
        "a name with a space in it": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX A: 5\r\n\r\n",
        "a name that isn't a token": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX(A): 5\r\n\r\n",
        "an empty name": b"GET /livez HTTP/1.1\r\nHost: localhost\r\n: 5\r\n\r\n",
        "nothing but a colon": b"GET /livez HTTP/1.1\r\nHost: localhost\r\n:\r\n\r\n",
        "a name missing in the middle": b"GET /livez HTTP/1.1\r\nHost: localhost\r\n:\r\nContent-Length: 5\r\n\r\n",
        "a folded line": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n 2\r\nX-B: 3\r\n\r\n",
        "a folded last line": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n 2\r\n\r\n",
        "a line folded with a tab": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n\t2\r\n\r\n",
        "a line folded twice": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n 2\r\n 3\r\n\r\n",
        "a folded line of spaces": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n  \r\n\r\n",
        "a folded Host": b"GET /livez HTTP/1.1\r\nHost: local\r\n host\r\n\r\n",
        "a zero byte in a value": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: 1\x002\r\n\r\n",
        "a zero byte in a value before another": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: 1\x002\r\nX-B: 3\r\n\r\n",
        "a control byte in a value": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: 1\x012\r\n\r\n",
        "bare line feeds": b"GET /livez HTTP/1.1\nHost: localhost\n\n",
        "one bare line feed": b"GET /livez HTTP/1.1\r\nHost: localhost\nX-A: 1\r\n\r\n",
        "a bare carriage return": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: 1\rX-B: 2\r\n\r\n",
        "no Host": b"GET /livez HTTP/1.1\r\n\r\n",
        "no Host in 1.0": b"GET /livez HTTP/1.0\r\n\r\n",
        "two Hosts": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        "two tokens": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
        "a zero byte in the target": b"GET /livez\x00x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "two spaces before the target": b"GET  /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
    }
    # libmicrohttpd hangs up on these by itself
    HUNG_UP = {
        "a length with a sign": b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Length: +2\r\n\r\n{}",
        "a negative length": b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -2\r\n\r\n{}",
        "a list of lengths": b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2, 2\r\n\r\n{}",
        "a huge length": b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
        "a line without a colon": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A\r\n\r\n",
        "no version": b"GET /livez\r\nHost: localhost\r\n\r\n",
        "a method alone": b"GET\r\n\r\n",
        "garbage": bytes(range(128, 256)) * 8 + b"\r\n\r\n",
        "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
    }

    def test_what_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(self) -> None:
        rows = {**self.ROWS, **{f"{name}, with a token's route": data.replace(b"/livez", b"/v1/policy")
                                for name, data in self.ROWS.items()},
                "no Host, with a body": b"POST /v1/decisions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"}
        for name, data in rows.items():
            with self.subTest(name), Wire(self.server) as wire:
                reply = wire.send(data + LIVE).reply()
                self.assertEqual((reply.status, reply.code), (400, "malformed_request"), reply)
                self.assertEqual(reply.headers.get("connection"), "close")
                self.assertTrue(wire.ended(), "something behind it was answered")

    def test_what_is_no_request_at_all_never_gets_through(self) -> None:
        for name, data in self.HUNG_UP.items():
            with self.subTest(name), Wire(self.server) as wire:
                reply = wire.send(data + LIVE).reply()
                self.assertIn(reply.status, (0, 400, 413, 431, 501, 505), reply)
                self.assertTrue(wire.ended() or reply.status >= 400)

    def test_a_target_that_cannot_be_decoded_is_refused(self) -> None:
        for path in ("/v1/runs/a%00b", "/v1/runs/%", "/v1/runs/%4", "/v1/runs/%zz", "/v1/runs/a%0Ab", "/v1/runs/a%7fb",
                     "/v1/runs/%ff", "/v1/runs/%c0%80", "/v1/runs/a?tenant_id=%00", "/v1/runs/a?tenant_id=%ff",
                     "/v1/runs/a?tenant_id=a&tenant_id=b", "/v1/runs/a?", "/v1/runs/a?=b", "/v1/runs/a?tenant_id=a&",
                     "/v1/runs/a#b", "http://localhost/livez", "*", "/v1/runs/\xe4"):
            with self.subTest(path):
                reply = self.ask(request("GET", path, token=self.auditor.token))
                self.assertEqual((reply.status, reply.code), (400, "bad_target"), reply)

    def test_only_http_one_is_spoken(self) -> None:
        for version in ("HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "http/1.1", "HTCPCP/1.0"):
            with self.subTest(version):
                self.assertIn(self.ask(request("GET", "/livez", version=version)).status, (0, 400, 505))
        self.assertEqual(self.ask(request("GET", "/livez", version="HTTP/1.0")).status, 200)

    def test_a_header_that_is_too_large_is_refused(self) -> None:
        for lines in (["X-A: " + "a" * 9000], [f"X-{i}: a" for i in range(900)]):
            reply = self.ask(request("GET", "/livez", *lines))
            self.assertIn(reply.status, (0, 413, 431))
        self.assertIn(self.ask(request("GET", "/" + "a" * 9000)).status, (0, 414, 431))
        self.assertEqual(self.ask(request("GET", "/livez", "X-A: " + "a" * 5000)).status, 200)


class Routes(HttpCase):
    """What isn't in the table is refused, and says how."""

    def test_an_unknown_path_is_404_as_a_problem(self) -> None:
        for path in ("//", "/assets", "/v1", "/v1/", "/v1/decisions/", "/v1//decisions", "/v1/nothing", "/v1/runs//end",
                     "/v1/approvals/a/b/c", "/v1/runs/a/b/c/d/e/f/g/h", "/v1/%64ecisions", "/livez/", "/log"):
            with self.subTest(path):
                reply = self.ask(request("GET", path))
                self.assertEqual((reply.status, reply.code), (404, "no_such_route"), reply)
                self.assertEqual(reply.headers["content-type"], "application/problem+json")
                self.assertEqual((reply.json["type"], reply.json["title"], reply.json["status"]),
                                 ("about:blank", "Not Found", 404))

    def test_another_method_is_405_with_allow(self) -> None:
        for method, path, allow in (("GET", "/v1/decisions", "POST"), ("POST", "/livez", "GET, HEAD"),
                                    ("PUT", "/v1/kill-switches", "GET, HEAD, POST"), ("PATCH", "/v1/policy", "GET, HEAD"),
                                    ("GET", "/v1/kill-switches/a", "DELETE"), ("OPTIONS", "/v1/decisions", "POST"),
                                    ("GET", "/v1/policy/reload", "POST"), ("get", "/livez", "GET, HEAD")):
            with self.subTest(f"{method} {path}"):
                reply = self.ask(request(method, path, token=self.operator.token))
                self.assertEqual((reply.status, reply.code, reply.headers.get("allow")),
                                 (405, "method_not_allowed", allow), reply)

    def test_head_answers_as_get_without_a_body(self) -> None:
        with Wire(self.server) as wire:
            reply = wire.send(request("HEAD", "/livez") + LIVE).reply(head=True)
            self.assertEqual((reply.status, reply.headers["content-length"]), (200, "17"))
            self.assertEqual(wire.reply().json, {"status": "live"})

    def test_an_unknown_query_parameter_is_refused(self) -> None:
        for path in ("/livez?x=1", "/v1/events?rum_id=a", "/v1/events?run_id=a&Order=asc", "/v1/policy?%6cimit=1"):
            with self.subTest(path):
                reply = self.ask(request("GET", path, token=self.auditor.token))
                self.assertEqual((reply.status, reply.code), (400, "unknown_parameter"), reply)

    def test_every_answer_forbids_caching_and_sniffing(self) -> None:
        for data in (LIVE, request("GET", "/nothing"), request("GET", "/v1/policy"),
                     request("GET", "/v1/policy", token=self.operator.token)):
            reply = self.ask(data)
            self.assertEqual(reply.headers.get("cache-control"), "no-store")
            self.assertEqual(reply.headers.get("x-content-type-options"), "nosniff")
            self.assertIn("date", reply.headers)

    def test_a_slash_in_an_id_travels_percent_encoded(self) -> None:
        reply = self.ask(request("GET", "/v1/runs/team%2Frun_1", token=self.auditor.token))
        self.assertNotEqual(reply.code, "no_such_route", reply)
        self.assertIn(reply.status, (200, 404))

    def test_a_foreign_host_is_refused_but_not_for_probes(self) -> None:
        for host, status in (("evil.example", 421), ("localhost.evil.example", 421), ("localhost:x", 421), ("", 421),
                             ("localhost@evil", 421), ("LOCALHOST:1", 200), ("127.0.0.1", 200), ("127.0.0.1:8181", 200)):
            with self.subTest(host):
                reply = self.ask(request("GET", "/v1/policy", token=self.operator.token, host=host))
                self.assertEqual(reply.status, status, reply)
                if status == 421:
                    self.assertEqual(reply.code, "host_not_allowed")
        self.assertEqual(self.ask(request("GET", "/livez", host="10.1.2.3:8181")).status, 200)


class Callers(HttpCase):
    """Who isn't known gets 401, who mayn't gets 403."""

    def test_without_a_token_there_is_a_challenge(self) -> None:
        reply = self.ask(request("GET", "/v1/policy"))
        self.assertEqual((reply.status, reply.code), (401, "unauthorized"))
        self.assertEqual(reply.headers["www-authenticate"], 'Bearer realm="gatekeeper"')

    def test_a_wrong_token_is_an_invalid_one(self) -> None:
        for value in ("Bearer gk_wrong", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearer " + "a" * 600,
                      str(self.operator.token)):
            with self.subTest(value):
                reply = self.ask(request("GET", "/v1/policy", f"Authorization: {value}"))
                self.assertEqual((reply.status, reply.code), (401, "unauthorized"), reply)
                self.assertIn('error="invalid_token"', reply.headers["www-authenticate"])

    def test_a_missing_permission_is_named(self) -> None:
        for method, path, client, word in (("GET", "/v1/policy", self.agent, "operator or auditor"),
                                           ("GET", "/v1/events", self.operator, "auditor"),
                                           ("POST", "/v1/approvals/a/grant", self.operator, "approver"),
                                           ("GET", "/metrics", self.agent, "metrics"),
                                           ("POST", "/v1/policy/reload", self.auditor, "operator")):
            with self.subTest(path):
                reply = self.ask(request(method, path, token=client.token))
                self.assertEqual((reply.status, reply.code), (403, "forbidden"), reply)
                self.assertIn(word, reply.json["detail"])

    def test_the_admin_socket_is_the_operators_and_never_votes(self) -> None:
        path = self.server.data / "admin.sock"
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        for data, status in ((request("GET", "/v1/policy", host="anything"), 200), (request("GET", "/metrics"), 200),
                             (request("POST", "/v1/approvals/a/grant"), 403), (request("GET", "/livez"), 200),
                             (request("POST", "/v1/decisions", "Content-Type: application/json", body=b"{}"), 403)):
            with socket.socket(socket.AF_UNIX) as unix:
                unix.settimeout(harness.DEADLINE_S)
                unix.connect(str(path))
                unix.sendall(data)
                self.assertTrue(unix.recv(65536).startswith(f"HTTP/1.1 {status} ".encode()), data)

    def test_metrics_count_by_route(self) -> None:
        token = self.server.token("prometheus", "service", "metrics")
        self.ask(request("GET", "/nothing"))
        reply = self.ask(request("GET", "/metrics", token=token))
        self.assertEqual(reply.status, 200)
        self.assertTrue(reply.headers["content-type"].startswith("text/plain"))
        self.assertRegex(reply.body.decode(), r'gatekeeper_http_requests_total\{route="none",status="4xx"\} [1-9]')


class Bodies(HttpCase):
    """Bodies: JSON, whole, not too large, however they come."""

    BODY = json.dumps({"run_id": "run_http", "step_id": "1", "action": "kb.read", "args": {}}).encode()

    def post(self, path: str, body: bytes, *lines: str, kind: str | None = "application/json",
             token: str | None = None) -> Reply:
        more = [] if kind is None else [f"Content-Type: {kind}"]
        return self.ask(request("POST", path, *more, *lines, token=token or self.agent.token, body=body))

    def test_a_body_must_be_json_by_name(self) -> None:
        for kind, status in ((None, 415), ("text/plain", 415), ("application/x-www-form-urlencoded", 415),
                             ("application/jsonp", 415), ("application/json", 200), ("Application/JSON; charset=utf-8", 200)):
            with self.subTest(str(kind)):
                self.assertEqual(self.post("/v1/decisions", self.BODY, kind=kind).status, status)

    def test_json_that_is_not_strict_says_where(self) -> None:
        for body, offset in ((b'{"a":1,}', 7), (b"{", 1), (b'{"a":1}x', 7), (b'\xef\xbb\xbf{}', 0)):
            with self.subTest(repr(body)):
                reply = self.post("/v1/decisions", body)
                self.assertEqual((reply.status, reply.code), (400, "invalid_json"), reply)
                self.assertEqual(reply.json["offset"], offset)

    def test_a_body_that_is_due_and_one_that_is_not(self) -> None:
        reply = self.ask(request("POST", "/v1/decisions", "Content-Length: 0", token=self.agent.token))
        self.assertEqual((reply.status, reply.code), (400, "body_missing"), reply)
        reply = self.ask(request("GET", "/livez", "Content-Type: application/json", body=b"{}"))
        self.assertEqual((reply.status, reply.code), (400, "body_not_allowed"), reply)

    def test_a_length_beyond_the_cap_is_refused_before_the_body(self) -> None:
        for path, token, size in (("/v1/decisions", self.agent.token, MIB + 1), ("/v1/decisions", None, 10 * MIB),
                                  ("/v1/kill-switches", self.operator.token, 65537)):
            with self.subTest(path), Wire(self.server) as wire:
                reply = wire.send(request("POST", path, "Content-Type: application/json", f"Content-Length: {size}",
                                          token=token)).reply()
                self.assertIn(reply.status, (401, 413), reply)
                self.assertTrue(wire.ended())

    def test_chunks_beyond_the_cap_are_refused_at_the_end(self) -> None:
        chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
        data = request("POST", "/v1/decisions", "Content-Type: application/json", "Transfer-Encoding: chunked",
                       token=self.agent.token)
        with Wire(self.server) as wire:
            reply = wire.send(data + chunk * 33 + b"0\r\n\r\n").reply()
            self.assertEqual((reply.status, reply.code), (413, "body_too_large"), reply)
        with Wire(self.server) as wire:  # for ever: it hangs up
            wire.send(data + chunk * 400)
            self.assertIn(wire.reply().status, (0, 413))

    def test_a_body_in_chunks_or_crumbs_is_the_same_body(self) -> None:
        pieces = [self.BODY[at:at + 7] for at in range(0, len(self.BODY), 7)]
        chunked = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        reply = self.ask(request("POST", "/v1/decisions", "Content-Type: application/json", "Transfer-Encoding: chunked",
                                 token=self.agent.token) + chunked)
        self.assertEqual(reply.status, 200, reply)
        with Wire(self.server) as wire:
            data = request("POST", "/v1/decisions", "Content-Type: application/json", token=self.agent.token, body=self.BODY)
            for at in range(0, len(data), 50):
                wire.send(data[at:at + 50])
                time.sleep(0.01)
            self.assertEqual(wire.reply().status, 200)

    def test_nothing_is_read_behind_a_body_in_chunks(self) -> None:
        head = request("POST", "/v1/decisions", "Content-Type: application/json", "Transfer-Encoding: chunked",
                       token=self.agent.token)
        for end in (b"\r\n", b"\n"):
            with self.subTest(end=end), Wire(self.server) as wire:
                wire.send(head + b"%x%b%b%b0%b%b" % (len(self.BODY), end, self.BODY, end, end, end) + LIVE)
                reply = wire.reply()
                self.assertIn(reply.status, (200, 400), reply)
                self.assertEqual(reply.headers.get("connection"), "close")
                self.assertTrue(wire.ended(), "something behind it was answered")

    def test_a_body_of_a_mebibyte_is_taken(self) -> None:
        body = json.loads(self.BODY) | {"step_id": "big", "args": {"text": ["x" * 1000] * 900}}
        reply = self.post("/v1/decisions", json.dumps(body).encode())
        self.assertNotIn(reply.code, ("body_too_large", "invalid_json", "busy"), reply)
        self.assertLess(reply.status, 500)

    def test_a_refused_body_is_swallowed_and_the_connection_goes_on(self) -> None:
        with Wire(self.server) as wire:
            wire.send(request("POST", "/v1/nothing", "Content-Type: application/json", body=b"x" * 5000) + LIVE)
            self.assertEqual(wire.reply().status, 404)
            self.assertEqual(wire.reply().status, 200)

    def test_who_waits_for_100_continue_gets_it_or_the_refusal(self) -> None:
        with Wire(self.server) as wire:
            wire.send(request("POST", "/v1/decisions", "Content-Type: application/json", "Expect: 100-continue",
                              f"Content-Length: {len(self.BODY)}", token=self.agent.token))
            self.assertEqual(wire.until(b"\r\n\r\n"), b"HTTP/1.1 100 Continue")
            self.assertEqual(wire.send(self.BODY).reply().status, 200)
        with Wire(self.server) as wire:
            wire.send(request("POST", "/v1/decisions", "Content-Type: application/json", "Expect: 100-continue",
                              f"Content-Length: {len(self.BODY)}"))
            self.assertEqual(wire.reply().status, 401)
            self.assertTrue(wire.ended())

    def test_a_wait_is_confirmed(self) -> None:
        body = json.dumps(json.loads(self.BODY) | {"step_id": "wait"}).encode()
        reply = self.post("/v1/decisions", body, "Prefer: respond-async, wait=1")
        self.assertEqual((reply.status, reply.headers.get("preference-applied")), (200, "wait=1"), reply)
        self.assertNotIn("preference-applied", self.post("/v1/decisions", body, "Prefer: wait=x").headers)


class Connections(HttpCase):
    """Keep-alive, pipelining, many at once, and the end."""

    def test_pipelined_requests_are_answered_in_order(self) -> None:
        body = Bodies.BODY.replace(b'"1"', b'"pipe"')
        ask = request("POST", "/v1/decisions", "Content-Type: application/json", token=self.agent.token, body=body)
        with Wire(self.server) as wire:
            wire.send((LIVE + ask + request("GET", "/nothing")) * 20 + LIVE)
            for _ in range(20):
                live, decision, nothing = (wire.reply() for _ in range(3))
                self.assertEqual((live.json, nothing.code), ({"status": "live"}, "no_such_route"))
                self.assertTrue(decision.status == 429 or "decision" in decision.json, decision)
            self.assertEqual(wire.reply().json, {"status": "live"})

    def test_many_connections_at_once_are_all_served(self) -> None:
        def client(number: int) -> list[int]:
            connection = http.client.HTTPConnection(*self.server.address(), timeout=harness.DEADLINE_S)
            statuses = []
            for i in range(20):
                connection.request("POST", "/v1/decisions", json.dumps({
                    "run_id": f"run_many_{number}", "step_id": str(i), "action": "kb.read", "args": {}}),
                    {"Authorization": f"Bearer {self.agent.token}", "Content-Type": "application/json"})
                reply = connection.getresponse()
                reply.read()
                statuses.append(reply.status)
            connection.close()
            return statuses

        for count in (32, 128):
            with self.subTest(f"{count} connections"), concurrent.futures.ThreadPoolExecutor(count) as pool:
                for statuses in pool.map(client, range(count)):
                    self.assertTrue(set(statuses) <= {200, 429, 503}, statuses)

    def test_an_export_streams_in_chunks_which_http_1_0_has_not(self) -> None:
        for i in range(30):
            self.agent.decide("run_stream", str(i), "kb.read")
        data = request("GET", "/v1/events", "Accept: application/x-ndjson", token=self.auditor.token)
        with Wire(self.server) as wire:
            reply = wire.send(data + LIVE).reply()
            self.assertEqual((reply.status, reply.headers["content-type"]), (200, "application/x-ndjson"))
            self.assertGreater(len([json.loads(line) for line in reply.body.splitlines()]), 30)
            self.assertEqual(wire.reply().status, 200)
        old = request("GET", "/v1/events", "Accept: application/x-ndjson", token=self.auditor.token, version="HTTP/1.0")
        self.assertEqual(self.ask(old).status, 505)

    def test_a_client_that_leaves_does_no_harm(self) -> None:
        body = Bodies.BODY.replace(b'"1"', b'"gone"')
        ask = request("POST", "/v1/decisions", "Content-Type: application/json", token=self.agent.token, body=body)
        export = request("GET", "/v1/events", "Accept: application/x-ndjson", token=self.auditor.token)
        for data in [ask, ask[:-5], export, LIVE, ask[:40]] * 20:
            wire = Wire(self.server)
            wire.send(data)
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            wire.socket.close()
        self.assertEqual(self.ask(LIVE).status, 200)


class Slow(HttpCase):
    """A client has only so long, however often it sends a byte."""

    def linger(self, data: bytes, crumbs: bytes, seconds: float) -> float:
        """Send data, then a byte every 0.4 s; how long until the server hangs up."""
        begin = time.monotonic()
        with Wire(self.server, 0.4) as wire:
            wire.send(data)
            at = 0
            while time.monotonic() < begin + seconds:
                try:
                    if not wire.fill():
                        return time.monotonic() - begin
                except TimeoutError:
                    wire.send(crumbs[at % len(crumbs):][:1])
                    at += 1
        return seconds

    def test_headers_and_bodies_have_deadlines(self) -> None:
        post = request("POST", "/v1/decisions", "Content-Type: application/json", "Content-Length: 1000",
                       token=self.agent.token)
        cases = [(b"", b"\0"[:0] or b"G", 16), (b"GET /livez HTTP/1.1\r\n", b"X-A: a\r\n", 16), (post, b" ", 40),
                 (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: ", b"a", 16)]
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
            for case, took in zip(cases, pool.map(lambda case: self.linger(*case), cases)):
                self.assertLess(took, case[2] - 1, case[0])


class Crowd(HttpCase):
    """When all connections are taken, control routes still have some."""

    def test_control_routes_have_connections_of_their_own(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < 4096:
            self.skipTest("too few file descriptors")
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
        server = harness.Server(config={"max_connections": 1024}).start()
        self.addCleanup(server.destroy)
        agent, operator = server.agent(), server.client("olga", "human", "operator", tenant="*")
        held = []
        try:
            for _ in range(1015):
                held.append(Wire(server))
            with Wire(server) as wire:
                reply = wire.send(request("POST", "/v1/decisions", "Content-Type: application/json", token=agent.token,
                                          body=Bodies.BODY)).reply()
                self.assertEqual((reply.status, reply.code), (503, "too_many_connections"), reply)
                self.assertEqual(reply.headers.get("retry-after"), "1")
            with Wire(server) as wire:
                self.assertEqual(wire.send(request("GET", "/v1/kill-switches", token=operator.token)).reply().status, 200)
            with Wire(server) as wire:
                self.assertEqual(wire.send(LIVE).reply().status, 200)
        finally:
            for wire in held:
                wire.socket.close()
        self.assertEqual(server.stop(), 0)


class Start(unittest.TestCase):
    """Addresses: what may be listened on, and the end of it."""

    def refused(self, *options: str) -> str:
        server = harness.Server()
        self.addCleanup(server.destroy)
        settings = [word for option in options for word in ("--set", option)]
        done = server.cli("serve", *settings, check=False)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def serve(self, listen: str) -> harness.Server:
        server = harness.Server()
        self.addCleanup(server.destroy)
        with open(server.log_path, "ab") as log:
            server.process = subprocess.Popen([harness.binary(), "serve", "--config", str(server.config_path), "--set",
                                               f"listen={listen}"], stdout=log, stderr=log, env=server.env)
        return server

    def test_an_idle_connection_does_not_hold_up_the_end(self) -> None:
        server = harness.Server().start()
        self.addCleanup(server.destroy)
        with Wire(server) as wire, Wire(server) as fresh:
            self.assertEqual(wire.send(LIVE).reply().status, 200)
            begin = time.monotonic()
            self.assertEqual(server.stop(), 0)
            self.assertLess(time.monotonic() - begin, 8)
            self.assertTrue(wire.ended() and fresh.ended())

    def test_what_is_asked_before_the_end_is_answered(self) -> None:
        server = harness.Server().start()
        self.addCleanup(server.destroy)
        agent = server.agent()
        statuses: list[int] = []

        def ask() -> None:
            while True:
                try:
                    statuses.append(agent.decide("run_end", str(len(statuses)), "kb.read").status)
                except (OSError, http.client.HTTPException):
                    return  # refused: nobody listens any more

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        for thread in threads:
            thread.join(harness.DEADLINE_S)
        self.assertTrue(set(statuses) <= {200, 409, 429, 503}, set(statuses))
        server.check_log()

    def test_an_open_address_needs_tls_or_a_word(self) -> None:
        self.assertIn("insecure_http", self.refused(f"listen=0.0.0.0:{harness.free_port()}"))
        self.assertIn("insecure_http", self.refused(f'listen="[::]:{harness.free_port()}"'))
        self.assertIn("listen", self.refused("listen=nonsense"))
        self.assertIn("listen", self.refused("listen=127.0.0.1:99999"))

    def test_an_address_in_use_is_said_to_be(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.assertIn("in use", self.refused(f"listen=127.0.0.1:{taken.getsockname()[1]}"))

    def test_a_unix_socket_takes_any_host_and_goes_with_the_server(self) -> None:
        server = harness.Server()
        server.destroy()
        path = f"/tmp/gk-{os.getpid()}.sock"
        with socket.socket(socket.AF_UNIX) as stale:  # left behind by a killed server
            stale.bind(path)
        server = self.serve(f"unix:{path}")

        def asked() -> bytes:
            with socket.socket(socket.AF_UNIX) as unix:
                unix.settimeout(harness.DEADLINE_S)
                unix.connect(path)
                unix.sendall(request("GET", "/readyz", host="any.example"))
                return unix.recv(65536)

        def ready() -> bool:
            try:
                return asked().startswith(b"HTTP/1.1 200")
            except OSError:
                return False

        harness.until("an answer on the socket", ready)
        self.assertEqual(server.stop(), 0)
        self.assertFalse(os.path.exists(path))


@unittest.skipUnless(shutil.which("openssl"), "openssl makes the certificates")
class Tls(unittest.TestCase):
    """TLS: certificates of both sides, and new ones while it runs."""

    def certificate(self, folder: str, name: str, ca: str | None = None, purpose: str = "serverAuth") -> None:
        """name.pem and name.key, signed by ca, or an authority of its own."""
        base = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem", "-subj", f"/CN={name}"]
        if ca is None:
            more = ["-addext", "basicConstraints=critical,CA:TRUE"]
        else:
            more = ["-CA", f"{folder}/{ca}.pem", "-CAkey", f"{folder}/{ca}.key", "-addext", "subjectAltName=DNS:localhost",
                    "-addext", "basicConstraints=critical,CA:FALSE", "-addext", f"extendedKeyUsage={purpose}"]
        done = subprocess.run(base + more, capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest(f"openssl: {done.stderr[-200:]}")

    def setUp(self) -> None:
        self.server = harness.Server()
        self.addCleanup(self.server.destroy)
        self.folder = str(self.server.root)
        self.certificate(self.folder, "ca")
        self.certificate(self.folder, "server", "ca")

    def start(self, client_ca: str | None = None) -> None:
        self.server.write_config(tls={"cert": f"{self.folder}/server.pem", "key": f"{self.folder}/server.key",
                                      "client_ca": client_ca})
        self.server.start(ready=False)
        harness.until("a port", lambda: self.open_port())

    def open_port(self) -> bool:
        try:
            socket.create_connection(self.server.address(), 5).close()
            return True
        except OSError:
            return False

    def live(self, certificate: str | None = None) -> tuple[int, bytes]:
        """The status of /livez and the server's certificate."""
        context = ssl.create_default_context(cafile=f"{self.folder}/ca.pem")
        if certificate is not None:
            context.load_cert_chain(f"{self.folder}/{certificate}.pem", f"{self.folder}/{certificate}.key")
        with socket.create_connection(self.server.address(), harness.DEADLINE_S) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                shown = secure.getpeercert(True) or b""
                secure.sendall(LIVE)
                data = secure.recv(65536)
                return int(data.split(b" ")[1]) if data else 0, shown

    def test_certificates_are_swapped_for_new_connections(self) -> None:
        self.start()
        status, before = self.live()
        self.assertEqual(status, 200)
        self.certificate(self.folder, "server", "ca")
        self.server.signal(signal.SIGHUP)
        harness.until("the new certificate", lambda: self.live()[1] != before)
        with Wire(self.server) as wire:  # plain HTTP gets no answer
            self.assertNotEqual(wire.send(LIVE).reply().status, 200)
        self.assertEqual(self.server.stop(), 0)

    def test_a_client_without_a_certificate_of_the_authority_is_refused(self) -> None:
        self.certificate(self.folder, "client", "ca", "clientAuth")
        self.certificate(self.folder, "other-ca")
        self.certificate(self.folder, "stranger", "other-ca", "clientAuth")
        self.start(f"{self.folder}/ca.pem")
        self.assertEqual(self.live("client")[0], 200)
        for certificate in (None, "stranger", "server"):
            with self.subTest(str(certificate)):
                try:
                    status = self.live(certificate)[0]
                except OSError:
                    status = 0
                self.assertIn(status, (0, 403))
        self.assertEqual(self.server.stop(), 0)

    def test_a_certificate_that_does_not_load_says_so(self) -> None:
        self.server.write_config(tls={"cert": f"{self.folder}/server.pem", "key": f"{self.folder}/ca.key",
                                      "client_ca": None})
        done = self.server.cli("serve", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("certificate", done.stderr)


if __name__ == "__main__":
    harness.main()
