"""The table of refusals: everything that a grant, a retry or a role must never be good for."""

from __future__ import annotations

import datetime
import threading
import unittest

import harness

RULES = """\
allow:
  - id: everything-here
    actions: [pay.one, pay.two, pay.both, pay.brief, kb.read]
approvals:
  - id: one-of-finance
    actions: [pay.one, pay.both]
    approvers: {groups: [finance], count: 1}
    expires: 30m
    grant_valid: 15m
  - id: one-of-legal
    actions: [pay.both]
    approvers: {groups: [legal], count: 1}
    expires: 30m
    grant_valid: 15m
  - id: two-of-finance
    actions: [pay.two]
    approvers: {groups: [finance], count: 2}
    expires: 30m
    grant_valid: 15m
  - id: in-a-second
    actions: [pay.brief]
    approvers: {groups: [finance], count: 1}
    expires: 1s
    grant_valid: 15m
results: {within: 15m, allow_valid: 5m}
"""
POLICY = "policy: refusals\n" + RULES
ACTOR = {"type": "user", "id": "u_7", "roles": ["support"]}
ARGS = {"order": "A-1", "amount": 120.5}
MISMATCH = (200, "stop", "approval_mismatch")


class Table(harness.ServerCase):
    """Rows that one policy is enough for."""

    policy = POLICY

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        server = cls.server
        cls.agent = server.agent("both", tenant=["t_42", "t_43"], may_actors=["u_*", "p_*"])
        cls.replica = server.agent("replica", tenant=["t_42", "t_43"])
        cls.stranger = server.agent("stranger", agent="other-agent")
        cls.lena = server.approver("lena", group="legal")
        cls.alice_again = server.approver("alice-at-home", person="alice")

    def ask(self, run: str, step: str = "1", action: str = "pay.one", client: harness.Client | None = None,
            **more) -> harness.Answer:
        fields = {"tenant_id": "t_42", "actor": ACTOR, "args": ARGS, **more}
        return (client or self.agent).decide(run, step, action, fields.pop("args"), **fields)

    def open(self, run: str, **more) -> str:
        """Ask for what needs approval; gives the approval's id."""
        answer = self.ask(run, **more)
        self.assertEqual(answer.outcome[:2], (200, "approval_required"))
        return answer.body["approval"]["approval_id"]

    def granted(self, run: str, **more) -> str:
        approval = self.open(run, **more)
        self.assertEqual(self.alice.grant(approval).status, 200)
        return approval

    def assert_unused(self, run: str, approval: str) -> None:
        """After a refused resume the grant is still there for what it was given for."""
        self.assertEqual(self.ask(run, "99", approval_id=approval).outcome[:2], (200, "allow"))

    # who may grant

    def test_the_person_who_asked_may_not_grant(self):
        asker = self.server.client("hugo", "human", ["agent", "approver"], group="finance", tenant="t_42",
                                   may_actors="u_*", may_roles="support")
        approval = self.open("own_1", client=asker)
        self.assertEqual(asker.grant(approval).outcome, (403, "own_request"))

    def test_the_person_who_asked_may_not_grant_through_another_identity(self):
        asker = self.server.client("hugo-2", "human", "agent", person="hugo-person", tenant="t_42",
                                   may_actors="u_*", may_roles="support")
        other = self.server.approver("hugo-3", person="hugo-person")
        approval = self.open("own_2", client=asker)
        self.assertEqual(other.grant(approval).outcome, (403, "own_request"))

    def test_the_person_for_whom_it_was_asked_may_not_grant(self):
        beneficiary = self.server.approver("paula", person="p_paula")
        approval = self.open("own_3", actor={"type": "user", "id": "p_paula", "roles": ["support"]})
        self.assertEqual(beneficiary.grant(approval).outcome, (403, "own_request"))

    def test_who_revokes_his_identity_is_still_the_person_for_whom_it_was_asked(self):
        self.server.client("p_quentin", "human", "agent", person="quentin", tenant="t_42")
        other = self.server.approver("quentin-at-work", person="quentin")
        approval = self.open("own_4", actor={"type": "user", "id": "p_quentin", "roles": ["support"]})
        self.assertEqual(other.grant(approval).outcome, (403, "own_request"))
        self.assertEqual(self.operator.delete("/v1/identities/p_quentin", {"reason": "away with it"}).status, 200)
        self.assertEqual(other.grant(approval).outcome, (403, "own_request"))

    def test_nobody_uses_a_grant_of_his_own_through_a_replica(self):
        flags = {"agent": "support-agent", "tenant": "t_42", "may_actors": "u_*", "may_roles": "support"}
        rosa = self.server.client("rosa-runs", "human", "agent", person="rosa", **flags)
        votes = self.server.approver("rosa-votes", person="rosa")
        approval = self.open("own_5")
        self.assertEqual(self.ask("own_5", "2", client=rosa).body["approval"]["approval_id"], approval)
        self.assertEqual(votes.grant(approval).status, 200)
        self.assertEqual(self.ask("own_5", "3", client=rosa, approval_id=approval).outcome,
                         (200, "stop", "own_request"))
        self.assert_unused("own_5", approval)

    def test_nobody_waits_for_a_grant_of_his_own_through_a_replica(self):
        flags = {"agent": "support-agent", "tenant": "t_42", "may_actors": "u_*", "may_roles": "support"}
        sven = self.server.client("sven-runs", "human", "agent", person="sven", **flags)
        votes = self.server.approver("sven-votes", person="sven")
        approval = self.open("own_6")
        got = []
        thread = threading.Thread(target=lambda: got.append(
            self.ask("own_6", "2", client=sven, headers={"Prefer": "wait=20"})))
        thread.start()
        harness.until("sven waits", lambda: any(e["step_id"] == "2" for e in self.auditor.events("run_id=own_6")))
        self.assertEqual(votes.grant(approval).status, 200)
        thread.join(30)
        self.assertEqual(got[0].outcome, (200, "stop", "own_request"))
        self.assert_unused("own_6", approval)

    def test_the_same_person_counts_once_whatever_the_identity(self):
        approval = self.open("twice", action="pay.two")
        self.assertEqual(self.alice.grant(approval).status, 200)
        self.assertEqual(self.alice.grant(approval).outcome, (409, "already_voted"))
        self.assertEqual(self.alice_again.grant(approval).outcome, (409, "already_voted"))
        self.assertEqual(self.ask("twice", "2", "pay.two", approval_id=approval).body["decision"], "approval_required")
        self.assertEqual(self.bob.grant(approval).status, 200)
        self.assertEqual(self.ask("twice", "3", "pay.two", approval_id=approval).body["decision"], "allow")

    def test_a_grant_lasts_as_long_as_the_shortest_of_its_votes(self):
        approval = self.open("short", action="pay.two")
        self.assertEqual(self.alice.grant(approval, valid_for="1m").status, 200)
        body = self.bob.grant(approval, valid_for="10m").body
        times = [datetime.datetime.fromisoformat(body[name].rstrip("Z")) for name in ("resolved_at", "grant_until")]
        self.assertEqual(times[1] - times[0], datetime.timedelta(minutes=1))

    def test_a_service_never_becomes_an_approver(self):
        for flags in (["--can", "approver"], ["--can", "approver", "--group", "finance"],
                      ["--can", "agent", "--group", "finance"]):
            done = self.server.cli("token", "create", "--id", "robot", "--kind", "service", "--tenant", "*", *flags,
                                   check=False)
            self.assertNotEqual(done.returncode, 0, flags)
            self.assertEqual(done.stdout, "", flags)

    def test_an_agent_may_not_grant(self):
        approval = self.open("by_agent")
        self.assertEqual(self.replica.grant(approval).status, 403)

    def test_an_approver_of_another_group_may_not_grant(self):
        approval = self.open("by_legal")
        self.assertEqual(self.lena.grant(approval).outcome, (403, "not_an_approver"))

    def test_one_grant_does_not_answer_two_rules(self):
        approval = self.granted("two_rules", action="pay.both")
        self.assertEqual(self.ask("two_rules", "2", "pay.both", approval_id=approval).body["decision"],
                         "approval_required")
        self.assertEqual(self.lena.grant(approval).status, 200)
        self.assertEqual(self.ask("two_rules", "3", "pay.both", approval_id=approval).body["decision"], "allow")

    # what a grant is bound to

    def test_a_grant_is_not_good_for_another_run(self):
        approval = self.granted("bound_run")
        self.ask("bound_run_2", "0", "kb.read")
        self.assertEqual(self.ask("bound_run_2", approval_id=approval).outcome, MISMATCH)
        self.assert_unused("bound_run", approval)

    def test_a_grant_is_not_good_for_another_tenant(self):
        approval = self.granted("bound_tenant")
        self.assertEqual(self.ask("bound_tenant", "2", tenant_id="t_43", approval_id=approval).outcome, MISMATCH)
        self.assert_unused("bound_tenant", approval)

    def test_a_grant_is_not_good_for_another_agent(self):
        approval = self.granted("bound_agent")
        self.assertEqual(self.ask("bound_agent", "2", client=self.stranger, approval_id=approval).outcome,
                         (409, "run_not_yours"))
        self.assertEqual(self.ask("bound_agent_2", client=self.stranger, approval_id=approval).outcome, MISMATCH)
        self.assert_unused("bound_agent", approval)

    def test_a_grant_is_not_good_for_another_actor(self):
        approval = self.granted("bound_actor")
        for actor in ({**ACTOR, "id": "u_8"}, {**ACTOR, "type": "system"}, {**ACTOR, "id": "u_7.1"}):
            answer = self.ask("bound_actor", "2" + actor["type"] + actor["id"], actor=actor, approval_id=approval)
            self.assertEqual(answer.outcome, MISMATCH, actor)
        self.assert_unused("bound_actor", approval)

    def test_a_grant_is_not_good_for_another_context(self):
        approval = self.granted("bound_context", context={"channel": "mail"})
        for step, more in (("2", {"context": {"channel": "chat"}}), ("3", {})):
            self.assertEqual(self.ask("bound_context", step, approval_id=approval, **more).outcome, MISMATCH, more)
        answer = self.ask("bound_context", "4", context={"channel": "mail"}, approval_id=approval)
        self.assertEqual(answer.body["decision"], "allow")

    def test_a_grant_is_not_good_for_another_action(self):
        approval = self.granted("bound_action")
        self.assertEqual(self.ask("bound_action", "2", "pay.both", approval_id=approval).outcome, MISMATCH)
        self.assert_unused("bound_action", approval)

    def test_a_grant_is_not_good_for_other_arguments(self):
        approval = self.granted("bound_args")
        for step, args in (("2", {**ARGS, "amount": 120.51}), ("3", {**ARGS, "more": None}), ("4", {})):
            self.assertEqual(self.ask("bound_args", step, args=args, approval_id=approval).outcome, MISMATCH, args)
        self.assert_unused("bound_args", approval)

    def test_an_approval_that_nobody_opened_is_good_for_nothing(self):
        answer = self.ask("invented", approval_id="apr_AAAAAAAAAAAAAAAAAAAAAA")
        self.assertEqual(answer.outcome, MISMATCH)

    # how long a grant is good

    def test_an_approval_that_nobody_granted_in_time_expires(self):
        approval = self.open("late", action="pay.brief")
        harness.until("expiry", lambda: self.alice.get(f"/v1/approvals/{approval}").body["status"] == "expired")
        self.assertEqual(self.ask("late", "2", "pay.brief", approval_id=approval).outcome,
                         (200, "stop", "approval_expired"))
        late = self.alice.grant(approval)
        self.assertEqual(late.outcome, (409, "already_resolved"))

    def test_a_grant_is_not_good_after_its_time(self):
        approval = self.open("stale")
        self.assertEqual(self.alice.grant(approval, valid_for="1s").status, 200)
        harness.until("expiry", lambda: self.alice.get(f"/v1/approvals/{approval}").body["status"] == "expired")
        self.assertEqual(self.ask("stale", "2", approval_id=approval).outcome, (200, "stop", "approval_expired"))

    def test_a_grant_is_used_once(self):
        approval = self.granted("once")
        self.assertEqual(self.ask("once", "2", approval_id=approval).body["decision"], "allow")
        self.assertEqual(self.ask("once", "3", approval_id=approval).outcome, (200, "stop", "approval_used"))

    def test_a_revoked_grant_is_good_for_nothing(self):
        approval = self.granted("revoked")
        self.assertEqual(self.operator.post(f"/v1/approvals/{approval}/revoke", {"comment": "x"}).status, 200)
        self.assertEqual(self.ask("revoked", "2", approval_id=approval).outcome, (200, "stop", "approval_revoked"))

    def test_a_grant_does_not_pass_a_kill_switch(self):
        approval = self.granted("switched")
        thrown = self.operator.post("/v1/kill-switches", {"scope": "run", "id": "switched", "reason": "incident"})
        self.assertEqual(thrown.status, 201)
        self.assertEqual(self.ask("switched", "2", approval_id=approval).outcome, (200, "stop", "kill_switch"))

    # retries

    def test_a_retried_allow_is_stopped_after_the_switch(self):
        self.assertEqual(self.ask("retry_switch", "1", "kb.read").body["decision"], "allow")
        thrown = self.operator.post("/v1/kill-switches", {"scope": "run", "id": "retry_switch", "reason": "incident"})
        self.assertEqual(thrown.status, 201)
        self.assertEqual(self.ask("retry_switch", "1", "kb.read").outcome, (200, "stop", "kill_switch"))

    def test_a_retried_allow_is_stopped_after_its_result(self):
        asked = self.ask("retry_result", "1", "kb.read").body
        self.assertEqual(self.agent.result(asked["decision_id"]).status, 201)
        again = self.ask("retry_result", "1", "kb.read")
        self.assertEqual(again.outcome, (200, "stop", "already_reported"))
        events = self.auditor.events("run_id=retry_result&kind=decision")
        self.assertEqual([event.get("original") for event in events], [None, "allow"])

    def test_a_retried_stop_stays_a_stop(self):
        first, again = (self.ask("retry_stop", "1", "no.such") for _ in range(2))
        self.assertEqual([first.outcome, again.outcome], [(200, "stop", "no_rule_allows")] * 2)

    def test_a_grant_is_not_good_for_the_same_actor_in_other_roles(self):
        approval = self.granted("bound_roles")
        answer = self.ask("bound_roles", "2", actor={**ACTOR, "roles": []}, approval_id=approval)
        self.assertEqual(answer.outcome, MISMATCH)
        self.assert_unused("bound_roles", approval)

    def test_a_retry_under_another_actor_or_context_is_a_conflict(self):
        self.ask("retry_actor", "1", "kb.read")
        for more in ({"actor": {**ACTOR, "id": "u_8"}}, {"context": {"channel": "mail"}}):
            self.assertEqual(self.ask("retry_actor", "1", "kb.read", **more).outcome, (409, "step_conflict"), more)

    # what a caller may assert

    def test_a_role_that_the_caller_may_not_assert_is_stopped(self):
        answer = self.ask("role", "1", "kb.read", actor={**ACTOR, "roles": ["support", "admin"]})
        self.assertEqual(answer.outcome, (200, "stop", "actor_not_permitted"))

    def test_an_actor_that_the_caller_may_not_assert_is_stopped(self):
        answer = self.ask("actor", "1", "kb.read", actor={**ACTOR, "id": "root"})
        self.assertEqual(answer.outcome, (200, "stop", "actor_not_permitted"))

    def test_a_tenant_that_the_caller_may_not_speak_for_is_refused(self):
        self.assertEqual(self.ask("tenant", "1", "kb.read", tenant_id="t_99").status, 403)

    # other agents' things

    def test_another_agents_run_is_not_yours(self):
        self.ask("foreign", "1", "kb.read")
        self.assertEqual(self.ask("foreign", "2", "kb.read", client=self.stranger).outcome, (409, "run_not_yours"))
        self.assertIn(self.stranger.get("/v1/runs/foreign").status, (403, 404))
        self.assertIn(self.stranger.post("/v1/runs/foreign/end").status, (403, 404, 409))

    def test_a_replica_of_the_agent_may_go_on_with_its_run(self):
        self.ask("shared", "1", "kb.read")
        self.assertEqual(self.ask("shared", "2", "kb.read", client=self.replica).body["decision"], "allow")

    def test_another_agents_decision_can_neither_be_read_nor_reported(self):
        asked = self.ask("foreign_result", "1", "kb.read").body["decision_id"]
        self.assertIn(self.stranger.get(f"/v1/decisions/{asked}").status, (403, 404))
        self.assertIn(self.stranger.result(asked).status, (403, 404))
        self.assertEqual(self.agent.result(asked).status, 201)

    def test_an_agent_may_not_search_the_record(self):
        self.assertEqual(self.agent.get("/v1/events").status, 403)

    def test_a_token_that_nobody_gave_is_refused(self):
        guess = harness.Client(self.server.address, "gk_" + "A" * 43)
        self.assertEqual(guess.decide("guess", "1", "kb.read").status, 401)
        self.assertEqual(self.server.anonymous().decide("guess", "1", "kb.read").status, 401)


