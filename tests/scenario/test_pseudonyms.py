"""Actors' ids as pseudonyms: found nowhere at rest, and yet every limit, switch, grant and search is about the same actor."""

from __future__ import annotations

import json
import re
import shutil
import unittest

import harness
from test_secrets import all_bytes, spellings

ON = {"audit": {"pseudonymize": ["actor.id"]}}
OFF = {"audit": {"pseudonymize": []}}
FORM = re.compile(r"p[1-9][0-9]*_[A-Za-z0-9_-]{22}")

POLICY = """\
policy: test
stop:
  - id: not-him
    actions: [kb.read]
    when: actor.id == "u_66"
    reason: not_for_him
  - id: no-guests
    actions: [kb.read]
    when: '"guest" in actor.roles'
    reason: no_guests
allow:
  - id: reads
    actions: ["kb.*"]
  - id: refunds
    actions: [refund.create, order.change]
limits:
  - {id: often, per: actor, actions: [kb.often], rate: 3/d, reason: too_often}
  - {id: loops, per: actor, actions: [kb.loop], same_action: 2, within: 24h, reason: a_loop}
budgets:
  - {id: spend, per: actor, actions: [kb.dear], unit: usd, amount: "3.00", every: month, cost: "1.00", reason: spent}
approvals:
  - id: refunds-need-a-human
    actions: [refund.create]
    reason: refund_needs_approval
    approvers: {groups: [finance], count: 1}
    show: [/amount]
  - id: changes-need-a-human
    actions: [order.change]
    reason: change_needs_approval
    approvers: {groups: [finance], count: 1}
    bounded: {max_uses: 5, max_ttl: 1h, pins: [args.order]}
"""


def actor(name: str, *roles: str) -> dict:
    return {"type": "user", "id": name, **({"roles": list(roles)} if roles else {})}


