#!/usr/bin/env python3
"""What the console's pages ask for: one event, what the log adds up to, how full limits are, reports of browsers."""

from __future__ import annotations

import hashlib
import http.client
import json
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


LIMITS = harness.POLICY + """\
limits:
  - id: burst
    actions: [kb.read]
    rate: 60/h
    burst: 10
    per: tenant
  - id: few
    actions: [crm.search]
    max: 4
    per: run
  - id: twice
    actions: ["ticket.*"]
    same_action: 2
    within: 1h
    per: agent
  - id: unused
    actions: [refund.create]
    rate: 5/min
    per: global
budgets:
  - id: money
    actions: [crm.search]
    amount: "20"
    unit: usd
    every: day
    per: tenant
    cost: "2.5"
"""


class Overview(harness.ServerCase):
    policy = LIMITS

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        other = cls.server.agent("agent-8", agent="other-agent", tenant="t_other")
        cls.small = cls.server.client("sam", "human", ["auditor", "operator"], tenant="t_other")
        for step in range(3):
            cls.agent.decide("run_1", f"kb/{step}", "kb.read")
            cls.agent.decide("run_1", f"crm/{step}", "crm.search")
        stopped = cls.agent.decide("run_1", "no/1", "shell.run").body
        cls.agent.result(stopped["decision_id"])
        for step in ("ask/1", "ask/2"):
            approval = cls.agent.decide("run_1", step, "refund.create", {"step": step}).body["approval"]["approval_id"]
            (cls.alice.grant(approval) if step == "ask/1" else cls.alice.post(f"/v1/approvals/{approval}/deny"))
        cls.agent.decide("run_1", "ask/3", "refund.create", {"step": 3})
        other.decide("run_9", "1", "secret.action")

    def counts(self, rows: list[dict]) -> dict:
        return {row["name"]: (row["allow"], row["approval_required"], row["stop"]) for row in rows}

    def test_the_overview_counts_what_the_log_holds(self):
        found = self.auditor.get("/v1/overview").body
        self.assertTrue(found["complete"])
        self.assertEqual({name: found["decisions"][name] for name in ("allow", "approval_required", "stop", "violations")},
                         {"allow": 6, "approval_required": 3, "stop": 2, "violations": 1})
        self.assertEqual(self.counts(found["actions"]), {"kb.read": (3, 0, 0), "crm.search": (3, 0, 0), "refund.create": (0, 3, 0),
                                                         "shell.run": (0, 0, 1), "secret.action": (0, 0, 1)})
        self.assertEqual(self.counts(found["reasons"]), {"no_rule_allows": (0, 0, 2), "refund_needs_approval": (0, 3, 0)})
        self.assertEqual(self.counts(found["tenants"]), {"t_42": (6, 3, 1), "t_other": (0, 0, 1)})
        self.assertEqual(self.counts(found["agents"]), {"support-agent": (6, 3, 1), "other-agent": (0, 0, 1)})
        approvals = found["approvals"]
        self.assertEqual([approvals[name] for name in ("granted", "denied", "expired")], [1, 1, 0])
        self.assertLessEqual(0, approvals["median_ms"])
        self.assertLessEqual(approvals["p90_ms"], approvals["longest_ms"])
        self.assertLess(approvals["longest_ms"], 60000)

    def test_spans_are_of_one_length_and_add_up(self):
        found = self.auditor.get("/v1/overview").body
        self.assertEqual(found["span_s"], 1800)
        self.assertIn(len(found["spans"]), (48, 49))
        self.assertEqual(sum(span["allow"] for span in found["spans"]), 6)
        self.assertEqual(sum(span["violations"] for span in found["spans"]), 1)
        moments = [span["at"] for span in found["spans"]]
        self.assertEqual(moments, sorted(moments))
        week = self.auditor.get("/v1/overview?since=2026-01-01T00:00:00Z&until=2026-01-08T00:00:00Z").body
        self.assertEqual((week["span_s"], len(week["spans"]), week["events"]), (10800, 56, 0))

    def test_a_tenant_sees_its_own_and_nothing_of_others(self):
        found = self.small.get("/v1/overview")
        self.assertEqual(self.counts(found.body["actions"]), {"secret.action": (0, 0, 1)})
        self.assertEqual(found.body["decisions"]["allow"], 0)
        self.assertNotIn("t_42", found.text)
        self.assertNotIn("crm.search", found.text)
        self.assertEqual(self.small.get("/v1/overview?tenant_id=t_42").outcome, (403, "tenant_not_permitted"))
        one = self.auditor.get("/v1/overview?tenant_id=t_other").body
        self.assertEqual(self.counts(one["actions"]), {"secret.action": (0, 0, 1)})
        limits = self.small.get("/v1/limits")
        self.assertNotIn("t_42", limits.text)
        self.assertNotIn("run_1", limits.text)
        self.assertEqual({row["rule"]: row["used"] for row in limits.body["limits"]},
                         {"burst": "0", "few": "0", "twice": "0", "unused": "0", "money": "0"})

    def test_a_question_that_makes_no_sense_is_refused(self):
        for query in ("since=yesterday", "until=x", "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "since=2999-01-01T00:00:00Z"):
            with self.subTest(query):
                self.assertEqual(self.auditor.get(f"/v1/overview?{query}").outcome, (400, "invalid_request"))
        self.assertEqual(self.auditor.get("/v1/overview?from=1").outcome, (400, "unknown_parameter"))
        self.assertEqual(self.auditor.get("/v1/overview?until=1970-01-01T00:00:01Z").status, 200)
        self.assertEqual(self.auditor.get("/v1/overview?since=1970-01-02T00:00:00Z&until=9999-01-01T00:00:00Z").body["decisions"]["allow"], 6)

    def test_looking_takes_an_operator_or_an_auditor_and_is_recorded(self):
        for path in ("/v1/overview", "/v1/limits"):
            self.assertEqual(self.agent.get(path).outcome, (403, "forbidden"))
            self.assertEqual(self.alice.get(path).outcome, (403, "forbidden"))
            self.assertEqual(self.operator.get(path).status, 200)
        looked = [event["access"]["what"] for event in self.auditor.events("kind=access")]
        self.assertIn("overview", looked)
        self.assertIn("limits", looked)

    def test_the_log_says_how_it_is(self):
        log = self.auditor.get("/v1/overview").body["log"]
        self.assertGreater(log["size"], 20)
        self.assertEqual((log["space"], log["not_ready"], log["witnessed"], log["witnesses"]), ("ok", None, False, []))
        self.assertEqual(log["origin"], self.auditor.get("/log/checkpoint").text.split("\n")[0])

    def test_limits_and_budgets_say_how_full_they_are_the_fullest_first(self):
        found = self.auditor.get("/v1/limits").body
        rows = {row["rule"]: row for row in found["limits"]}
        self.assertEqual([row["percent"] for row in found["limits"]], sorted((row["percent"] for row in found["limits"]), reverse=True))
        self.assertEqual({name: (row["kind"], row["per"], row["used"], row["allowed"], row["percent"]) for name, row in rows.items()}, {
            "few": ("max", "run", "3", "4", 75),
            "money": ("budget", "tenant", "7.5", "20", 37),
            "burst": ("rate", "tenant", "3", "10", 30),
            "twice": ("same_action", "agent", "0", "2", 0),
            "unused": ("rate", "global", "3", "5", 60),
        })
        self.assertEqual((rows["few"]["tenant_id"], rows["few"]["run_id"], rows["money"]["subject"], rows["money"]["unit"]), ("t_42", "run_1", "t_42", "usd"))
        self.assertIsNotNone(rows["money"]["ends_at"])
        self.assertFalse(found["more"])


class Kept(harness.ServerCase):
    """What counts of the newest events is kept between two looks: each look must still be of the log as it is."""

    def look(self, who: harness.Client, query: str = "") -> tuple[int, int]:
        found = who.get(f"/v1/overview{query}").body
        self.assertTrue(found["complete"])
        self.assertEqual(sum(row["allow"] for row in found["actions"]), found["decisions"]["allow"])
        self.assertEqual(sum(row["allow"] for row in found["tenants"]), found["decisions"]["allow"])
        return found["decisions"]["allow"], found["events"]

    def test_a_second_look_counts_what_came_since_and_only_for_who_may_see_it(self):
        sam = self.server.client("sam", "human", "auditor", tenant="t_other")
        other = self.server.agent("agent-8", agent="other-agent", tenant="t_other")
        self.assertEqual((self.look(self.auditor)[0], self.look(sam)), (0, (0, 0)))
        for step in range(5):
            self.agent.decide("run_k", str(step), "kb.read")
        middle = self.auditor.events("kind=decision")[-1]["timestamp"]
        self.assertEqual((self.look(self.auditor)[0], self.look(sam)), (5, (0, 0)))
        other.decide("run_o", "1", "kb.read")
        other.decide("run_o", "2", "kb.read")
        self.assertEqual((self.look(self.auditor)[0], self.look(sam)), (7, (2, 2)))
        self.assertEqual(self.look(self.auditor, "?tenant_id=t_other"), (2, 2))
        self.assertEqual(self.look(self.auditor, "?tenant_id=t_42")[0], 5)
        self.assertEqual(self.look(self.auditor, "?tenant_id=t_none"), (0, 0))
        self.assertEqual(self.look(self.auditor, f"?until={middle}")[0], 4, "until is outside")
        self.assertEqual(self.look(self.auditor, f"?since={middle}")[0], 3, "since is inside")
        self.assertEqual(self.look(self.auditor)[1], len(self.auditor.events()) - 1, "every event but the export's own")


class MadeUp(harness.ServerCase):
    def test_an_agent_that_makes_up_names_hides_no_others(self):
        channel = http.client.HTTPConnection(*self.server.address(), timeout=harness.DEADLINE_S)
        names = [f"junk.a{i}" for i in range(4200)] + ["bank.transfer"] * 5
        for i, action in enumerate(names):
            body = json.dumps({"run_id": "run_1", "step_id": str(i), "action": action, "args": {}})
            channel.request("POST", "/v1/decisions", body, {"Authorization": f"Bearer {self.agent.token}", "Content-Type": "application/json"})
            self.assertEqual(json.loads(channel.getresponse().read())["decision"], "stop")
        channel.close()
        for _ in range(2):
            answer = self.operator.get("/v1/overview").body
            self.assertEqual((answer["decisions"]["stop"], answer["complete"]), (len(names), True))
            self.assertEqual([(row["name"], row["stop"]) for row in answer["actions"][:2]], [("bank.transfer", 5), ("junk.a2048", 1)])
            self.assertEqual([(row["name"], row["stop"]) for row in answer["tenants"]], [("t_42", len(names))])


class InForce(harness.ServerCase):
    def test_the_policy_says_since_when_and_by_whom(self):
        first = self.operator.get("/v1/policy").body
        self.assertEqual([(event["change"], event["caller"]) for event in first["history"]], [("loaded", "gatekeeper")])
        self.server.write_policy(harness.POLICY.replace("kb.*", "kb.read"))
        self.assertEqual(self.operator.post("/v1/policy/reload").status, 200)
        self.assertEqual(self.operator.post("/v1/policy/rollback", {"digest": first["digest"], "reason": "the last one was wrong"}).status, 200)
        now = self.operator.get("/v1/policy").body
        self.assertEqual(now["digest"], first["digest"])
        self.assertEqual([(event["change"], event["caller"]) for event in now["history"]][0:2], [("rolled_back", "olga"), ("reloaded", "olga")])
        self.assertEqual(now["history"][0]["opened"], {"/reason": "the last one was wrong"})

    def test_a_stop_says_why_it_was_thrown(self):
        self.operator.post("/v1/kill-switches", {"scope": "tenant", "id": "t_42", "reason": "incident \u201c7\u201d"})
        found = self.auditor.get("/v1/kill-switches").body["kill_switches"]
        self.assertEqual([(one["reason"], one["caller"]) for one in found], [("incident \u201c7\u201d", "olga")])
        self.operator.post("/v1/redactions", {"seq": self.auditor.events("kind=kill_switch")[0]["seq"], "all": True, "reason": "a name"})
        self.assertIsNone(self.auditor.get("/v1/kill-switches").body["kill_switches"][0]["reason"])
        self.operator.delete(f"/v1/kill-switches/{found[0]['id']}", {"reason": "over"})


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
