"""Bounded grants, from outside: what one lets through, and every way in which it might let through more."""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
import tempfile

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

    def test_a_withdrawn_grant_is_gone_at_once_for_a_request_in_flight_too(self) -> None:
        approval = self.granted({"uses": 3})
        first = self.ask(20, step="used")
        self.assertEqual(first.outcome, (200, "allow", "approval_granted"))
        self.assertEqual(self.agent.post(f"/v1/approvals/{approval}/revoke", {}).status, 403)
        self.assertEqual(self.bob.post(f"/v1/approvals/{approval}/revoke", {"comment": "changed"}).body["status"], "revoked")
        again = self.ask(20, step="used")  # answered, not yet done
        self.assertEqual(again.outcome, (200, "stop", "approval_revoked"), again)
        self.assertEqual(self.ask(20, approval_id=approval).outcome, (200, "stop", "approval_revoked"))
        self.assertNotEqual(self.pending(20), approval)
        self.assertEqual(self.bob.post(f"/v1/approvals/{approval}/revoke", {}).outcome, (409, "already_resolved"))

    def test_of_many_at_once_as_many_pass_as_there_are_uses(self) -> None:
        self.granted({"uses": 2})
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda i: self.agent.decide(
                self.run_id, f"at-once-{i}", "refund.create", {"order": "A-1", "amount": 100 + i}), range(24)))
        allowed = [a for a in answers if a.body["decision"] == "allow"]
        self.assertEqual(len(allowed), 2)
        self.assertEqual({a.body["decision"] for a in answers}, {"allow", "approval_required"})

    def test_a_revoke_and_uses_at_once_leave_no_use_behind_the_revoke(self) -> None:
        approval = self.granted({"uses": 3})
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            uses = [pool.submit(self.agent.decide, self.run_id, f"race-{i}", "refund.create",
                                {"order": "A-1", "amount": 100 + i}) for i in range(6)]
            revoked = pool.submit(self.bob.post, f"/v1/approvals/{approval}/revoke", {})
            answers = [use.result().body["decision"] for use in uses]
            status = revoked.result().status
        changes = [e["change"] for e in self.auditor.events(f"approval_id={approval}") if e["kind"] == "approval"]
        if status == 200:  # else it was used up before
            self.assertEqual(changes[-1], "revoked")
        self.assertEqual(changes.count("used"), answers.count("allow"))
        self.assertLessEqual(changes.count("used"), 3)

    def test_a_bounded_grant_reaches_no_other_run_tenant_agent_or_actor(self) -> None:
        self.granted({"uses": 3})
        other = self.server.agent(f"other-{self.run_id}", agent="other-agent")
        elsewhere = self.server.agent(f"else-{self.run_id}", tenant="t_43")
        self.assertEqual(self.ask(run=f"{self.run_id}-b").outcome[1], "approval_required")
        self.assertEqual(self.ask(agent=elsewhere).outcome[1], "approval_required")
        self.assertEqual(self.ask(agent=other).outcome, (409, "run_not_yours"))
        self.assertEqual(self.ask(actor={"type": "user", "id": "u_1"}).outcome[1], "approval_required")
        self.assertEqual(self.ask(context={"x": 1}).outcome[1], "approval_required")
        self.assertEqual(self.ask(action="refund.undo").outcome[1], "approval_required")
        self.assertEqual(self.ask().outcome[1], "allow")

    def test_the_kill_switch_wins_over_a_bounded_grant(self) -> None:
        self.granted({"uses": 3})
        thrown = self.operator.post("/v1/kill-switches", {"scope": "run", "id": self.run_id, "reason": "stop"})
        self.assertEqual(self.ask().outcome, (200, "stop", "kill_switch"))
        self.operator.delete(f"/v1/kill-switches/{thrown.body['id']}", {"reason": "go on"})
        self.assertEqual(self.ask().outcome, (200, "allow", "approval_granted"))

    def test_explain_tells_of_a_bounded_grant_and_uses_nothing(self) -> None:
        approval = self.granted({"uses": 1})
        answer = self.operator.post("/v1/decisions/explain", {"caller": "agent-7", "request": {
            "run_id": self.run_id, "step_id": "x", "action": "refund.create", "args": {"order": "A-1", "amount": 5}}})
        self.assertEqual((answer.body["would"], answer.body["reason"]), ("allow", "approval_granted"), answer)
        self.assertEqual(self.alice.get(f"/v1/approvals/{approval}").body["bound"]["used"], 0)

    def test_identical_requests_are_one_group_and_each_is_decided_by_itself(self) -> None:
        ids = [self.pending(31.25, run=f"{self.run_id}-{i}", order="same") for i in range(3)]
        lone = self.pending(31.5, order="same")
        page = self.alice.get("/v1/approvals?status=pending").body
        groups = {g["approval_ids"][0]: g for g in page["groups"]}
        self.assertEqual(groups[ids[0]]["approval_ids"], ids)
        self.assertEqual(groups[lone]["approval_ids"], [lone])
        alike = {a["approval_id"]: a["alike"] for a in page["approvals"]}
        self.assertEqual({alike[i] for i in ids}, {groups[ids[0]]["alike"]})
        self.assertEqual(sorted(i for g in page["groups"] for i in g["approval_ids"]), sorted(alike))
        self.alice.grant(ids[0])
        page = self.alice.get("/v1/approvals?status=pending").body
        self.assertIn(ids[1:], [g["approval_ids"] for g in page["groups"]])
        self.assertEqual(self.alice.get("/v1/approvals?status=granted").body["groups"], [])

    def test_the_command_line_gives_and_withdraws_a_bounded_grant(self) -> None:
        approval, token = self.pending(10), {"GATEKEEPER_TOKEN": self.alice.token}
        wide = self.server.cli("approvals", "grant", approval, "--uses", "4", env=token, check=False)
        self.assertIn("bound_too_wide", wide.stderr + wide.stdout)
        for wrong in (["--at-most", "/amount=50"], ["--uses", "x"], ["--uses", "2", "--at-most", "50"],
                      ["--uses", "2", "--at-most", "/amount=x"]):
            done = self.server.cli("approvals", "grant", approval, *wrong, env=token, check=False)
            self.assertEqual(done.returncode, 64, (wrong, done.stderr))
        done = self.server.cli("approvals", "grant", approval, "--uses", "2", "--at-most", "/amount=50", "--valid-for", "30m", env=token)
        self.assertIn("granted", done.stdout)
        self.assertEqual(self.alice.get(f"/v1/approvals/{approval}").body["bound"],
                         {"uses": 2, "used": 0, "at_most": {"/amount": "50"}})
        self.assertIn("revoked", self.server.cli("approvals", "revoke", approval).stdout)


