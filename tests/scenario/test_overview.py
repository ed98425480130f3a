#!/usr/bin/env python3
"""What the console's pages ask for: one event by its number, reports of browsers."""

from __future__ import annotations

import hashlib
import re

import harness

CSP = {"Content-Type": "application/csp-report"}


def metric(client: harness.Client, name: str) -> float:
    found = re.search(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", client.get("/metrics").text, re.M)
    return float(found[1]) if found else 0.0


class OneEvent(harness.ServerCase):
    def test_one_event_is_read_as_bytes_that_have_its_leaf_hash(self):
        event = self.agent.decide("run_1", "1", "kb.read").body["event"]
        answer = self.auditor.get(f"/v1/events/{event['seq']}?raw=true")
        self.assertEqual(answer.status, 200)
        self.assertEqual(hashlib.sha256(b"\0" + answer.data).hexdigest(), event["leaf_hash"])
        shown = self.auditor.get(f"/v1/events/{event['seq']}").body
        self.assertEqual(shown.pop("leaf_hash"), event["leaf_hash"])
        self.assertEqual(shown, answer.body)

    def test_an_event_that_is_not_there_is_not_found(self):
        for seq in ("999999", "-1", "01", "x", "18446744073709551616"):
            with self.subTest(seq):
                self.assertEqual(self.auditor.get(f"/v1/events/{seq}").outcome, (404, "not_found"))
        self.assertEqual(self.auditor.get("/v1/events/1?raw=perhaps").outcome, (400, "invalid_request"))

    def test_an_event_of_another_tenant_is_not_found(self):
        other = self.server.client("eve", "human", "auditor", tenant="t_other")
        seq = self.agent.decide("run_1", "2", "kb.read").body["event"]["seq"]
        self.assertEqual(other.get(f"/v1/events/{seq}").outcome, (404, "not_found"))
        self.assertEqual(other.get("/v1/events/1").outcome, (404, "not_found"))

    def test_reading_an_event_takes_an_auditor_and_is_recorded(self):
        self.assertEqual(self.agent.get("/v1/events/1").outcome, (403, "forbidden"))
        self.assertEqual(self.alice.get("/v1/events/1").outcome, (403, "forbidden"))
        self.auditor.get("/v1/events/1")
        self.assertIn("event", [event["access"]["what"] for event in self.auditor.events("kind=access")])

    def test_the_keys_name_the_verifier_key_of_the_log(self):
        vkey = self.auditor.get("/v1/keys").body["vkey"]
        origin = self.auditor.get("/log/checkpoint").text.split("\n")[0]
        self.assertRegex(vkey, rf"^{re.escape(origin)}\+[0-9a-f]{{8}}\+[A-Za-z0-9+/]+=*$")


class Reports(harness.ServerCase):
    def test_reports_of_browsers_are_counted_and_leave_nothing_behind(self):
        anybody, watcher = self.server.anonymous(), self.server.client("prom", "service", "metrics", tenant="*")
        page = anybody.get("/")
        self.assertIn("report-uri /v1/csp-reports", page.headers["content-security-policy"])
        before = metric(watcher, "gatekeeper_http_csp_reports_total")
        words = b'{"csp-report": {"blocked-uri": "inline", "sample": "marker-\x1b[31m-of-an-attacker"}}'
        self.assertEqual(anybody.request("POST", "/v1/csp-reports", words, CSP).status, 202)
        self.assertEqual(anybody.request("POST", "/v1/csp-reports", b"[]", {"Content-Type": "application/reports+json"}).status, 202)
        self.assertEqual(anybody.request("POST", "/v1/csp-reports", b"{}").outcome, (415, "unsupported_media_type"))
        self.assertEqual(anybody.request("POST", "/v1/csp-reports", b"x" * 70000, CSP).outcome, (413, "body_too_large"))
        self.assertEqual(metric(watcher, "gatekeeper_http_csp_reports_total"), before + 2)
        self.assertNotIn("marker", self.server.log())
        self.assertNotIn("marker", str(self.auditor.events()))


class Flood(harness.ServerCase):
    def test_a_flood_of_reports_is_refused_and_counted(self):
        anybody, watcher = self.server.anonymous(), self.server.client("prom", "service", "metrics", tenant="*")
        answers = [anybody.request("POST", "/v1/csp-reports", b"{}", CSP) for _ in range(150)]
        refused = [answer for answer in answers if answer.status == 429]
        self.assertEqual([answer.status for answer in answers[:60]], [202] * 60)
        self.assertEqual(refused[0].code, "too_many_reports")
        self.assertGreater(len(refused), 30)
        self.assertEqual(metric(watcher, "gatekeeper_http_csp_reports_refused_total"), len(refused))


class NoConsole(harness.ServerCase):
    config = {"console": False}

    def test_without_a_console_there_is_nothing_to_report(self):
        self.assertEqual(self.server.anonymous().request("POST", "/v1/csp-reports", b"{}", CSP).outcome, (404, "no_such_route"))


if __name__ == "__main__":
    harness.main()