class Pseudonyms(unittest.TestCase):
    config = ON

    def setUp(self) -> None:
        self.server = harness.Server(POLICY, self.config).start()
        self.addCleanup(self.server.destroy)
        self.agent = self.server.agent(may_actors="*", may_roles="*")
        self.alice = self.server.approver("alice")
        self.operator = self.server.client("olga", "human", "operator", tenant="*")
        self.auditor = self.server.client("ann", "human", "auditor", tenant="*")
        self.step = 0

    # what tests do

    def ask(self, action: str, who: str, args: dict | None = None, run: str = "run_1", step: str | None = None, roles=(), **more):
        self.step += 1
        return self.agent.decide(run, step or str(self.step), action, args, actor=actor(who, *roles), **more)

    def restart(self, config: dict | None = None) -> None:
        self.assertEqual(self.server.stop(), 0)
        self.server.write_config(**(config or {}))
        self.server.start()

    def rotate(self) -> None:
        self.server.cli("key", "rotate", "--hash", "--reason", "a drill")

    def verified(self) -> None:
        done = self.server.verify()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def through(self, *between):
        """After each of: a restart, a rotation, the setting off, on again, another rotation."""
        for what in between or (self.restart, self.rotate, lambda: self.restart(OFF), self.rotate, lambda: self.restart(ON)):
            what()

    # at rest

    def test_planted_ids_are_found_nowhere_at_rest_but_in_values_that_can_be_let_go(self):
        marks = {name: f"S3CR3Tuser{i:02d}" for i, name in enumerate(("allowed", "stopped", "often", "dear", "asked", "switched", "searched", "person"))}
        self.server.token(marks["person"] + "x", "human", "approver", group="finance", tenant="*")  # an identity is no actor
        allowed = self.ask("kb.read", marks["allowed"])
        self.agent.result(allowed.body["decision_id"], output={"x": 1})
        self.assertEqual(self.ask("no.such", marks["stopped"]).body["decision"], "stop")
        for _ in range(4):
            often = self.ask("kb.often", marks["often"])
        self.assertEqual(often.outcome, (200, "stop", "too_often"))
        self.ask("kb.dear", marks["dear"])
        self.ask("kb.loop", marks["dear"])
        asked = self.ask("refund.create", marks["asked"], {"amount": 5}).body
        self.assertEqual(self.operator.post("/v1/kill-switches", {"scope": "actor", "id": marks["switched"], "reason": "odd"}).status, 201)
        self.assertEqual(self.ask("kb.read", marks["switched"]).outcome, (200, "stop", "kill_switch"))
        self.assertEqual(self.auditor.get(f"/v1/events?actor={marks['searched']}").body["events"], [])
        metrics = self.server.client("prom", "service", "metrics").get("/metrics").data
        open_now = {"asked", "switched"}  # beside the log, until they are let go

        def found_in(blobs: dict) -> set:
            return {name for name, mark in marks.items() for data in blobs.values()
                    if any(s in data.replace((mark + "x").encode(), b"") for s in spellings(mark))}

        self.assertEqual(found_in({"metrics": metrics, "log": self.server.log_path.read_bytes()}), set())
        self.assertEqual(found_in(all_bytes(self.server.data)), open_now)
        for name in sorted(open_now):
            done = self.operator.post("/v1/redactions", {"actor_id": marks[name], "all": True, "reason": "erasure request 3"})
            self.assertEqual((done.status, done.body["wal_cleared"], len(done.body["redactions"])), (200, True, 1), done)
        self.assertEqual(found_in(all_bytes(self.server.data)), set())
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(found_in({**all_bytes(self.server.data), "log": self.server.log_path.read_bytes()}), set())
        for one in self.server.recorded():
            self.assertNotIn(b"S3CR3Tuser", one.data.replace((marks["person"] + "x").encode(), b""))
            self.assertIsNone(re.search(rb'"id":"u_', one.data))
        self.verified()
        self.server.start()
        self.assertEqual(self.alice.get(f"/v1/approvals/{asked['approval']['approval_id']}").body["redacted"].keys(), {"/amount", "actor.id"})
        self.assertEqual(self.ask("kb.read", marks["switched"]).outcome, (200, "stop", "kill_switch"), "the switch doesn't need its opening")

    # the same actor, whatever it is called

    def test_a_rate_holds_through_restarts_rotations_and_the_setting(self):
        self.assertEqual([self.ask("kb.often", "u_7").body["decision"] for _ in range(2)], ["allow", "allow"])
        self.through(self.restart, self.rotate)
        self.assertEqual(self.ask("kb.often", "u_7").body["decision"], "allow")
        for _ in range(1):
            self.assertEqual(self.ask("kb.often", "u_7").outcome, (200, "stop", "too_often"))
        for step in (self.rotate, lambda: self.restart(OFF), self.rotate, lambda: self.restart(ON)):
            step()
            self.assertEqual(self.ask("kb.often", "u_7").outcome, (200, "stop", "too_often"))
            self.assertEqual(self.ask("kb.often", f"v_{self.step}").body["decision"], "allow", "another actor is another actor")
        self.assertEqual(self.server.stop(), 0)
        self.verified()

    def test_a_budget_and_repeats_add_up_over_all_names(self):
        for between in (lambda: None, self.rotate, lambda: self.restart(OFF)):
            between()
            self.assertEqual(self.ask("kb.dear", "u_7").body["decision"], "allow")
        for between in (lambda: None, self.rotate, lambda: self.restart(ON), self.restart):
            between()
            self.assertEqual(self.ask("kb.dear", "u_7").outcome, (200, "stop", "spent"))
        for between in (lambda: None, lambda: self.restart(OFF)):
            between()
            self.assertEqual(self.ask("kb.loop", "u_7", {"x": 1}).body["decision"], "allow")
        for between in (lambda: None, self.rotate, lambda: self.restart(ON)):
            between()
            self.assertEqual(self.ask("kb.loop", "u_7", {"x": 1}).outcome, (200, "stop", "a_loop"))
        self.assertEqual(self.ask("kb.loop", "u_7", {"x": 2}).body["decision"], "allow")
        self.assertEqual(self.server.stop(), 0)
        self.verified()

    def test_a_switch_over_an_actor_holds_under_all_names_and_keeps_its_key(self):
        thrown = self.operator.post("/v1/kill-switches", {"scope": "actor", "id": "u_7", "reason": "odd"}).body
        rows = self.auditor.get("/v1/kill-switches").body["kill_switches"]
        self.assertRegex(rows[0]["subject"], FORM)
        self.assertEqual(rows[0]["actor_id"], "u_7")
        self.assertIn(" u_7 ", self.server.cli("kill", "list").stdout)
        for between in (lambda: None, self.restart, self.rotate, lambda: self.restart(OFF), self.rotate, lambda: self.restart(ON)):
            between()
            self.assertEqual(self.ask("kb.read", "u_7").outcome, (200, "stop", "kill_switch"))
            self.assertEqual(self.ask("kb.read", "u_8").body["decision"], "allow")
        for run in {f"run_{1}"}:
            self.close(run)
        key = next(k for k in self.operator.get("/v1/keys").body["keys"] if k["what"] == "hash" and k["id"] == 1)
        self.assertEqual((key["state"], key["switches"]), ("needed", 1))
        refused = self.server.cli("key", "destroy", "1", "--reason", "r", check=False)
        self.assertEqual(refused.returncode, 1, refused.stderr)
        self.assertEqual(self.operator.delete(f"/v1/kill-switches/{thrown['id']}", {"reason": "r"}).status, 200)
        self.assertEqual(self.ask("kb.read", "u_7", run="run_2").body["decision"], "allow")
        # by its pseudonym, as somebody who reads the record knows the actor
        named = self.auditor.events("actor=u_7")[-1]["actor"]["id"]
        self.assertRegex(named, FORM)
        self.assertEqual(self.operator.post("/v1/kill-switches", {"scope": "actor", "id": named, "reason": "r"}).status, 201)
        self.assertEqual(self.ask("kb.read", "u_7", run="run_2").outcome, (200, "stop", "kill_switch"))

    def test_a_switch_that_would_stop_nobody_is_refused(self):
        self.ask("kb.read", "u_7")
        named = self.auditor.events("actor=u_7")[-1]["actor"]["id"]
        self.close("run_1")
        self.rotate()
        self.server.cli("key", "destroy", "1", "--reason", "r")
        for gone in (named, "p9" + named[2:]):
            answer = self.operator.post("/v1/kill-switches", {"scope": "actor", "id": gone, "reason": "odd"})
            self.assertEqual((answer.outcome, answer.body["pointer"]), ((400, "invalid_request"), "/id"), gone)
        self.assertEqual(self.auditor.get("/v1/kill-switches").body["kill_switches"], [])
        for other in ("p2" + named[2:], named[:-1]):  # nobody's perhaps, and nobody can know that; no pseudonym at all
            self.assertEqual(self.operator.post("/v1/kill-switches", {"scope": "actor", "id": other, "reason": "odd"}).status, 201)

    def close(self, run: str) -> None:
        for event in self.auditor.events(f"run_id={run}&decision=allow&kind=decision"):
            self.agent.result(event["decision_id"])
        self.assertEqual(self.agent.post(f"/v1/runs/{run}/end").status, 200)

    def test_a_limit_keeps_the_key_of_the_pseudonym_that_it_counts(self):
        self.ask("kb.dear", "u_7")
        self.close("run_1")
        self.rotate()
        key = next(k for k in self.operator.get("/v1/keys").body["keys"] if k["what"] == "hash" and k["id"] == 1)
        self.assertEqual((key["state"], key["limits"], key["runs"]), ("needed", 1, 0))
        refused = self.server.cli("key", "destroy", "1", "--reason", "r", check=False)
        self.assertEqual(refused.returncode, 1, refused.stdout)

    def test_whom_an_action_is_for_never_grants_it(self):
        self.server.token("alice-laptop", "human", "approver", group="finance", tenant="*", person="alice")
        bob = self.server.approver("bob")
        laptop = harness.Client(self.server.address, self.server.token("alice-desk", "human", "approver", group="finance", tenant="*", person="alice"))
        for whom in ("alice", "alice-laptop"):  # her identity, and another one of hers; and, with no identity, her name as a person
            asked = self.ask("refund.create", whom, {"amount": 5}).body["approval"]["approval_id"]
            for between in (lambda: None, self.restart, self.rotate, lambda: self.restart(OFF), lambda: self.restart(ON)):
                between()
                self.assertEqual(self.alice.grant(asked).outcome, (403, "own_request"), whom)
                self.assertEqual(laptop.grant(asked).outcome, (403, "own_request"), whom)
            self.assertEqual(bob.grant(asked).status, 200)
        # whose identity it was when it was asked for
        asked = self.ask("refund.create", "alice-laptop", {"amount": 6}).body["approval"]["approval_id"]
        self.server.cli("token", "revoke", "alice-laptop")
        self.restart()
        self.assertRegex(self.auditor.events("kind=decision")[-1]["approval"]["actor_person"], FORM)
        self.assertEqual(self.alice.grant(asked).outcome, (403, "own_request"))
        self.assertEqual(bob.grant(asked).status, 200)
        self.assertEqual(self.server.stop(), 0)
        self.verified()

    def test_approvers_see_for_whom_it_is_until_that_is_let_go(self):
        asked = self.ask("refund.create", "u_7", {"amount": 5}, roles=["support"]).body
        url = f"/v1/approvals/{asked['approval']['approval_id']}"
        view = self.alice.get(url).body
        self.assertRegex(view["actor"]["id"], FORM)
        self.assertEqual(view["shown"], {"/amount": 5, "actor.id": "u_7"})
        row = next(e for e in self.auditor.events("actor=u_7") if e["seq"] == asked["event"]["seq"])
        self.assertEqual((row["opened"]["actor.id"], row["actor"]["roles"]), ("u_7", ["support"]))
        self.assertNotIn("u_7", json.dumps(self.auditor.get(f"/v1/events/{row['seq']}?raw=true").body))
        self.assertEqual(self.operator.post("/v1/redactions", {"seq": row["seq"], "paths": ["actor.id"], "reason": "r"}).status, 200)
        view = self.alice.get(url).body
        self.assertEqual((view["shown"], list(view["redacted"])), ({"/amount": 5}, ["actor.id"]))
        self.assertEqual(self.alice.grant(asked["approval"]["approval_id"]).status, 200)
        done = self.ask("refund.create", "u_7", {"amount": 5}, roles=["support"], approval_id=asked["approval"]["approval_id"])
        self.assertEqual(done.outcome, (200, "allow", "approval_granted"), "the grant doesn't need the opening")

    def test_retries_and_grants_are_the_same_actors_through_rotations_and_the_setting(self):
        first = self.ask("kb.read", "u_7", step="same").body
        asked = self.ask("refund.create", "u_7", {"amount": 5}).body["approval"]["approval_id"]
        bounded = self.ask("order.change", "u_7", {"order": 1, "n": 1}).body["approval"]["approval_id"]
        self.assertEqual(self.alice.grant(asked).status, 200)
        self.assertEqual(self.alice.grant(bounded, bounded={"uses": 5}).status, 200)
        for n, between in enumerate((lambda: None, self.restart, self.rotate, lambda: self.restart(OFF), lambda: self.restart(ON)), 2):
            between()
            again = self.ask("kb.read", "u_7", step="same")
            self.assertEqual((again.body["decision_id"], again.body["replayed"]), (first["decision_id"], True))
            self.assertEqual(self.ask("kb.read", "u_8", step="same").outcome, (409, "step_conflict"))
            self.assertEqual(self.ask("refund.create", "u_8", {"amount": 5}, approval_id=asked).outcome, (200, "stop", "approval_mismatch"))
            self.assertEqual(self.ask("order.change", "u_8", {"order": 1, "n": n}).body["decision"], "approval_required")
            if n < 6:
                self.assertEqual(self.ask("order.change", "u_7", {"order": 1, "n": n}).outcome, (200, "allow", "approval_granted"))
        self.assertEqual(self.ask("refund.create", "u_7", {"amount": 5}, approval_id=asked).outcome, (200, "allow", "approval_granted"))
        self.assertEqual(self.server.stop(), 0)
        self.verified()

    def test_a_search_finds_an_actor_under_every_name(self):
        seqs = []
        for between in (lambda: None, self.rotate, lambda: self.restart(OFF), lambda: self.restart(ON), self.rotate):
            between()
            seqs.append(self.ask("kb.read", "u_7").body["event"]["seq"])
            self.ask("kb.read", "u_8")
        found = self.auditor.events("actor=u_7")
        self.assertEqual([event["seq"] for event in found], seqs)
        self.assertEqual([e["actor"]["id"][:3] for e in found], ["p1_", "p2_", "u_7", "p2_", "p3_"])
        self.assertEqual([e["seq"] for e in self.auditor.events(f"actor={found[1]['actor']['id']}")], [seqs[1], seqs[3]])
        self.assertEqual(self.auditor.events("actor=u_9"), [])
        lines = self.server.cli("events", "--actor", "u_7", "--json").stdout
        self.assertEqual(sorted(e["seq"] for e in json.loads(lines)["events"]) if lines.startswith("{\"events\"")
                         else sorted(json.loads(line)["seq"] for line in lines.splitlines()), seqs)

    # what isn't accepted

    def test_an_id_that_looks_like_a_pseudonym_is_refused(self):
        self.ask("kb.read", "u_7")
        named = self.auditor.events("actor=u_7")[0]["actor"]["id"]
        answer = self.ask("kb.read", named)
        self.assertEqual((answer.outcome, answer.body["pointer"]), ((400, "invalid_request"), "/actor/id"))
        self.assertEqual(self.ask("kb.read", named[:-1]).status, 200)
        self.assertEqual(self.ask("kb.read", "p0" + named[2:]).status, 200)

    def test_other_fields_are_refused_with_a_hint(self):
        for field, hint in (("tenant_id", "who may see what"), ("agent_id", "who may see what"), ("actor_id", "write actor.id"),
                            ("actor.roles", "only actor.id")):
            done = self.server.cli("config", "--set", f"audit.pseudonymize=[{field}]", check=False)
            self.assertEqual(done.returncode, 78, done.stdout)
            self.assertIn(hint, done.stderr)
        self.assertEqual(self.server.cli("config", "--set", "audit.pseudonymize=[actor.id, actor.id]", check=False).returncode, 78)

    def test_a_destroyed_key_ends_what_a_pseudonym_says_and_tampers_with_nothing(self):
        self.ask("kb.read", "u_7")
        self.close("run_1")
        self.rotate()
        self.server.cli("key", "destroy", "1", "--reason", "r")
        self.assertEqual(self.auditor.events("actor=u_7"), [])
        self.assertEqual(self.ask("kb.read", "u_7", run="run_2").status, 200)
        self.assertEqual(len(self.auditor.events("actor=u_7")), 1)
        self.assertEqual(self.server.stop(), 0)
        self.verified()

    # replay

    def test_a_replay_says_what_hangs_on_the_id_and_decides_the_rest(self):
        self.ask("kb.read", "u_7", roles=["support"])
        self.ask("kb.read", "u_7", roles=["guest"])
        self.ask("kb.often", "u_7")
        candidate = self.server.root / "candidate"
        shutil.copytree(self.server.policies, candidate)
        text = (candidate / "test.yaml").read_text()
        report = json.loads(self.server.cli("policy", "replay", str(candidate), "--json", check=False).stdout)
        self.assertEqual(report["cannot_tell"], [{"action": "kb.read", "count": 1, "rules": ["not-him"]}])
        self.assertEqual((report["decisions"], report["told"], report["changes"]), (3, 2, []))
        (candidate / "test.yaml").write_text(text.replace('    when: actor.id == "u_66"\n', '    when: "\'support\' in actor.roles"\n'))
        done = self.server.cli("policy", "replay", str(candidate), "--json", check=False)
        self.assertNotIn("u_7", done.stdout)
        report = json.loads(done.stdout)
        self.assertEqual((report["cannot_tell"], report["told"]), ([], 3), done.stdout)
        self.assertEqual([(c["before"]["decision"], c["after"]["decision"]) for c in report["changes"]], [("allow", "stop")])


if __name__ == "__main__":
    harness.main()
