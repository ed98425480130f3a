"""Events as they come: GET /v1/events/stream, resumed by Last-Event-ID, filtered, and ended when it must."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from typing import Iterator

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


if __name__ == "__main__":
    harness.main()
