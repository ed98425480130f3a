"""The whole thread over HTTP: ask, stop, be sent to a human, be granted, act, report, search, verify."""

from __future__ import annotations

import json
import pathlib
import threading
import unittest

import harness

POLICY = harness.POLICY + """\
limits:
  - id: crm-per-tenant
    actions: [crm.search]
    per: tenant
    rate: 1/min
    burst: 2
    reason: rate_limited_tenant
"""
ACTOR = {"type": "user", "id": "u_7", "roles": ["support"]}


class Thread(harness.ServerCase):
    policy = POLICY

    def decide(self, run: str, step: str, action: str, args=None, **more) -> harness.Answer:
        return self.agent.decide(run, step, action, args, actor=ACTOR, **more)

    def ask_refund(self, run: str, step: str = "1") -> str:
        """Ask for a refund; gives the approval's id."""
        answer = self.decide(run, step, "refund.create", {"order": "A-1", "amount": 120.5})
        self.assertEqual(answer.outcome, (200, "approval_required", "refund_needs_approval"))
        return answer.body["approval"]["approval_id"]

    def test_an_allowed_action_is_answered_with_its_place_in_the_log(self):
        answer = self.decide("run_allow", "1", "kb.read", {"page": 7})
        self.assertEqual(answer.outcome[:2], (200, "allow"))
        body = answer.body
        self.assertEqual((body["run_id"], body["step_id"], body["replayed"]), ("run_allow", "1", False))
        self.assertRegex(body["decision_id"], r"^dec_[A-Za-z0-9_-]{22}$")
        self.assertRegex(body["policy"], r"^sha256:[0-9a-f]{64}$")
        self.assertRegex(body["action_key"], r"^ak1_")
        self.assertIsInstance(body["event"]["seq"], int)
        self.assertIsNone(body["approval"])

    def test_what_nothing_needs_isnt_loaded(self):
        maps = pathlib.Path(f"/proc/{self.server.process.pid}/maps").read_text()
        self.assertIn("libmicrohttpd", maps)
        self.assertNotRegex(maps, "libcurl|librhonabwy|libkrb5|libldap")

    def test_an_action_that_no_rule_allows_is_stopped(self):
        answer = self.decide("run_stop", "1", "database.drop")
        self.assertEqual(answer.outcome, (200, "stop", "no_rule_allows"))
        self.assertEqual(answer.body["layer"], "access")

    def test_a_limit_stops_and_says_when_to_ask_again(self):
        outcomes = [self.decide("run_rate", str(i), "crm.search", {"q": i}) for i in range(3)]
        self.assertEqual([answer.body["decision"] for answer in outcomes], ["allow", "allow", "stop"])
        last = outcomes[-1].body
        self.assertEqual((last["reason"], last["layer"], last["scope"], last["rule"]),
                         ("rate_limited_tenant", "rate_limit", "tenant", "crm-per-tenant"))
        self.assertGreater(last["retry_after_ms"], 0)

    def test_a_retry_gets_the_recorded_answer(self):
        first, second = (self.decide("run_retry", "1", "kb.read", {"page": 1}) for _ in range(2))
        self.assertEqual((first.body["replayed"], second.body["replayed"]), (False, True))
        for key in ("decision", "reason", "decision_id", "event", "action_key"):
            self.assertEqual(first.body[key], second.body[key], key)

    def test_the_same_step_with_other_arguments_is_a_conflict(self):
        self.decide("run_conflict", "1", "kb.read", {"page": 1})
        answer = self.decide("run_conflict", "1", "kb.read", {"page": 2})
        self.assertEqual(answer.outcome, (409, "step_conflict"))

    def test_a_result_closes_an_allow_and_repeats_as_nothing_new(self):
        asked = self.decide("run_result", "1", "kb.read").body
        report = {"duration_ms": 132, "output": {"pages": 3}, "cost": {"usd": "0.018"}}
        first = self.agent.result(asked["decision_id"], **report)
        again = self.agent.result(asked["decision_id"], **report)
        other = self.agent.result(asked["decision_id"], "error", error={"code": "kb.broken", "message": "no"})
        self.assertEqual([first.status, again.status], [201, 200])
        self.assertEqual(other.status, 409)
        kinds = [event["kind"] for event in self.auditor.events("run_id=run_result")]
        self.assertEqual(kinds, ["decision", "result", "result"])

    def test_a_result_for_what_was_stopped_is_one_violation(self):
        asked = self.decide("run_violation", "1", "database.drop").body
        for _ in range(2):
            self.assertEqual(self.agent.result(asked["decision_id"]).outcome, (409, "not_allowed"))
        kinds = [event["kind"] for event in self.auditor.events("run_id=run_violation")]
        self.assertEqual(kinds, ["decision", "violation"])

    def test_an_approval_is_granted_and_the_action_allowed_as_a_step_of_its_own(self):
        approval = self.ask_refund("run_grant")
        listed = self.alice.get("/v1/approvals?status=pending")
        self.assertIn(approval, listed.text)
        self.assertEqual(self.alice.get(f"/v1/approvals/{approval}").body["status"], "pending")
        self.assertEqual(self.alice.grant(approval, comment="seen").status, 200)
        self.assertEqual(self.alice.get(f"/v1/approvals/{approval}").body["status"], "granted")
        allowed = self.decide("run_grant", "2", "refund.create", {"order": "A-1", "amount": 120.5},
                              approval_id=approval)
        self.assertEqual(allowed.outcome[:2], (200, "allow"))
        self.assertEqual(self.agent.result(allowed.body["decision_id"], output={"refund": "R-1"}).status, 201)
        self.assertEqual(self.alice.get(f"/v1/approvals/{approval}").body["status"], "used")
        events = self.auditor.events("run_id=run_grant")
        self.assertEqual(events[0]["decision"], "approval_required")
        changes = [event.get("change") for event in events if event["kind"] == "approval"]
        self.assertEqual(changes, ["vote", "granted", "used"])
        votes = [event for event in events if event.get("change") == "vote"]
        self.assertEqual([(vote["caller"], vote["step_id"]) for vote in votes], [("alice", "1~vote/1")])
        resumed = [event for event in events if event["kind"] == "decision"][1]
        self.assertEqual((resumed["step_id"], resumed["parent_step_id"], resumed["approval_id"]), ("2", "1", approval))

    def test_a_denied_approval_stops_the_resume(self):
        approval = self.ask_refund("run_deny")
        self.assertEqual(self.bob.post(f"/v1/approvals/{approval}/deny", {"comment": "no"}).status, 200)
        answer = self.decide("run_deny", "2", "refund.create", {"order": "A-1", "amount": 120.5}, approval_id=approval)
        self.assertEqual(answer.outcome, (200, "stop", "approval_denied"))
        late = self.alice.grant(approval)
        self.assertEqual(late.status, 409)
        self.assertIn("bob", late.text)

    def test_asking_the_same_again_joins_the_pending_approval(self):
        self.assertEqual(self.ask_refund("run_join", "1"), self.ask_refund("run_join", "2"))

    def test_a_waiting_agent_is_answered_by_the_grant(self):
        answers = []

        def wait() -> None:
            answers.append(self.decide("run_wait", "1", "refund.create", {"order": "A-2"},
                                       headers={"Prefer": "wait=25"}))

        waiter = threading.Thread(target=wait)
        waiter.start()
        pending = harness.until("the approval", lambda: [
            item for item in json.loads(self.alice.get("/v1/approvals?status=pending").text).get("approvals", [])
            if item["run_id"] == "run_wait"])
        self.assertEqual(self.alice.grant(pending[0]["approval_id"]).status, 200)
        waiter.join(harness.DEADLINE_S)
        self.assertEqual(answers[0].outcome[:2], (200, "allow"))
        self.assertEqual(answers[0].body["step_id"], "1~granted")
        again = self.decide("run_wait", "1", "refund.create", {"order": "A-2"})
        self.assertEqual((again.body["decision"], again.body["step_id"], again.body["replayed"]),
                         ("allow", "1~granted", True))

    def test_a_kill_switch_stops_its_scope_until_it_is_lifted(self):
        thrown = self.operator.post("/v1/kill-switches", {"scope": "run", "id": "run_kill", "reason": "incident 7"})
        self.assertEqual(thrown.status, 201)
        stopped = self.decide("run_kill", "1", "kb.read")
        self.assertEqual(stopped.outcome, (200, "stop", "kill_switch"))
        self.assertEqual(self.decide("run_other", "1", "kb.read").body["decision"], "allow")
        switch = thrown.body["id"]
        self.assertIn(switch, self.operator.get("/v1/kill-switches").text)
        self.assertEqual(self.operator.delete(f"/v1/kill-switches/{switch}", {"reason": "over"}).status, 200)
        self.assertEqual(self.decide("run_kill", "2", "kb.read").body["decision"], "allow")

    def test_events_are_found_by_what_they_say(self):
        asked = self.decide("run_find", "1", "kb.read", {"page": 99}).body
        self.decide("run_find", "2", "database.drop")
        for query in ("decision=stop", "action=database.drop", "reason=no_rule_allows", "step_id=2"):
            found = self.auditor.events(f"run_id=run_find&{query}")
            self.assertEqual([event["step_id"] for event in found], ["2"], query)
        for query in ("tenant_id=t_42", "agent_id=support-agent", "actor=u_7", "kind=decision"):
            self.assertEqual(len(self.auditor.events(f"run_id=run_find&{query}")), 2, query)
        by_key = self.auditor.events(f"action_key={asked['action_key']}")
        self.assertEqual([event["run_id"] for event in by_key], ["run_find"])

    def test_pages_of_events_follow_each_other_without_gap_or_overlap(self):
        for step in range(7):
            self.decide("run_pages", str(step), "kb.read", {"page": step})
        steps, cursor = [], ""
        for _ in range(20):
            page = self.auditor.get(f"/v1/events?run_id=run_pages&order=asc&limit=3{cursor}").body
            steps += [event["step_id"] for event in page["events"]]
            if not page.get("next_cursor"):
                break
            cursor = "&cursor=" + page["next_cursor"]
        self.assertEqual(steps, [str(step) for step in range(7)])

    def test_a_run_is_told_in_order_and_ends(self):
        asked = self.decide("run_told", "1", "kb.read").body
        self.agent.result(asked["decision_id"])
        told = self.agent.get("/v1/runs/run_told")
        self.assertEqual(told.status, 200)
        self.assertIn(asked["decision_id"], told.text)
        shown = self.server.cli("run", "run_told").stdout
        self.assertIn("kb.read", shown)
        self.assertEqual(self.agent.post("/v1/runs/run_told/end").status, 200)
        self.assertEqual(self.decide("run_told", "2", "kb.read").outcome, (409, "run_ended"))

    def test_the_log_verifies_while_the_server_runs(self):
        self.decide("run_verify", "1", "kb.read")
        done = self.server.verify()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Afterwards(unittest.TestCase):
    """What stands in the store once the server is gone."""

    def test_every_answer_stands_in_the_store_with_its_leaf_hash(self):
        server = harness.Server(POLICY).start()
        self.addCleanup(server.destroy)
        agent = server.agent()
        answers = [agent.decide("run_1", str(i), action).body
                   for i, action in enumerate(["kb.read", "database.drop", "refund.create", "kb.read"])]
        self.assertEqual(server.stop(), 0)
        rows = server.recorded()
        self.assertEqual([row.seq for row in rows], list(range(len(rows))))
        for answer in answers:
            row = rows[answer["event"]["seq"]]
            self.assertEqual(row.event["decision"], answer["decision"])
            self.assertEqual(row.event["decision_id"], answer["decision_id"])
            self.assertTrue(row.has_leaf(answer["event"]["leaf_hash"]), answer)
        self.assertEqual([rows[0].event["kind"], rows[-1].event["kind"]], ["genesis", "close"])
        self.assertEqual(server.verify().returncode, 0)

    def test_what_was_decided_is_still_decided_after_a_restart(self):
        server = harness.Server(POLICY).start()
        self.addCleanup(server.destroy)
        agent = server.agent()
        first = [agent.decide("run_1", str(i), "crm.search", {"q": i}).body for i in range(3)]
        self.assertEqual(first[-1]["reason"], "rate_limited_tenant")
        self.assertEqual(server.stop(), 0)
        server.start()
        again = agent.decide("run_1", "0", "crm.search", {"q": 0}).body
        self.assertEqual((again["decision_id"], again["replayed"]), (first[0]["decision_id"], True))
        self.assertEqual(agent.decide("run_1", "9", "crm.search", {"q": 9}).body["reason"], "rate_limited_tenant")
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    harness.main()
