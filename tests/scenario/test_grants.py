"""Bounded grants, from outside: what one lets through, and every way in which it might let through more."""

from __future__ import annotations

import json
import unittest

import harness

POLICY = """\
policy: test
allow:
  - id: refunds
    actions: ["refund.*"]
approvals:
  - id: refunds-need-a-human
    actions: ["refund.*"]
    reason: refund_needs_approval
    approvers: {groups: [finance], count: 1}
    show: [/order, /amount, /note]
    bounded: {max_uses: 3, max_ttl: 1h, pins: [args.order]}
  - id: large-refunds
    actions: ["refund.*"]
    when: args.amount > 1000.0
    approvers: {groups: [finance], count: 1}
"""


class Bounded(harness.ServerCase):
    policy = POLICY
    config = {"admission_rate": 1000000, "admission_burst": 1000000}
    runs = 0

    def setUp(self) -> None:
        Bounded.runs += 1
        self.run_id, self.step = f"run_{Bounded.runs}", 0

    def ask(self, amount: float = 10, order: str = "A-1", agent=None, action: str = "refund.create", **more):
        self.step += 1
        who = agent or self.agent
        return who.decide(more.pop("run", self.run_id), more.pop("step", str(self.step)), action,
                          {"order": order, "amount": amount, **more.pop("args", {})}, **more)

    def pending(self, amount: float = 10, **more) -> str:
        answer = self.ask(amount, **more)
        self.assertEqual(answer.outcome, (200, "approval_required", "refund_needs_approval"), answer)
        return answer.body["approval"]["approval_id"]

    def granted(self, bounded: dict, amount: float = 10, **more) -> str:
        approval = self.pending(amount)
        answer = self.alice.grant(approval, bounded=bounded, **more)
        self.assertEqual((answer.status, answer.body and answer.body.get("status")), (200, "granted"), answer)
        return approval

    def test_a_bounded_grant_lets_other_amounts_through_until_it_is_used_up(self) -> None:
        approval = self.granted({"uses": 3, "at_most": {"/amount": 50}}, comment="up to 50 for this order")
        answers = [self.ask(amount) for amount in (10, 50, 49.99)]
        self.assertEqual([a.outcome for a in answers], [(200, "allow", "approval_granted")] * 3)
        self.assertEqual(self.ask(10, approval_id=approval).outcome, (200, "stop", "approval_used"))
        self.assertNotEqual(self.pending(11), approval)
        events = self.auditor.events(f"approval_id={approval}")
        self.assertEqual([(e["change"], e.get("use")) for e in events if e["kind"] == "approval"],
                         [("vote", None), ("granted", None), ("used", 1), ("used", 2), ("used", 3)])
        granted = next(e for e in events if e.get("change") == "granted")
        self.assertEqual(granted["bound"], {"uses": 3, "at_most": {"/amount": "50"}})
        self.assertEqual([e["approval_id"] for e in events if e.get("decision") == "allow"], [approval] * 3)
        view = self.alice.get(f"/v1/approvals/{approval}").body
        self.assertEqual(view["bound"], {"uses": 3, "used": 3, "at_most": {"/amount": "50"}})
        self.assertEqual(view["bounded"], {"max_uses": 3, "max_ttl_ms": 3600000, "pins": ["/order"]})

    def test_what_is_above_the_number_is_asked_anew(self) -> None:
        approval = self.granted({"uses": 3, "at_most": {"/amount": "50.5"}})
        self.assertEqual(self.ask(50.51, approval_id=approval).outcome, (200, "stop", "bound_exceeded"))
        self.assertNotEqual(self.pending(50.51), approval)

    def test_a_bounded_grant_is_refused_where_a_rule_allows_none(self) -> None:
        approval = self.pending(1001)
        answer = self.alice.grant(approval, bounded={"uses": 2})
        self.assertEqual(answer.outcome, (409, "not_bounded"))
        self.assertIn("bounded", answer.body["detail"])
        self.assertEqual(self.alice.grant(approval).body["status"], "granted")

    def test_a_bound_that_is_wider_or_makes_no_sense_is_refused(self) -> None:
        approval = self.pending(10)
        for bounded, more, outcome in [
            ({"uses": 4}, {}, (409, "bound_too_wide")),
            ({"uses": 3}, {"valid_for": "61m"}, (409, "bound_too_wide")),
            ({"uses": 0}, {}, (400, "invalid_request")),
            ({}, {}, (400, "invalid_request")),
            ({"uses": 2, "more": 1}, {}, (400, "invalid_request")),
            ({"uses": 2, "at_most": {"/amount": "x"}}, {}, (400, "invalid_request")),
            ({"uses": 2, "at_most": {"amount": 50}}, {}, (400, "invalid_request")),
            ({"uses": 2, "at_most": [50]}, {}, (400, "invalid_request")),
            ({"uses": 2, "at_most": {f"/a{i}": 1 for i in range(9)}}, {}, (400, "invalid_request")),
            ({"uses": 2, "at_most": {"/amount": 9.99}}, {}, (409, "bound_unusable")),
            ({"uses": 2, "at_most": {"/order": 9}}, {}, (409, "bound_unusable")),
            ({"uses": 2, "at_most": {"/hidden": 9}}, {}, (409, "bound_unusable")),
        ]:
            with self.subTest(bounded=bounded, more=more):
                answer = self.alice.grant(approval, bounded=bounded, **more)
                self.assertEqual(answer.outcome, outcome, answer)
        deny = self.alice.post(f"/v1/approvals/{approval}/deny", {"bounded": {"uses": 1}})
        self.assertEqual(deny.outcome, (400, "invalid_request"))
        view = self.alice.get(f"/v1/approvals/{approval}").body
        self.assertEqual((view["status"], view["votes"]), ("pending", []))
        self.assertEqual(self.alice.grant(approval, bounded={"uses": 3}, valid_for="60m").status, 200)

    def test_no_argument_reaches_the_record_through_a_pin_or_a_bound(self) -> None:
        self.granted({"uses": 3, "at_most": {"/amount": 77}}, amount=76.125)
        text = json.dumps([e for e in self.auditor.events(f"run_id={self.run_id}")])
        raw = self.auditor.get(f"/v1/events?raw=true&run_id={self.run_id}").text
        self.assertIn("76.125", text)  # opened, for who may see it
        self.assertNotIn("76.125", raw)
        self.assertNotIn("A-1", raw)


if __name__ == "__main__":
    harness.main()
