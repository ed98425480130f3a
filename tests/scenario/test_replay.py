"""Recorded decisions under another policy: what would change, and what can't be told."""

from __future__ import annotations

import json
import pathlib
import subprocess
import tempfile
import unittest

import harness

RECORDED = """policy: p
allow:
  - {id: reads, actions: [crm.search]}
  - {id: pays, actions: [pay]}
  - {id: wires, actions: [wire]}
limits:
  - {id: searches, actions: [crm.search], per: tenant, rate: 5/min, burst: 5}
approvals:
  - {id: ask, actions: [wire], approvers: {groups: [finance]}, show: [/amount]}
"""
TIGHTER = RECORDED.replace("5/min, burst: 5", "2/min, burst: 2").replace("allow:\n", """stop:
  - {id: large, actions: [pay, wire], when: args.amount > 50, reason: too_large}
allow:
""", 1)


class Replay(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = harness.Server({"a.yaml": RECORDED}).start()
        cls.addClassCleanup(cls.server.destroy)
        agent, alice = cls.server.agent(), cls.server.approver("alice")
        cls.agent = agent
        cls.operator = cls.server.client("olga", "human", "operator", tenant="*")
        for i in range(8):
            answer = agent.decide("run", f"search{i}", "crm.search", {"q": i}).body
            if answer["decision"] == "allow":
                agent.result(answer["decision_id"])
        for i in range(3):
            agent.decide("run", f"pay{i}", "pay", {"amount": 40 * i})
        for step, amount in (("small", 10), ("large", 60), ("rotated", 20)):
            approval = agent.decide("run", step, "wire", {"amount": amount}).body["approval"]["approval_id"]
            alice.grant(approval)
            if step == "rotated":  # the grant was asked for under one hash key, and is used under the next
                cls.server.cli("key", "rotate", "--hash", "--reason", "a drill")
            used = agent.decide("run", f"{step}-granted", "wire", {"amount": amount}, approval_id=approval).body
            assert used["decision"] == "allow", used

    def replay(self, policy: str, *flags: str) -> dict:
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "a.yaml").write_text(policy)
            return json.loads(self.server.cli("policy", "replay", folder, "--json", *flags).stdout)

    def test_under_the_same_policy_nothing_changes(self):
        report = self.replay(RECORDED)
        self.assertEqual((report["changes"], report["cannot_tell"]), ([], []))
        self.assertEqual(report["same"], report["decisions"])
        self.assertTrue(report["complete"])

    def test_a_grant_that_is_used_under_another_hash_key_is_no_change(self):
        decisions = {row.event["step_id"]: row.event for row in self.server.recorded() if row.event["kind"] == "decision"}
        asked, used = decisions["rotated"], decisions["rotated-granted"]
        self.assertEqual([one["action_key"].split("_")[0] for one in (asked, used)], ["ak1", "ak2"])
        for policy in (RECORDED, TIGHTER):
            report = self.replay(policy)
            steps = {change["example"]["step_id"] for change in report["changes"]}
            self.assertFalse(steps & {"rotated", "rotated-granted"}, report)

    def test_limits_count_from_the_beginning(self):
        [change] = [c for c in self.replay(TIGHTER)["changes"] if c["action"] == "crm.search"]
        self.assertEqual(change["count"], 3)
        self.assertEqual((change["before"]["decision"], change["before"]["rule"]), ("allow", "reads"))
        self.assertEqual((change["after"]["decision"], change["after"]["rule"]), ("stop", "searches"))
        self.assertEqual(change["example"]["step_id"], "search2")

    def test_what_the_record_shows_is_judged(self):
        changes = [c for c in self.replay(TIGHTER)["changes"] if c["action"] == "wire"]
        self.assertTrue(changes)
        self.assertTrue(all(c["after"]["reason"] == "too_large" for c in changes))
        self.assertEqual({c["example"]["step_id"] for c in changes}, {"large", "large-granted"})

    def test_what_it_keeps_as_a_hash_is_counted_and_never_guessed(self):
        report = self.replay(TIGHTER)
        self.assertIn({"action": "pay", "count": 3, "rules": ["large"]}, report["cannot_tell"])
        self.assertNotIn("pay", [c["action"] for c in report["changes"]])
        self.assertEqual(report["decisions"] - report["told"], sum(u["count"] for u in report["cannot_tell"]))

    def simulate(self, **body) -> harness.Answer:
        return self.operator.post("/v1/policy/simulate", body)

    def test_over_http_it_says_the_same(self):
        answer = self.simulate(files=[{"name": "a.yaml", "text": TIGHTER}])
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.body, self.replay(TIGHTER))
        in_force = self.operator.get("/v1/policy").body["digest"]
        self.assertEqual(self.simulate(digest=in_force).body["changes"], [])
        self.assertEqual(self.simulate(digest=in_force, since="2100-01-01T00:00:00Z").body["decisions"], 0)

    def test_over_http_a_wrong_question_is_told(self):
        self.assertEqual(self.simulate(files=[{"name": "a.yaml", "text": "policy: p\nalow: []\n"}]).outcome,
                         (422, "policy_invalid"))
        self.assertEqual(self.simulate().outcome, (400, "invalid_request"))
        self.assertEqual(self.simulate(digest="sha256:" + "0" * 64).outcome, (404, "not_found"))
        self.assertEqual(self.simulate(digest="x", since="soon").outcome, (400, "invalid_request"))
        self.assertEqual(self.agent.post("/v1/policy/simulate", {"digest": "x"}).status, 403)

    def test_without_a_journal_it_asks_for_the_config(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "a.yaml").write_text(RECORDED)
            ended = subprocess.run([harness.binary(), "policy", "replay", folder], cwd=folder, capture_output=True, text=True,
                                   timeout=harness.DEADLINE_S)
        self.assertEqual(ended.returncode, 66)
        self.assertRegex(ended.stderr, r"/journal.db: No such file or directory; which server's record\? see --config\n$")

    def test_a_span_in_the_future_has_no_decisions(self):
        self.assertEqual(self.replay(TIGHTER, "--since", "2100-01-01T00:00:00Z")["decisions"], 0)

    def test_a_broken_candidate_is_told_and_exits_1(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "a.yaml").write_text(RECORDED.replace("allow:", "alow:"))
            done = self.server.cli("policy", "replay", folder, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("a.yaml:2:1", done.stdout)


class Shadow(harness.ServerCase):
    policy = """policy: p
allow:
  - {id: all, actions: ["*"]}
limits:
  - {id: new-limit, mode: shadow, per: run, max: 1, reason: too_many}
approvals:
  - {id: new-approval, mode: shadow, actions: [pay], when: args.amount > 50, approvers: {groups: [finance]}}
"""

    def test_what_shadow_rules_would_have_said_is_seen(self):
        self.agent.decide("run", "1", "crm.search")
        self.assertEqual(self.agent.decide("run", "2", "pay", {"amount": 60}).body["decision"], "allow")
        [first, second] = self.auditor.events("kind=decision")
        self.assertEqual(first.get("shadow", []), [])
        self.assertEqual(sorted((s["rule"], s["would"]) for s in second["shadow"]),
                         [("new-approval", "approval_required"), ("new-limit", "stop")])
        run = self.server.cli("run", "run").stdout
        self.assertRegex(run, r"shadow +stop +rate_limit: too_many \(new-limit\)")
        self.assertRegex(self.server.cli("events", "--kind", "decision").stdout, r"in shadow: .*stop new-limit")
        metrics = self.server.client("m", "service", "metrics").get("/metrics").text
        self.assertIn('gatekeeper_shadow_total{layer="rate_limit",would="stop"} 1\n', metrics)
        self.assertIn('gatekeeper_shadow_total{layer="approval",would="approval_required"} 1\n', metrics)


if __name__ == "__main__":
    harness.main()