class Replay(harness.ServerCase):
    policy = POLICY[:POLICY.index("  - id: large-refunds")]  # its condition is over what a use doesn't show

    def replayed(self, policy: str) -> dict:
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "a.yaml").write_text(policy)
            return json.loads(self.server.cli("policy", "replay", folder, "--json").stdout)

    def test_uses_and_withdrawals_are_replayed_as_they_were(self) -> None:
        def ask(step, amount, **more):
            return self.agent.decide("run", step, "refund.create", {"order": "A-1", "amount": amount}, **more).body

        approval = ask("1", 10)["approval"]["approval_id"]
        self.alice.grant(approval, bounded={"uses": 3, "at_most": {"/amount": 50}})
        self.assertEqual([ask(str(i), 10 + i)["decision"] for i in (2, 3)], ["allow", "allow"])
        self.bob.post(f"/v1/approvals/{approval}/revoke", {})
        self.assertEqual(ask("4", 12, approval_id=approval)["reason"], "approval_revoked")
        same = self.replayed(self.policy)
        self.assertEqual((same["changes"], same["decisions"]), ([], 4), same)
        # what is no longer bounded can't be granted so: its uses would have been asked
        changed = self.replayed(self.policy.replace("    bounded: {max_uses: 3, max_ttl: 1h, pins: [args.order]}\n", ""))
        self.assertTrue(changed["changes"], changed)


class Reload(harness.ServerCase):
    policy = POLICY

    def test_a_grant_ends_with_the_rule_that_it_answered_and_outlives_a_restart(self) -> None:
        def ask(step):
            return self.agent.decide("run", step, "refund.create", {"order": "A-1", "amount": 10})

        approval = ask("1").body["approval"]["approval_id"]
        self.alice.grant(approval, bounded={"uses": 3})
        self.server.kill()
        self.server.start()
        self.assertEqual(ask("2").outcome, (200, "allow", "approval_granted"))
        self.server.stop()
        self.server.start()
        self.assertEqual(ask("3").outcome, (200, "allow", "approval_granted"))
        self.server.write_policy(POLICY.replace("    bounded: {max_uses: 3, max_ttl: 1h, pins: [args.order]}\n", ""))
        self.assertEqual(self.operator.post("/v1/policy/reload").status, 200)
        self.assertEqual(ask("3").outcome, (200, "stop", "policy_changed"))
        asked = ask("4")
        self.assertEqual(asked.outcome[1], "approval_required")
        self.assertNotEqual(asked.body["approval"]["approval_id"], approval)
        self.assertEqual(self.alice.grant(asked.body["approval"]["approval_id"], bounded={"uses": 2}).outcome, (409, "not_bounded"))
        self.server.stop()
        verified = self.server.verify()
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
        self.server.start()


