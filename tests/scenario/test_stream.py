"""Events as they come: GET /v1/events/stream, resumed by Last-Event-ID, filtered, and ended when it must."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import unittest

import harness


class Stream:
    """One connection that is read as server-sent events.  next() gives (id, name, data)."""

    def __init__(self, server: harness.Server, token: str | None, query: str = "", last: str | None = None,
                 headers: dict[str, str] | None = None, seconds: float = harness.DEADLINE_S):
        self.connection = http.client.HTTPConnection(*server.address(), timeout=seconds)
        send = {"Accept": "text/event-stream", **(headers or {})}
        if token is not None:
            send["Authorization"] = f"Bearer {token}"
        if last is not None:
            send["Last-Event-ID"] = last
        self.connection.request("GET", "/v1/events/stream" + (f"?{query}" if query else ""), headers=send)
        self.reply = self.connection.getresponse()
        self.status, self.last, self.comments = self.reply.status, last, 0
        self.answer = harness.Answer(self.status, dict(self.reply.getheaders()),
                                     b"" if self.status == 200 else self.reply.read())

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.connection.sock is not None:
            self.connection.sock.close()
        self.reply.close()
        self.connection.close()

    def next(self) -> tuple[str | None, str, dict] | None:
        """The next event that has data; None: the stream has ended."""
        name, data = "message", []
        while True:
            raw = self.reply.readline()
            if not raw:
                return None
            line = raw.decode().rstrip("\n")
            if line == "":
                if data:
                    return (self.last, name, json.loads("\n".join(data)))
                name = "message"
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "id":
                self.last = value
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "":
                self.comments += 1

    def take(self, count: int) -> list[dict]:
        found = []
        while len(found) < count:
            event = self.next()
            if event is None:
                raise AssertionError(f"the stream ended after {len(found)} of {count}")
            if event[1] == "message":
                found.append(event[2])
        return found


class Live(harness.ServerCase):
    def follow(self, query: str = "", last: str | None = None, client: harness.Client | None = None) -> Stream:
        stream = Stream(self.server, (client or self.auditor).token, query, last)
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200, stream.answer)
        return stream

    def test_what_is_recorded_is_streamed_as_a_search_shows_it(self):
        stream = self.follow("run_id=run_live")
        self.assertEqual(stream.answer.headers["content-type"], "text/event-stream")
        self.assertEqual(stream.answer.headers["cache-control"], "no-store")
        for step in range(3):
            self.agent.decide("run_live", str(step), "kb.read", {"page": step})
        got = stream.take(3)
        self.assertEqual(got, self.auditor.events("run_id=run_live"))
        self.assertEqual(stream.last, str(got[-1]["seq"]))

    def test_last_event_id_resumes_without_loss_or_duplicates(self):
        stream = self.follow("run_id=run_resume")
        self.agent.decide("run_resume", "0", "kb.read")
        seen = stream.take(1)
        last = stream.last
        stream.close()
        for step in range(1, 6):
            self.agent.decide("run_resume", str(step), "kb.read")
        again = self.follow("run_id=run_resume", last)
        seen += again.take(5)
        self.agent.decide("run_resume", "6", "kb.read")
        seen += again.take(1)
        self.assertEqual([event["step_id"] for event in seen], [str(step) for step in range(7)])
        self.assertEqual(seen, self.auditor.events("run_id=run_resume"))


    def refused(self, query: str = "", last: str | None = None, client: harness.Client | None = None) -> tuple:
        with Stream(self.server, (client or self.auditor).token, query, last) as stream:
            return stream.answer.outcome

    def test_it_begins_by_saying_where_it_is(self):
        before = self.auditor.get("/v1/events?limit=1").body["events"][0]["seq"]
        stream = self.follow()
        lines = [stream.reply.readline().decode() for _ in range(3)]
        self.assertRegex(lines[0], r"^retry: [123]\d\d\d\n$")
        self.assertRegex(lines[1], r"^id: \d+\n$")
        self.assertGreater(int(lines[1][4:]), before)

    def test_after_is_last_event_id_for_those_without_headers(self):
        first = self.agent.decide("run_after", "1", "kb.read").body["event"]["seq"]
        self.agent.decide("run_after", "2", "kb.read")
        self.assertEqual(self.follow(f"run_id=run_after&after={first}").take(1)[0]["step_id"], "2")
        # what the client has seen since goes before what it began with
        self.assertEqual(self.follow(f"run_id=run_after&after={first}", "0").take(1)[0]["step_id"], "1")
        self.assertEqual(self.follow(f"run_id=run_after&after={first - 1}", "").take(1)[0]["step_id"], "1")

    def test_an_id_that_the_log_does_not_have_is_refused(self):
        for last in ("99999999999", "9223372036854775807", "18446744073709551615", "18446744073709551616", "9" * 400, "-1", "1x",
                     "0x10", "1 2", "1.0", "%31"):
            with self.subTest(last=last):
                self.assertEqual(self.refused(last=last), (400, "invalid_request"))
        size = self.auditor.get("/v1/events?limit=1").body["events"][0]["seq"]
        self.assertEqual(self.refused(last=str(size + 100)), (400, "invalid_request"))

    def test_a_filter_that_is_none_is_refused(self):
        for query in ("kind=nothing", "decision=maybe", "layer=x", "scope=x", "since=yesterday", "run_id=a%20b", "run_id=%27%20OR%201=1",
                      "only=events", "only=approvals&run_id=r", "raw=1", "action_key=a,,b"):
            with self.subTest(query=query):
                self.assertEqual(self.refused(query), (400, "invalid_request"))
        self.assertEqual(self.refused("actor=a%0d%0aX-Injected:%201"), (400, "bad_target"))
        for query in ("order=asc", "limit=1", "cursor=a", "format=csv", "x=1"):
            with self.subTest(query=query):
                self.assertEqual(self.refused(query), (400, "unknown_parameter"))

    def test_filters_are_those_of_a_search(self):
        streams = {query: self.follow(query) for query in (
            "decision=stop", "kind=decision&action=kb.read", "actor=u_8", "reason=no_rule_allows", "agent_id=support-agent",
            "tenant_id=t_42", "layer=access&run_id=run_filter", "step_id=2", "raw=true&run_id=run_filter", "since=2020-01-01T00:00:00Z")}
        for step, (action, actor) in enumerate([("kb.read", "u_7"), ("database.drop", "u_8"), ("kb.read", "u_8"), ("ticket.x", "u_7")]):
            self.agent.decide("run_filter", str(step), action, actor={"type": "user", "id": actor, "roles": ["support"]})
        end = self.agent.decide("run_filter", "end", "kb.read").body["event"]["seq"]
        for query, stream in streams.items():
            with self.subTest(query=query):
                wanted = [event for event in self.auditor.events(query)
                          if event["seq"] <= end and ("since" in query or event.get("run_id") == "run_filter")]
                self.assertTrue(wanted)
                self.assertEqual(stream.take(len(wanted)), wanted)

    def test_until_ends_the_stream_when_its_time_is_over(self):
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        self.agent.decide("run_until", "1", "kb.read")
        stream = self.follow(f"run_id=run_until&since=2020-01-01T00:00:00Z&until={until}")
        self.assertEqual(len(stream.take(1)), 1)
        self.assertEqual(stream.next()[1:], ("end", {"reason": "until"}))
        self.assertIsNone(stream.next())
        past = self.follow("run_id=run_until&since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z")
        self.assertEqual(past.next()[1:], ("end", {"reason": "until"}))

    def test_another_tenants_events_are_not_seen(self):
        theirs = self.server.agent("agent-9", agent="other-agent", tenant="t_9")
        small = self.server.client("nina", "human", "auditor", tenant="t_42")
        streams = [self.follow(query, client=small) for query in ("", "run_id=run_theirs", "tenant_id=t_9", "kind=decision")]
        theirs.decide("run_theirs", "1", "kb.read")
        self.operator.post("/v1/kill-switches", {"scope": "tenant", "id": "t_nobody", "reason": "theirs"})
        self.agent.decide("run_ours", "1", "kb.read")
        for stream, seen in zip(streams, (True, False, False, True)):
            if seen:
                self.assertEqual(stream.take(1)[0]["run_id"], "run_ours")
            stream.connection.sock.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                while (event := stream.next()) is not None:
                    self.assertEqual(event[2].get("tenant_id"), "t_42", event)

    def test_another_tenants_events_are_not_seen_on_the_way_back_either(self):
        theirs = self.server.agent("agent-10", agent="other-agent", tenant="t_10")
        small = self.server.client("nadia", "human", "auditor", tenant=["t_42", "t_43"])
        theirs.decide("run_back", "1", "kb.read")
        self.agent.decide("run_back", "1", "kb.read")
        self.assertEqual(self.follow("run_id=run_back", "0", client=small).take(1)[0]["tenant_id"], "t_42")

    def test_approvers_are_told_that_something_happened_and_not_what(self):
        finance = self.follow(client=self.alice)
        other = self.server.client("erin", "human", "approver", group="finance", tenant="t_elsewhere")
        elsewhere = self.follow(client=other)
        self.agent.decide("run_nudge", "0", "kb.read")
        asked = self.agent.decide("run_nudge", "1", "refund.create", {"order": "A-1"}).body
        event = finance.next()
        self.assertEqual((event[1], event[2]), ("approvals", {"seq": asked["event"]["seq"]}))
        self.alice.post(f"/v1/approvals/{asked['approval']['approval_id']}/deny", {})
        self.assertEqual(finance.next()[1], "approvals")
        elsewhere.connection.sock.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            elsewhere.next()
        self.assertEqual(self.refused("run_id=run_nudge", client=self.alice), (403, "not_permitted"))
        # back after a while: told once, whatever happened
        again = self.follow(last="0", client=self.alice)
        self.assertEqual(again.next()[1], "approvals")

    def test_agents_and_strangers_get_none(self):
        self.assertEqual(self.refused(client=self.agent), (403, "forbidden"))
        self.assertEqual(self.refused(client=harness.Client(self.server.address, "gk_wrong")), (401, "unauthorized"))
        with Stream(self.server, None) as stream:
            self.assertEqual(stream.status, 401)

    def test_a_revoked_token_ends_the_stream(self):
        zoe = self.server.client("zoe", "human", "auditor", tenant="*")
        stream = self.follow(client=zoe)
        busy = self.follow("kind=decision", client=zoe)
        begin = time.monotonic()
        self.assertEqual(self.operator.delete("/v1/identities/zoe", {"reason": "left"}).status, 200)
        for one in (stream, busy):
            while (event := one.next()) is not None:
                last = event
            self.assertEqual(last[1:], ("end", {"reason": "signed_out"}))
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(self.refused(client=zoe), (401, "unauthorized"))

    def test_a_session_that_is_closed_ends_its_stream(self):
        answer = self.server.anonymous().post("/v1/session", {"token": self.auditor.token})
        cookie, csrf = answer.headers["set-cookie"].split(";")[0], answer.body["csrf"]
        stream = Stream(self.server, None, "run_id=run_cookie", headers={"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        self.agent.decide("run_cookie", "1", "kb.read")
        self.assertEqual(stream.take(1)[0]["run_id"], "run_cookie")
        cross = Stream(self.server, None, headers={"Cookie": cookie, "Sec-Fetch-Site": "cross-site"})
        self.addCleanup(cross.close)
        self.assertEqual(cross.answer.outcome, (403, "cross_site"))
        self.server.anonymous().delete("/v1/session", headers={"Cookie": cookie, "X-CSRF-Token": csrf})
        self.assertEqual(stream.next()[1:], ("end", {"reason": "signed_out"}))

    def test_the_admin_socket_streams_too(self):
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(harness.DEADLINE_S)
        client.connect(str(self.server.data / "admin.sock"))
        client.sendall(b"GET /v1/events/stream?run_id=run_admin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        reply = client.makefile("rb")
        self.assertIn(b"200", reply.readline())
        self.agent.decide("run_admin", "1", "kb.read")
        while b'"run_admin"' not in (line := reply.readline()):
            self.assertTrue(line)

    def test_head_gives_the_header_alone_and_takes_no_place(self):
        answer = self.auditor.request("HEAD", "/v1/events/stream", timeout=5)
        self.assertEqual((answer.status, answer.headers["content-type"], answer.data), (200, "text/event-stream", b""))
        self.assertEqual(self.auditor.post("/v1/events/stream").code, "method_not_allowed")

    def test_http_1_0_is_refused(self):
        with socket.create_connection(self.server.address(), 5) as client:
            client.sendall(f"GET /v1/events/stream HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {self.auditor.token}\r\n\r\n"
                           .encode())
            self.assertIn(b" 505 ", client.recv(4096))

    def test_opening_a_stream_is_recorded_each_time(self):
        count = lambda: sum(event["access"]["what"] == "stream" for event in self.auditor.events("kind=access"))  # noqa: E731
        before = count()
        for _ in range(2):
            self.follow("run_id=run_access").close()
        self.assertEqual(count(), before + 2)

    def test_a_redacted_value_is_not_told_any_more(self):
        self.server.write_config()
        stream = self.follow("run_id=run_gone")  # so that the ring is filled
        asked = self.agent.decide("run_gone", "1", "refund.create", {"order": "secret-order"}).body
        self.assertIn("secret-order", json.dumps(stream.take(1)))
        seq = asked["event"]["seq"]
        self.assertEqual(self.operator.post("/v1/redactions", {"seq": seq, "all": True, "reason": "erasure"}).status, 200)
        self.agent.decide("run_gone", "2", "kb.read")
        stream.take(1)
        again = self.follow("run_id=run_gone", str(seq - 1)).take(1)
        self.assertNotIn("secret-order", json.dumps(again))

    config = {"audit": {"show_fields": ["order"]}}

    def test_many_at_once_see_the_same_and_slow_ones_fall_back_to_the_store(self):
        streams = [self.follow("kind=decision&tenant_id=t_42") for _ in range(20)]
        slow = self.follow("kind=decision&tenant_id=t_42")

        def ask(n: int) -> None:
            for step in range(150):
                self.agent.decide(f"run_many_{n}", str(step), "kb.read", {"pad": "x" * 400})

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        seen = [[event["seq"] for event in stream.take(600)] for stream in streams]
        for thread in threads:
            thread.join()
        self.assertTrue(all(one == seen[0] for one in seen))
        self.assertEqual(seen[0], sorted(set(seen[0])))
        self.assertEqual([event["seq"] for event in slow.take(600)], seen[0])


class Places(harness.ServerCase):
    """Waits and streams of one identity leave room for others."""

    config = {"max_connections": 128}

    def open(self, client: harness.Client) -> Stream:
        stream = Stream(self.server, client.token, "run_id=run_places")
        self.addCleanup(stream.close)
        return stream

    def test_nobody_takes_all_places(self):
        mine = [self.open(self.auditor) for _ in range(56)]  # half of 112
        self.assertTrue(all(stream.status == 200 for stream in mine))
        more = self.open(self.auditor)
        self.assertEqual(more.answer.outcome, (429, "too_many_streams"))
        self.assertEqual(more.answer.headers["retry-after"], "5")
        ben = self.server.client("ben", "human", "auditor", tenant="*")
        self.assertEqual(self.open(ben).status, 200)
        # who asks for approval and has no place is answered at once, and told when to come again
        asked = self.agent.decide("run_p", "1", "refund.create", {"order": "A-1"}).body["approval"]["approval_id"]
        for stream in mine:
            stream.close()
        metrics = self.server.client("meter", "service", "metrics")
        harness.until("their end to be noticed", lambda: "gatekeeper_event_streams 1\n" in metrics.get("/metrics").text)
        self.assertEqual(self.open(self.auditor).status, 200)
        waits = []
        for n in range(60):
            connection = http.client.HTTPConnection(*self.server.address(), timeout=harness.DEADLINE_S)
            self.addCleanup(connection.close)
            connection.request("GET", f"/v1/approvals/{asked}", headers={"Authorization": f"Bearer {self.agent.token}",
                                                                         "Prefer": "wait=60"})
            waits.append(connection)
        harness.until("waiters", lambda: "gatekeeper_waiters 5" in metrics.get("/metrics").text)
        refused = [connection for connection in waits if self.has_answer(connection)]
        self.assertTrue(refused)
        answer = refused[0].getresponse()
        self.assertEqual((answer.status, json.loads(answer.read())["code"], answer.headers["retry-after"]), (429, "too_many_waits", "5"))
        for connection in refused:
            connection.close()
        decided = self.agent.decide("run_p", "2", "refund.create", {"order": "A-2"}, headers={"Prefer": "wait=60"})
        self.assertEqual(decided.body["decision"], "approval_required")
        self.assertEqual(decided.headers.get("retry-after"), "5")
        self.assertNotIn("preference-applied", decided.headers)
        for connection in waits:
            connection.close()

    def test_who_hangs_up_while_waiting_gives_the_place_back(self):
        metrics = self.server.client("meter-2", "service", "metrics")
        asked = self.agent.decide("run_gone", "1", "refund.create", {"order": "A-1"}).body["approval"]["approval_id"]
        connection = http.client.HTTPConnection(*self.server.address(), timeout=harness.DEADLINE_S)
        connection.request("GET", f"/v1/approvals/{asked}", headers={"Authorization": f"Bearer {self.alice.token}", "Prefer": "wait=300"})
        harness.until("a waiter", lambda: "gatekeeper_waiters 0\n" not in metrics.get("/metrics").text)
        connection.close()
        harness.until("the place", lambda: "gatekeeper_waiters 0\n" in metrics.get("/metrics").text)

    @staticmethod
    def has_answer(connection: http.client.HTTPConnection) -> bool:
        connection.sock.settimeout(0.2)
        try:
            return bool(connection.sock.recv(1, socket.MSG_PEEK))
        except TimeoutError:
            return False
        finally:
            connection.sock.settimeout(harness.DEADLINE_S)


class Ends(unittest.TestCase):
    """A server of its own for each."""

    def start(self, **config) -> harness.Server:
        server = harness.Server(config=config).start()
        self.addCleanup(server.destroy)
        return server

    def test_a_stop_tells_every_stream_and_is_in_time(self):
        server = self.start()
        auditors = [server.client(f"ann-{n}", "human", "auditor", tenant="*") for n in range(4)]
        streams = []
        for n in range(1000):  # some follow everything, and don't read: they are hung up on
            query = "" if n % 100 == 0 else "?run_id=run_end"
            client = socket.create_connection(server.address(), 30)
            self.addCleanup(client.close)
            client.sendall(f"GET /v1/events/stream{query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {auditors[n % 4].token}\r\n\r\n"
                           .encode())
            streams.append(client)
        for client in streams:
            self.assertIn(b" 200 ", client.recv(100))
        begin = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - begin, 8)
        for n, client in enumerate(streams):
            if n % 100 == 0:
                continue
            text = b""
            while piece := client.recv(65536):
                text += piece
            self.assertIn(b'event: end\ndata: {"reason":"stopping"}', text)
            self.assertTrue(text.endswith(b"0\r\n\r\n"))
        self.assertEqual(server.verify().returncode, 0)

    def test_a_killed_server_gives_no_event_twice_and_none_that_it_has_not(self):
        server = self.start()
        agent, auditor = server.agent(), server.client("ann", "human", "auditor", tenant="*")
        seen: list[int] = []
        last: str | None = "0"
        for life in range(3):
            stream = Stream(server, auditor.token, "kind=decision", last)
            stop = threading.Event()

            def ask() -> None:
                for step in range(10000):
                    try:
                        agent.decide(f"run_life_{life}", str(step), "kb.read")
                    except (OSError, http.client.HTTPException):
                        return
                    if stop.is_set():
                        return

            thread = threading.Thread(target=ask)
            thread.start()
            seen += [event["seq"] for event in stream.take(50)]
            server.kill()
            stop.set()
            thread.join()
            try:
                while (event := stream.next()) is not None:
                    seen.append(event[2]["seq"])
            except (OSError, http.client.HTTPException):
                pass
            last = str(seen[-1])
            stream.close()
            server.start()
        stream = Stream(server, auditor.token, "kind=decision", last)
        wanted = [event["seq"] for event in auditor.events("kind=decision")]
        while len(seen) < len(wanted):
            seen += [event["seq"] for event in stream.take(1)]
        stream.close()
        self.assertEqual(seen, wanted)

    def test_a_client_that_takes_nothing_is_dropped_and_can_resume(self):
        server = self.start(admission_rate=100000, admission_burst=100000)
        agent, auditor = server.agent(), server.client("ann", "human", "auditor", tenant="*")
        metrics = server.client("meter", "service", "metrics")
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(harness.DEADLINE_S)
        client.connect(server.address())
        client.sendall(f"GET /v1/events/stream?kind=decision HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {auditor.token}\r\n\r\n"
                       .encode())
        self.assertIn(b" 200 ", client.recv(100))
        for step in range(400):
            agent.decide("run_slow", str(step), "kb.read", {"pad": "x" * 2000})
        harness.until("the drop", lambda: "gatekeeper_http_event_streams_dropped_total 1" in metrics.get("/metrics").text, 60, 0.5)
        text = b""
        try:
            while piece := client.recv(65536):
                text += piece
        except OSError:
            pass
        whole = [int(line[4:]) for line in text.decode(errors="replace").split("\n") if line.startswith("id: ")]
        stream = Stream(server, auditor.token, "kind=decision", str(whole[0]))
        self.addCleanup(stream.close)
        self.assertEqual([event["step_id"] for event in stream.take(400)][-1], "399")

    def test_too_few_descriptors_are_told(self):
        server = harness.Server()
        self.addCleanup(server.destroy)
        server.start(wrap=["prlimit", "--nofile=600:600"])
        self.assertIn('"event":"descriptors"', server.log())
        self.assertIn("it is 472 now", server.log())
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    harness.main()
