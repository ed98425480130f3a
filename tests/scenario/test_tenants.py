"""What somebody of one tenant can see and touch of another: nothing, and nobody can blind or crowd out the others."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import unittest
import urllib.parse

import harness

POLICY = harness.POLICY.replace("grant_valid: 15m", "grant_valid: 15m\n    show: [/order, /order/id]") + """\
  - id: secret-of-b
    actions: [refund.create]
    when: tenant_id == "t_b" && action == "never"
    approvers: {groups: [finance], count: 1}
"""


class Tenants(harness.ServerCase):
    """Two tenants in one gatekeeper, with people of their own."""

    policy = POLICY
    config = {"admission_rate": 1000000, "admission_burst": 1000000}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        server = cls.server
        cls.a, cls.b = (server.agent(f"agent-{t}", agent=f"bot-{t}", tenant=f"t_{t}") for t in "ab")
        cls.auditor_a = server.client("aud-a", "human", "auditor", tenant="t_a")
        cls.operator_a = server.client("op-a", "human", ["operator", "auditor"], tenant="t_a")
        cls.fin_a = server.approver("fin-a", tenant="t_a")
        cls.fin_b = server.approver("fin-b", tenant="t_b")
        cls.asked = cls.b.decide("run_b", "secret-step", "refund.create", {"order": {"id": "marked-order-of-b"}})
        cls.approval = cls.asked.body["approval"]["approval_id"]
        cls.allowed = cls.b.decide("run_b", "2", "kb.read", {})
        cls.b.result(cls.allowed.body["decision_id"])
        cls.tenant_switch = cls.operator.post("/v1/kill-switches", {"scope": "tenant", "id": "t_b", "action": "x.*",
                                                                    "reason": "marked-reason"}).body["id"]

    def test_no_route_shows_another_tenant(self) -> None:
        ids = urllib.parse.quote(self.allowed.body["decision_id"]), urllib.parse.quote(self.approval)
        paths = ["/v1/events", "/v1/events?tenant_id=t_b", "/v1/events?run_id=run_b", "/v1/events?agent_id=bot-b",
                 f"/v1/events?approval_id={ids[1]}", "/v1/events?raw=true&limit=1000", "/v1/events?kind=identity",
                 "/v1/runs/run_b", "/v1/runs/run_b?tenant_id=t_b", "/v1/runs/run_b?tenant_id=*",
                 f"/v1/decisions/{ids[0]}", f"/v1/approvals/{ids[1]}", f"/v1/approvals/{ids[1]}/history", "/v1/approvals", "/v1/kill-switches",
                 "/v1/identities"]
        for who in (self.auditor_a, self.operator_a, self.fin_a, self.a):
            for path in paths:
                for headers in ({}, {"Accept": "application/x-ndjson"}, {"Prefer": "wait=1"}):
                    answer = who.get(path, headers=headers)
                    for mark in ("run_b", "bot-b", "agent-b", "t_b", "marked", self.asked.body["action_key"], "fin-b"):
                        self.assertNotIn(mark, answer.text.replace(urllib.parse.unquote(path), ""),
                                         (path, headers, answer))

    def test_no_verb_touches_another_tenant(self) -> None:
        mine = self.fin_a, self.operator_a, self.a
        decision = self.allowed.body["decision_id"]
        for who in mine:
            for verb in ("grant", "deny", "revoke"):
                self.assertIn(who.post(f"/v1/approvals/{self.approval}/{verb}").status, (403, 404), verb)
            self.assertIn(who.result(decision).status, (403, 404))
            self.assertIn(who.post("/v1/runs/run_b/end?tenant_id=t_b").status, (403, 404))
            self.assertIn(who.delete(f"/v1/kill-switches/{self.tenant_switch}", {"reason": "no"}).status, (403, 404))
            self.assertIn(who.delete("/v1/identities/agent-b", {"reason": "no"}).status, (403, 404))
            asked = {"caller": "agent-b", "request": {"run_id": "run_b", "step_id": "9", "action": "kb.read", "args": {}}}
            self.assertEqual(who.post("/v1/decisions/explain", asked).status, 403)
        self.assertEqual(self.b.get(f"/v1/approvals/{self.approval}").body["status"], "pending")

    def test_what_is_everybodys_is_changed_only_by_who_sees_everybody(self) -> None:
        digest = self.operator.get("/v1/policy").body["digest"]
        for path, body in (("/v1/policy/reload", {}), ("/v1/policy/rollback", {"digest": digest, "reason": "r"}),
                           ("/v1/clock/accept", {"reason": "r"}), ("/v1/policy/simulate", {"digest": digest})):
            self.assertEqual(self.operator_a.post(path, body).status, 403, path)
        self.assertEqual(self.operator.post("/v1/policy/reload").status, 200)

    def test_an_identity_of_no_tenant_is_revoked_only_by_who_sees_everybody(self) -> None:
        self.server.token("scraper", "service", "metrics")
        self.assertIn(self.operator_a.delete("/v1/identities/scraper", {"reason": "no"}).status, (403, 404))
        self.assertEqual(self.operator.delete("/v1/identities/scraper", {"reason": "yes"}).status, 200)

    def test_identities_of_the_own_tenant_are_listed(self) -> None:
        listed = {one["id"] for one in self.auditor_a.get("/v1/identities").body["identities"]}
        self.assertLessEqual({"agent-a", "aud-a", "op-a", "fin-a"}, listed)
        self.assertNotIn("agent-b", listed)
        everybody = {one["id"] for one in self.auditor.get("/v1/identities").body["identities"]}
        self.assertLessEqual(listed | {"agent-b", "fin-b"}, everybody)


class Crowds(harness.ServerCase):
    """One tenant that does as much as it can."""

    policy = POLICY
    config = {"admission_rate": 1000000, "admission_burst": 1000000}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        server = cls.server
        cls.a, cls.b = (server.agent(f"agent-{t}", agent=f"bot-{t}", tenant=f"t_{t}") for t in "ab")
        cls.fin_b = server.approver("fin-b", tenant="t_b")

    def flood(self, count: int, args) -> None:
        def some(part: int) -> None:
            connection = http.client.HTTPConnection(*self.server.address(), timeout=60)
            for i in range(part, count, 8):
                body = json.dumps({"run_id": f"flood_{i % 40}_{part}", "step_id": str(i), "action": "refund.create",
                                   "args": {"n": i, **args}})
                connection.request("POST", "/v1/decisions", body, {"Authorization": f"Bearer {self.a.token}",
                                                                   "Content-Type": "application/json"})
                reply = connection.getresponse()
                self.assertEqual(json.loads(reply.read())["decision"], "approval_required")
            connection.close()

        threads = [threading.Thread(target=some, args=(part,)) for part in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def all_of(self, who: harness.Client, query: str = "") -> list[dict]:
        found, cursor = [], None
        while True:
            answer = who.get("/v1/approvals?status=pending" + query + (f"&cursor={cursor}" if cursor else ""))
            self.assertEqual(answer.status, 200, answer)
            found += answer.body["approvals"]
            cursor = answer.body["next_cursor"]
            if cursor is None:
                return found

    def test_a_flood_of_approvals_hides_nobody_elses(self) -> None:
        self.flood(1200, {"order": {"id": "x" * 2000}})
        mine = self.b.decide("run_b", "1", "refund.create", {}).body["approval"]["approval_id"]
        self.assertEqual([one["approval_id"] for one in self.all_of(self.fin_b)], [mine])
        every = self.all_of(self.alice)
        self.assertEqual(len(every), len({one["approval_id"] for one in every}))
        self.assertGreaterEqual(len(every), 1201)
        self.assertEqual(every[-1]["approval_id"], mine)
        self.assertEqual([one["approval_id"] for one in self.all_of(self.alice, "&limit=700")],
                         [one["approval_id"] for one in every])
        self.assertEqual(len(json.loads(self.server.cli("approvals", "list", "--json").stdout)["approvals"]), len(every))

    def test_a_shown_value_of_many_parts_blinds_nobody(self) -> None:
        asked = self.b.decide("run_many", "1", "refund.create", {"order": {"id": [0] * 8000}})
        approval = asked.body["approval"]["approval_id"]
        answer = self.fin_b.get(f"/v1/approvals/{approval}")
        self.assertEqual((answer.status, len(answer.body["shown"]["/order/id"])), (200, 8000), answer)
        self.assertIn(approval, [one["approval_id"] for one in self.all_of(self.fin_b)])
        self.assertEqual(len([e for e in self.auditor.events("run_id=run_many") if e["kind"] == "decision"]), 1)

    def test_a_cursor_that_nobody_gave_is_refused(self) -> None:
        for cursor in ("x", "apr_AAAAAAAAAAAAAAAAAAAAAA", "", "%00", "AAAAAAAAAAAA"):
            self.assertEqual(self.alice.get(f"/v1/approvals?cursor={cursor}").status, 400, cursor)
        given = self.auditor.get("/v1/events?order=asc&limit=1").body["next_cursor"]
        self.assertEqual(self.auditor.get(f"/v1/events?order=asc&limit=1&cursor={given}").status, 200)
        self.assertEqual(self.auditor.get(f"/v1/events?order=desc&limit=1&cursor={given}").status, 400)
        for limit in ("0", "1001", "-1", "a", "", "18446744073709551617"):
            self.assertEqual(self.alice.get(f"/v1/approvals?limit={limit}").status, 400, limit)

    def test_an_operator_of_a_tenant_lifts_the_hundredth_switch_too(self) -> None:
        theirs = self.server.client("op-b", "human", "operator", tenant="t_b")
        thrown = []
        for i in range(130):
            thrown.append(self.operator.post("/v1/kill-switches", {"scope": "run", "id": f"nobody_{i}",
                                                                   "reason": "many"}).body["id"])
        last = theirs.post("/v1/kill-switches", {"scope": "tenant", "id": "t_b", "action": "none.*", "reason": "r"})
        self.assertEqual(theirs.delete(f"/v1/kill-switches/{last.body['id']}", {"reason": "over"}).status, 200)
        for one in thrown:
            self.assertEqual(self.operator.delete(f"/v1/kill-switches/{one}", {"reason": "over"}).status, 200)


class Readers(harness.ServerCase):
    """Who reads is recorded, once in ten minutes; not an agent that reads its own."""

    def test_an_auditor_who_reads_a_decision_is_recorded_and_its_agent_is_not(self) -> None:
        asked = self.agent.decide("run_read", "1", "refund.create", {}).body
        for who in (self.agent, self.auditor, self.auditor):
            answer = who.get(f"/v1/decisions/{asked['decision_id']}")
            self.assertEqual((answer.status, answer.body["approval"]["status"]), (200, "pending"), answer)
        read = [event for event in self.auditor.events("kind=access") if event["access"]["what"] == "decision"]
        self.assertEqual([event["caller"] for event in read], ["ann"])


class Waits(harness.ServerCase):
    """A token that is revoked while somebody waits with it."""

    policy = POLICY

    def later(self, client: harness.Client, method: str, path: str, body=None) -> tuple[threading.Thread, list]:
        got: list = []
        thread = threading.Thread(target=lambda: got.append(
            client.request(method, path, body, headers={"Prefer": "wait=20"}, timeout=40)))
        thread.start()
        time.sleep(0.4)
        return thread, got

    def test_a_revoked_token_learns_nothing_more_of_what_it_waits_for(self) -> None:
        approval = self.agent.decide("run_w", "1", "refund.create", {}).body["approval"]["approval_id"]
        eve = self.server.approver("eve")
        thread, got = self.later(eve, "GET", f"/v1/approvals/{approval}")
        self.assertEqual(self.operator.delete("/v1/identities/eve", {"reason": "left"}).status, 200)
        self.assertEqual(self.alice.grant(approval).status, 200)
        thread.join(30)
        self.assertIn(got[0].status, (401, 403), got)
        self.assertNotIn("granted", got[0].text)

    def test_a_revoked_token_is_not_allowed_what_it_waited_for(self) -> None:
        mallory = self.server.agent("mallory", agent="bot-m")
        asked = {"run_id": "run_v", "step_id": "1", "action": "refund.create", "args": {}}
        thread, got = self.later(mallory, "POST", "/v1/decisions", asked)
        approval = next(one["approval_id"] for one in self.alice.get("/v1/approvals?status=pending").body["approvals"]
                        if one["run_id"] == "run_v")
        self.assertEqual(self.operator.delete("/v1/identities/mallory", {"reason": "left"}).status, 200)
        self.assertEqual(self.alice.grant(approval).status, 200)
        thread.join(30)
        self.assertIn(got[0].status, (401, 403), got)
        self.assertNotIn('"allow"', got[0].text)


if __name__ == "__main__":
    harness.main()