class Unanswered(harness.ServerCase):
    policy = """\
policy: test
allow:
  - {id: all, actions: ["*"]}
approvals:
  - id: r
    actions: [refund.create]
    approvers: {groups: [finance], count: 1}
    expires: 1h
    escalate: {after: 300ms, to: [leads]}
  - id: two
    actions: [loan.create]
    approvers: {groups: [finance], count: 2}
    expires: 1h
    escalate: {after: 300ms, to: [leads]}
  - id: quorum
    actions: [wire.send]
    approvers: {groups: [finance, legal], count: 2}
"""
    config = {"approvals_per_hour": 4}

    def test_others_are_asked_when_nobody_answers(self) -> None:
        lea = self.server.approver("lea", group="leads")
        approval = self.agent.decide("run", "1", "refund.create", {}).body["approval"]["approval_id"]
        view = self.auditor.get(f"/v1/approvals/{approval}").body
        self.assertEqual((view["rules"][0]["escalate_to"], view["rules"][0]["escalated"]), (["leads"], False))
        self.assertEqual(lea.get(f"/v1/approvals/{approval}").status, 404)
        self.assertEqual(lea.grant(approval).outcome, (403, "not_an_approver"))
        changed = self.alice.get(f"/v1/approvals/{approval}", headers={"Prefer": "wait=20"}).body
        self.assertTrue(changed["rules"][0]["escalated"], changed)
        self.assertEqual(changed["rules"][0]["groups"], ["finance", "leads"])
        self.assertIsNone(changed["rules"][0]["escalates_at"])
        event = next(e for e in self.auditor.events(f"approval_id={approval}") if e.get("change") == "escalated")
        self.assertEqual((event["groups"], event["rule"], event["caller"]), (["leads"], "r", "gatekeeper"))
        self.assertEqual(lea.get(f"/v1/approvals/{approval}").status, 200)
        self.assertEqual(lea.grant(approval).body["status"], "granted")
        self.assertEqual(self.agent.decide("run", "2", "refund.create", {}, approval_id=approval).outcome[1], "allow")

    def test_a_vote_from_before_an_escalation_counts_towards_the_quorum_and_once(self) -> None:
        lea, alice2 = self.server.approver("lea2", group="leads"), self.server.approver("alice3", group="leads", person="alice")
        who = self.server.agent("lender", agent="lender")
        approval = who.decide("l", "1", "loan.create", {}).body["approval"]["approval_id"]
        first = self.alice.grant(approval).body
        self.assertEqual((first["status"], first["granted"]), ("pending", 1))
        self.assertEqual(lea.grant(approval).outcome, (403, "not_an_approver"))
        harness.until("the escalation", lambda: self.auditor.get(f"/v1/approvals/{approval}").body["rules"][0]["escalated"])
        view = self.auditor.get(f"/v1/approvals/{approval}").body
        self.assertEqual((view["status"], view["granted"], view["needed"]), ("pending", 1, 2))
        self.assertEqual(alice2.grant(approval).outcome, (409, "already_voted"))
        self.assertEqual(lea.grant(approval).body["status"], "granted")
        self.assertEqual(who.decide("l", "2", "loan.create", {}, approval_id=approval).outcome[1], "allow")
        events = [e for e in self.auditor.events(f"approval_id={approval}") if e["kind"] == "approval"]
        self.assertEqual([(e["change"], e.get("person")) for e in events],
                         [("vote", "alice"), ("escalated", None), ("vote", "lea2"), ("granted", "lea2"), ("used", None)])

    def test_a_quorum_is_of_different_persons_of_the_groups(self) -> None:
        lou, sam = self.server.approver("lou", group="legal"), self.server.approver("sam", group="sales")
        alice2 = self.server.approver("alice2", group="legal", person="alice")
        who = self.server.agent("wirer", agent="wirer")
        approval = who.decide("w", "1", "wire.send", {}).body["approval"]["approval_id"]
        self.assertEqual(sam.grant(approval).outcome, (403, "not_an_approver"))
        self.assertEqual(self.alice.grant(approval).body["status"], "pending")
        self.assertEqual(alice2.grant(approval).outcome, (409, "already_voted"))
        self.assertEqual(lou.grant(approval).body["status"], "granted")

    def test_who_asks_too_often_is_stopped(self) -> None:
        pest = self.server.agent("pest", agent="pest")
        answers = [pest.decide("p", str(i), "refund.create", {"n": i}) for i in range(6)]
        self.assertEqual([a.body["decision"] for a in answers], ["approval_required"] * 4 + ["stop"] * 2)
        last = answers[-1].body
        self.assertEqual((last["reason"], last["layer"], last["scope"], last["rule"]), ("approval_flood", "approval", "agent", "r"))
        self.assertTrue(3_500_000 < last["retry_after_ms"] <= 3_600_000, last)
        self.assertEqual(pest.decide("p", "ok", "kb.read", {}).outcome[1], "allow")
        elsewhere = self.server.agent("pest-2", agent="pest", tenant="t_43")
        self.assertEqual(elsewhere.decide("p2", "1", "refund.create", {}).outcome[1], "approval_required")
        metrics = self.server.client("m", "service", "metrics").get("/metrics").text
        self.assertIn("gatekeeper_approval_floods_total 2", metrics)
        self.server.kill()
        self.server.start()  # a restart forgets nothing
        self.assertEqual(pest.decide("p", "9", "refund.create", {"n": 9}).outcome, (200, "stop", "approval_flood"))


if __name__ == "__main__":
    harness.main()