class AfterAReload(unittest.TestCase):
    """Rows about a policy that changed."""

    def setUp(self) -> None:
        self.server = harness.Server(POLICY).start()
        self.addCleanup(self.server.destroy)
        self.agent, self.alice = self.server.agent(), self.server.approver("alice")
        self.operator = self.server.client("olga", "human", "operator", tenant="*")

    def reload(self, text: str) -> None:
        self.server.write_policy(text)
        answer = self.operator.post("/v1/policy/reload")
        self.assertEqual(answer.status, 200, answer)

    def ask(self, run: str, step: str, action: str, **more) -> harness.Answer:
        return self.agent.decide(run, step, action, ARGS, actor=ACTOR, **more)

    def test_a_grant_is_not_good_after_its_rule_changed(self):
        approval = self.ask("run", "1", "pay.one").body["approval"]["approval_id"]
        self.assertEqual(self.alice.grant(approval).status, 200)
        self.reload(POLICY.replace("grant_valid: 15m", "grant_valid: 14m"))
        answer = self.ask("run", "2", "pay.one", approval_id=approval)
        self.assertEqual(answer.body["decision"], "approval_required")
        self.assertNotEqual(answer.body["approval"]["approval_id"], approval)

    def test_a_grant_is_not_good_for_a_rule_that_did_not_ask(self):
        approval = self.ask("run", "1", "pay.one").body["approval"]["approval_id"]
        self.assertEqual(self.alice.grant(approval).status, 200)
        self.reload(POLICY.replace("actions: [pay.both]", "actions: [pay.both, pay.one]"))
        answer = self.ask("run", "2", "pay.one", approval_id=approval)
        self.assertEqual(answer.body["decision"], "approval_required")
        self.assertNotEqual(answer.body["approval"]["approval_id"], approval)

    def test_a_retried_allow_is_stopped_after_a_reload_that_forbids_it(self):
        self.assertEqual(self.ask("run", "1", "kb.read").body["decision"], "allow")
        self.reload(POLICY.replace(", kb.read]", "]"))
        self.assertEqual(self.ask("run", "1", "kb.read").outcome, (200, "stop", "policy_changed"))

    def test_a_retried_allow_is_stopped_after_a_reload_that_asks_for_approval(self):
        self.assertEqual(self.ask("run", "1", "kb.read").body["decision"], "allow")
        self.reload(POLICY.replace("actions: [pay.both]", "actions: [pay.both, kb.read]"))
        self.assertEqual(self.ask("run", "1", "kb.read").outcome, (200, "stop", "policy_changed"))

    def test_a_retried_allow_is_repeated_after_a_reload_that_still_allows_it(self):
        first = self.ask("run", "1", "kb.read").body
        self.reload(POLICY + "# a comment\n")
        again = self.ask("run", "1", "kb.read").body
        self.assertEqual((again["decision"], again["decision_id"], again["replayed"]),
                         ("allow", first["decision_id"], True))

    def test_a_retried_allow_is_stopped_once_its_time_is_over(self):
        self.reload(POLICY.replace("allow_valid: 5m", "allow_valid: 1s"))
        self.assertEqual(self.ask("run", "1", "kb.read").body["decision"], "allow")
        late = harness.until("its end", lambda: [answer for answer in [self.ask("run", "1", "kb.read")]
                                                 if answer.body["decision"] != "allow"])
        self.assertEqual(late[0].outcome, (200, "stop", "allow_expired"))


if __name__ == "__main__":
    harness.main()
